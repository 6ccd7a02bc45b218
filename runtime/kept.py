"""Readings that cost: what a page shows again until making it anew costs a small share of the time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

#: Making a reading may take this share of the time.
SHARE = 0.05
#: A reading is not shown for longer than this many seconds, however long it took.
MAX_SECONDS = 60.0


class Kept(Generic[T]):
    """A reading, made when it is asked for and the last one is old; safe to ask from several threads.

    Parameters
    ----------
    make
        Makes a reading. What it raises reaches whoever asked, and nothing is kept.
    clock
        Seconds, monotonic.
    """

    def __init__(self, make: Callable[[], T], clock: Callable[[], float] = time.monotonic) -> None:
        self._make, self._clock = make, clock
        self._lock = threading.Lock()
        self._made: tuple[T] | None = None
        self._good_until = 0.0

    def get(self) -> T:
        """Return the reading."""
        with self._lock:
            start = self._clock()
            if self._made is None or start >= self._good_until:
                self._made = None
                self._made = (self._make(),)
                now = self._clock()
                self._good_until = now + min((now - start) / SHARE, MAX_SECONDS)
            return self._made[0]
