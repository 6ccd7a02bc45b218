"""The outbox relay: announces ready rows, with confirmation, from a thread of its own.

Every process that completes or creates jobs runs one and wakes it after its commit; the housekeeper's runs all the
time. Several at once are harmless: a message sent twice finds nothing to claim.
"""

from __future__ import annotations

import threading

import dramatiq

from broker.jobs import JobStore
from broker.queues import Hint
from runtime.errors import HallmarkError
from runtime.logging import get_logger

#: Rows announced between two looks at whether to stop.
PAGE = 200
#: Seconds to wait after the broker or the database refused.
PAUSE_SECONDS = 2.0


class Relay:
    """Sends the messages of rows whose ``announced_at`` is null.

    Parameters
    ----------
    every_seconds
        Time between two looks when nobody wakes it; ``None`` looks only when woken.
    grace_seconds
        Leave rows that became ready less than this long ago to the relay of the process that made them ready.
    """

    def __init__(
        self,
        store: JobStore,
        broker: dramatiq.Broker,
        *,
        every_seconds: float | None = None,
        grace_seconds: float = 0.0,
    ) -> None:
        self._store, self._broker, self._every, self._grace = store, broker, every_seconds, grace_seconds
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._log = get_logger("relay")

    def start(self) -> Relay:
        """Start the thread and return the relay."""
        self._thread.start()
        return self

    def wake(self) -> None:
        """Say that rows may have become ready."""
        self._wake.set()

    def stop(self) -> None:
        """Stop after the message in flight."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def announce(self) -> int:
        """Send the messages of all unannounced rows and return how many.

        Raises
        ------
        BrokerUnavailable, DatabaseUnavailable
            What was confirmed stays marked; the rest is back in the outbox.
        """
        total = 0
        while not self._stopping.is_set():
            rows = self._store.unannounced(PAGE, grace=self._grace)
            marked = self._store.mark_announced([row.job_id for row in rows])
            unsent = [row for row in rows if row.job_id in marked]
            try:
                while unsent:
                    row = unsent[0]
                    hint = Hint(row.stage, row.job_id, row.batch_number, row.chain_id, row.round, row.traceparent)
                    self._broker.enqueue(hint.message())
                    unsent.pop(0)
                    total += 1
            finally:
                if unsent:
                    self._store.unmark_announced([row.job_id for row in unsent])
            if len(rows) < PAGE:
                break
        return total

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(self._every)
            self._wake.clear()
            if self._stopping.is_set():
                return
            try:
                if self._every is not None:
                    self._store.end_delays()
                self.announce()
            except HallmarkError as error:
                self._log.warning("outbox waits", code=error.code, reason=error.message)
                self._stopping.wait(PAUSE_SECONDS)
                self._wake.set()
            except Exception:
                self._log.exception("relay failed")
                self._stopping.wait(PAUSE_SECONDS)
                self._wake.set()
