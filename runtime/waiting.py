"""Waiting for a service that is away, with growing, jittered pauses."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import TypeVar

from runtime.errors import HallmarkError, ResourceError, Unavailable
from runtime.logging import get_logger

T = TypeVar("T")

#: What passes by itself.
OUTAGES: tuple[type[HallmarkError], ...] = (Unavailable, ResourceError)
#: First and longest pause between two attempts, in seconds.
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 15.0


def wait_for(
    attempt: Callable[[], T],
    what: str,
    stopping: threading.Event | None = None,
    *,
    outages: tuple[type[HallmarkError], ...] = OUTAGES,
) -> T:
    """Call ``attempt`` until the service answers; never give up on an outage.

    Raises
    ------
    HallmarkError
        ``stopping`` was set meanwhile, or the attempt failed in another way.
    """
    stopping = stopping or threading.Event()
    log = get_logger("connect")
    pause = FIRST_PAUSE
    while True:
        try:
            return attempt()
        except outages as error:
            if stopping.is_set():
                raise
            log.warning(f"waiting for the {what}", code=error.code, reason=error.message, remedy=error.remedy)
            stopping.wait(pause * random.uniform(0.5, 1.0))
            pause = min(LONGEST_PAUSE, pause * 2)
