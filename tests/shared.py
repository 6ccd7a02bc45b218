"""What takes long to make and is the same for every test: made once by one of a run's processes, read by the others."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from pathlib import Path

#: Names the folder of the run, which ``tests/conftest.py`` makes and removes.
FOLDER = "TESTS_SHARED"


def once(name: str, make: Callable[[], Sequence[bytes]]) -> list[bytes]:
    """Return what `make` returns, from another process of the run where one has called it under this name.

    Parameters
    ----------
    name
        Of a file; it must name all that `make` depends on.
    """
    place = os.environ.get(FOLDER)
    if not place:
        return list(make())
    path = Path(place) / name
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            part = path.with_suffix(".part")
            part.write_bytes(_joined(make()))
            part.rename(path)
    return _parts(path.read_bytes())


def _joined(parts: Sequence[bytes]) -> bytes:
    """The parts behind a line with their lengths."""
    return " ".join(str(len(part)) for part in parts).encode() + b"\n" + b"".join(parts)


def _parts(content: bytes) -> list[bytes]:
    line, _, joined = content.partition(b"\n")
    ends = accumulate(map(int, line.split()), initial=0)
    return [joined[start:end] for start, end in pairwise(ends)]
