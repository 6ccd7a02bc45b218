"""One core per state directory: the mempool lives in its memory, and only one may write to the state tree."""

from __future__ import annotations

import fcntl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runtime.errors import ConfigurationError
from runtime.private import private_file

#: Seconds that a starting core waits for another one to end; a restart may overlap with the end of its predecessor.
WAIT_SECONDS = 15.0


class OtherCore(ConfigurationError):
    """Another core, or the same component of one, runs on this state directory."""

    code = "other_core"
    default_remedy = "Stop the other core, or give this one a HALLMARK_STATE_DIR of its own."


@contextmanager
def only_core(
    folder: Path,
    wait_seconds: float = WAIT_SECONDS,
    *,
    component: str = "",
    stopping: threading.Event | None = None,
) -> Iterator[None]:
    """Hold the folder's lock, or that of a component; the kernel frees it when the process ends, however it ends.

    Raises
    ------
    OtherCore
        The lock is not free in time, or ``stopping`` was set meanwhile.
    """
    stopping = stopping or threading.Event()
    deadline = time.monotonic() + wait_seconds
    with private_file(folder / (f"{component}.lock" if component else "lock")).open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > deadline or stopping.wait(0.1):
                    raise OtherCore(f"Another {component or 'core'} runs on {folder}.") from None
        yield
