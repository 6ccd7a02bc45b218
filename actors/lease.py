"""Holding a job: the lease is renewed from a side thread for as long as the job makes progress."""

from __future__ import annotations

import threading
import time

from prometheus_client import Histogram

from actors.context import WorkerContext
from broker.jobs import Claim
from runtime.errors import HallmarkError, JobCancelled, LeaseLost, Unavailable
from runtime.logging import get_logger
from runtime.telemetry import exemplar, trace_id_of

RENEWAL = Histogram(
    "hallmark_lease_renewal_seconds", "Time that renewing a lease took.", buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)
)

#: A clock that moved by this many seconds against the database's is told again while a job is held.
CLOCK_STEP_SECONDS = 1.0


class Released(HallmarkError):
    """The process was told to stop and gives the job back."""

    code = "released"


class Held:
    """A claimed job and its lease; a context manager.

    The stage calls :meth:`progress` between its phases. When the lease is gone, the batch cancelled or the process
    told to stop, that call raises, and whatever the stage does after it can no longer be stored.

    Parameters
    ----------
    claim
        What the job store gave.
    """

    def __init__(self, context: WorkerContext, claim: Claim) -> None:
        self.context, self.claim = context, claim
        self._fraction, self._note = 0.0, ""
        self._moved = time.monotonic()
        #: What the attempt says of this host's clock, once that was told here.
        self._told: float | None = None
        self._ended = threading.Event()
        self._stop: HallmarkError | None = None
        # The renewing thread is in no span.
        self._log = get_logger("lease").bind(
            job=claim.job_id, attempt=claim.attempt, trace_id=trace_id_of(claim.job.traceparent)
        )
        self._thread = threading.Thread(target=self._renew, name=f"lease-{claim.job_id}", daemon=True)

    def __enter__(self) -> Held:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def progress(self, fraction: float, note: str = "") -> None:
        """Report progress (0..1) and the phase that begins now.

        Raises
        ------
        LeaseLost, JobCancelled, Released
            The stage must stop.
        """
        self._fraction, self._note = min(max(fraction, 0.0), 1.0), note
        self._moved = time.monotonic()
        self.check()

    def check(self) -> None:
        """Raise when the stage must stop, as :meth:`progress` does."""
        if self._stop is not None:
            raise self._stop
        if self.context.stopping.is_set():
            raise Released()

    def _renew(self) -> None:
        try:
            self._renew_until_ended()
        finally:
            self.context.store.database.close()

    def _renew_until_ended(self) -> None:
        stall = self.context.settings.stall_seconds
        while not self._ended.wait(self.claim.lease_seconds / 3):
            if time.monotonic() - self._moved > stall:
                self._log.error("no progress, letting the lease run out", seconds=stall, phase=self._note)
                self._stop = LeaseLost(f"No progress for {stall:.0f} s in phase {self._note!r}.")
                return
            started = time.monotonic()
            try:
                self.context.store.renew(self.claim, progress=self._fraction, note=self._note)
                self._tell_clock()
                self.context.pulse.beat("renew")
                self._renewed(time.monotonic() - started)
            except (LeaseLost, JobCancelled) as error:
                self._log.warning("lease is gone", code=error.code)
                self._stop = error
                return
            except Unavailable as error:
                # The sweep needs the database too, so the lease may well survive the outage; the token decides.
                self._log.warning("could not renew", code=error.code)
            except Exception:
                self._log.exception("could not renew")

    def _tell_clock(self) -> None:
        """Say how wrong this host's clock is, when that is not what the attempt says."""
        skew = self.context.worker.clock_skew
        if skew is not None and (self._told is None or abs(skew - self._told) >= CLOCK_STEP_SECONDS):
            self.context.store.tell_clock(self.claim, skew)
            self._told = skew

    def _renewed(self, seconds: float) -> None:
        RENEWAL.observe(seconds, exemplar(self.claim.job.traceparent))
        if seconds > self.claim.lease_seconds / 3:
            self._log.warning("renewing took long: the database or its disk is slow", seconds=round(seconds, 3))
