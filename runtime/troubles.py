"""Resources that run out while a process works: told once when it begins and once when it ends, shown in ``/ready``.

What the operating system refuses is refused again with every request; a line each would fill the disk that is full.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import structlog

from runtime.errors import HallmarkError

#: A trouble that has not shown for this many seconds is over.
QUIET_SECONDS = 3.0


@dataclass
class _Trouble:
    error: HallmarkError
    since: float
    last: float
    times: int = 1


class Troubles:
    """What is wrong with this host at the moment, by error code."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._active: dict[str, _Trouble] = {}

    def note(self, error: HallmarkError) -> None:
        """Note that a resource was refused; logs when that is new."""
        now = time.monotonic()
        with self._lock:
            known = self._active.get(error.code)
            if known is not None:
                known.last, known.times = now, known.times + 1
                return
            watch = not self._active
            self._active[error.code] = _Trouble(error, now, now)
        _log().error("trouble began", code=error.code, reason=error.message, remedy=error.remedy)
        if watch:
            threading.Thread(target=self._watch, name="troubles", daemon=True).start()

    def reason(self) -> str:
        """Return what is wrong now, as one line, empty when nothing is."""
        with self._lock:
            return "; ".join(trouble.error.message for trouble in self._active.values())

    def _watch(self) -> None:
        while True:
            time.sleep(QUIET_SECONDS / 6)
            now = time.monotonic()
            with self._lock:
                over = [code for code, trouble in self._active.items() if now - trouble.last > QUIET_SECONDS]
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


def _log() -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.get_logger("troubles", logger_name="troubles")
    return logger


#: Of this process.
TROUBLES = Troubles()
