"""What takes long to make and is the same for every test: made once by one of a run's processes, read by the others."""

from __future__ import annotations

import fcntl
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

#: Names the folder of the run, which ``tests/conftest.py`` makes and removes.
FOLDER = "TESTS_SHARED"


def once(name: str, make: Callable[[], T]) -> T:
    """Return what `make` returns, from another process of the run where one has called it under this name.

    Parameters
    ----------
    name
        Of a file; it must name all that `make` depends on.
    make
        What it returns can be pickled.
    """
    place = os.environ.get(FOLDER)
    if not place:
        return make()
    path = Path(place) / name
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            made = make()
            part = path.with_suffix(".part")
            part.write_bytes(pickle.dumps(made))
            part.rename(path)
            return made
    found: T = pickle.loads(path.read_bytes())
    return found
