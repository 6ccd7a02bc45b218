"""Resources that run out while a process works: told once when it begins and once when it ends, shown in ``/ready``.

What the operating system refuses is refused again with every request; a line each would fill the disk that is full.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import structlog

from runtime.errors import DiskFull, HallmarkError

#: A trouble that has not shown for this many seconds is over; a full disk also needs room again.
QUIET_SECONDS = 3.0
#: Free bytes with which a disk is no longer full.
ROOM_BYTES = 1 << 20


@dataclass
class _Trouble:
    error: HallmarkError
    since: float
    last: float
    harmful: bool
    times: int = 1


class Troubles:
    """What is wrong with this host at the moment, by error code.

    Attributes
    ----------
    disk
        A folder whose disk must have room before a full disk is over.
    """

    #: Name of the logger that tells them.
    LOGGER = "troubles"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._active: dict[str, _Trouble] = {}
        self.disk: Path | None = None

    def note(self, error: HallmarkError, *, harmful: bool = True) -> None:
        """Note that a resource was refused; logs when that is new.

        Parameters
        ----------
        harmful
            Whether this host can serve others less well for it. What is not harmful is only told, so that whoever
            causes it cannot take a process out of service.
        """
        now = time.monotonic()
        with self._lock:
            known = self._active.get(error.code)
            if known is not None:
                known.last, known.times = now, known.times + 1
                return
            watch = not self._active
            self._active[error.code] = _Trouble(error, now, now, harmful)
        _log().error("trouble began", code=error.code, reason=error.message, remedy=error.remedy)
        if watch:
            threading.Thread(target=self._watch, name="troubles", daemon=True).start()

    def reason(self) -> str:
        """Return what harms this host now, as one line, empty when nothing does."""
        with self._lock:
            return "; ".join(trouble.error.message for trouble in self._active.values() if trouble.harmful)

    def _watch(self) -> None:
        while True:
            time.sleep(QUIET_SECONDS / 6)
            now, full = time.monotonic(), self._still_full()
            with self._lock:
                quiet = [code for code, trouble in self._active.items() if now - trouble.last > QUIET_SECONDS]
                over = [code for code in quiet if not (full and code == DiskFull.code)]
                ended = [self._active.pop(code) for code in over]
                left = bool(self._active)
            for trouble in ended:
                _log().warning(
                    "trouble ended",
                    code=trouble.error.code,
                    times=trouble.times,
                    seconds=round(trouble.last - trouble.since, 1),
                )
            if not left:
                return

    def _still_full(self) -> bool:
        if self.disk is None:
            return False
        try:
            state = os.statvfs(self.disk)
        except OSError:
            return False
        return state.f_bavail * state.f_frsize < ROOM_BYTES


def _log() -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(Troubles.LOGGER, logger_name=Troubles.LOGGER)
    return logger


#: Of this process.
TROUBLES = Troubles()
