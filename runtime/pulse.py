"""When a process last made progress: what ``/ready`` reports and the watchdog acts on.

A process that is up but consumes nothing looks healthy from outside, so readiness is progress, not existence.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable


class Pulse:
    """Times of the last signs of life, by name (``poll``, ``renew``, ``finish``, ``sweep``)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._beats: dict[str, float] = {}
        self._busy = 0
        self.started = self._tried = time.monotonic()

    def beat(self, name: str) -> None:
        """Note a sign of life."""
        with self._lock:
            self._beats[name] = time.monotonic()

    def forget(self, names: Iterable[str]) -> None:
        """Forget signs of what has ended."""
        with self._lock:
            for name in names:
                self._beats.pop(name, None)

    def tried(self) -> None:
        """Note that the process is alive but a service it needs is away; not progress, yet no reason to restart."""
        self._tried = time.monotonic()

    def silent(self) -> float:
        """Return the seconds since the process last did or tried anything: what the watchdog acts on."""
        return min(self.age(), time.monotonic() - self._tried)

    def work(self, change: int) -> None:
        """Note that a job began (+1) or ended (-1)."""
        with self._lock:
            self._busy += change

    @property
    def busy(self) -> int:
        """Number of jobs being worked on."""
        return self._busy

    def ages(self) -> dict[str, float]:
        """Return the seconds since each last sign of life."""
        now = time.monotonic()
        with self._lock:
            return {name: round(now - beat, 3) for name, beat in sorted(self._beats.items())}

    def age(self) -> float:
        """Return the seconds since the last sign of life of any kind, or since the start."""
        return min(self.ages().values(), default=time.monotonic() - self.started)
