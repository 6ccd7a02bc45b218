"""The clock: asks for each periodic task when its period has passed, on a monotonic clock, and hints at it.

The tick is a row. The hint only saves the housekeeper a poll, so it is sent from a thread of its own: a broker that
does not answer delays no tick, and a host's clock that steps has no part in it.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Mapping

import dramatiq

from broker.jobs import JobStore
from broker.queues import HOUSEKEEPING
from runtime.errors import HallmarkError
from runtime.logging import get_logger
from runtime.pulse import Pulse

#: Hints that may wait for a broker; more are dropped, one is enough to wake the housekeeper.
WAITING_HINTS = 4


class Hints:
    """Sends the housekeeper's hints from a thread of its own, and drops those that cannot be sent."""

    def __init__(self, broker: dramatiq.Broker) -> None:
        self._broker = broker
        self._tasks: queue.Queue[str] = queue.Queue(WAITING_HINTS)
        self._log = get_logger("clock")
        threading.Thread(target=self._send, name="hints", daemon=True).start()

    def send(self, task: str) -> None:
        """Ask for a hint, without waiting."""
        with contextlib.suppress(queue.Full):
            self._tasks.put_nowait(task)

    def _send(self) -> None:
        while True:
            task = self._tasks.get()
            message: dramatiq.Message[None] = dramatiq.Message(HOUSEKEEPING, HOUSEKEEPING, (), {"task": task}, {})
            try:
                self._broker.enqueue(message)
            except HallmarkError as error:
                self._log.warning("hint not sent", task=task, code=error.code, reason=error.message)


def run_clock(
    store: JobStore, hints: Hints, periods: Mapping[str, float], pulse: Pulse, stopping: threading.Event
) -> None:
    """Tick until told to stop.

    Parameters
    ----------
    periods
        Seconds between two runs of each task.
    """
    due = dict.fromkeys(periods, time.monotonic())
    while not stopping.is_set():
        for task, period in periods.items():
            if time.monotonic() >= due[task]:
                due[task] = time.monotonic() + period
                tick(store, hints, task, period, pulse)
        stopping.wait(max(0.0, min(due.values()) - time.monotonic()))


def tick(store: JobStore, hints: Hints, task: str, period: float, pulse: Pulse) -> bool:
    """Write the tick's row and ask for a hint; return whether this clock was the first of the period."""
    try:
        first = store.add_tick(task, period)
    except HallmarkError as error:
        pulse.tried()
        get_logger("clock").warning("tick not made", task=task, code=error.code, reason=error.message)
        return False
    pulse.beat("tick")
    if first:
        hints.send(task)
    return first
