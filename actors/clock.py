"""How far this host's clock is from the database's; leases are told by that one alone, log lines and spans by this."""

from __future__ import annotations

import time

from prometheus_client import Gauge

from broker.jobs import JobStore
from broker.jobs.overview import now
from runtime.errors import Unavailable
from runtime.logging import get_logger

SKEW = Gauge("hallmark_clock_skew_seconds", "This host's clock less the database's; positive when it is ahead.")

#: A clock is called wrong from this many seconds on.
WRONG_SECONDS = 2.0


class ClockWatch:
    """Compares the two clocks and says once when this one became wrong, and when it is right again.

    Attributes
    ----------
    skew
        This host's clock less the database's, in seconds; None before the first look.
    """

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._wrong = False
        self.skew: float | None = None

    def look(self) -> None:
        """Compare them now; a database that is away is asked the next time."""
        asked, before = time.time(), time.monotonic()
        try:
            there = now(self._store)
        except Unavailable:
            return
        took = time.monotonic() - before
        # The database looked at its clock at some moment while it was asked.
        skew = asked + took / 2 - there
        SKEW.set(skew)
        self.skew = round(skew, 3)
        wrong = abs(skew) > max(WRONG_SECONDS, took)
        if wrong != self._wrong:
            log = get_logger("clock")
            tell = log.warning if wrong else log.info
            tell("this host's clock is wrong" if wrong else "this host's clock is right again", seconds=self.skew)
        self._wrong = wrong
