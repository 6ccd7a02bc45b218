"""A Dramatiq broker without a server: workers are woken from ready rows.

It stores no message and holds no lease. ``enqueue`` is a nudge to the consumers of this process; every consumer asks
the ``ready`` function that it was given, and a positive answer becomes one message for the actor, which claims.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import dramatiq
from dramatiq.broker import Consumer, MessageProxy
from dramatiq.middleware import Middleware

from broker.queues.message import poll_message

#: Seconds between two looks at the database's change counter; each costs microseconds.
LOOK_SECONDS = 0.02
#: Seconds, at most, between two queries for ready rows while the counter stands still (delayed rows become ready
#: without any write).
QUERY_SECONDS = 0.5

#: Tells whether a queue has work now.
Ready = Callable[[str], bool]
#: A number that changes when another connection wrote.
Changes = Callable[[], int]


class EmbeddedBroker(dramatiq.Broker):
    """Wakes workers from ready rows.

    Parameters
    ----------
    ready
        Asked with a queue's name, on the consumer's thread; an exception counts as "not now".
    changes
        Cheap counter that moves with every write to the database; a constant turns the shortcut off.
    """

    def __init__(self, ready: Ready, changes: Changes, *, middleware: list[Middleware] | None = None) -> None:
        super().__init__(middleware=middleware or [])
        self.ready = ready
        self.changes = changes
        self.queues: set[str] = set()
        self._nudges: dict[str, threading.Event] = {}

    def declare_queue(self, queue_name: str) -> None:
        """Make a queue known to consumers."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self._nudges[queue_name] = threading.Event()
            self.emit_after("declare_queue", queue_name)

    def get_declared_queues(self) -> set[str]:
        """Return the names of the queues."""
        return set(self.queues)

    def enqueue(self, message: dramatiq.Message[Any], *, delay: int | None = None) -> dramatiq.Message[Any]:
        """Wake this process's consumer of the queue; other processes see the row themselves."""
        self.declare_queue(message.queue_name)
        self._nudges[message.queue_name].set()
        return message

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 1000) -> Consumer:
        """Return a consumer that yields a message when the queue has work and a worker thread is free."""
        self.declare_queue(queue_name)
        return EmbeddedConsumer(self, queue_name, prefetch, timeout / 1000, self._nudges[queue_name])

    def flush(self, queue_name: str) -> None:
        """Do nothing: there are no messages to drop."""

    def flush_all(self) -> None:
        """Do nothing: there are no messages to drop."""


class EmbeddedConsumer(Consumer):
    """Yields at most ``prefetch`` unfinished messages at a time."""

    def __init__(
        self, broker: EmbeddedBroker, queue_name: str, prefetch: int, timeout: float, nudge: threading.Event
    ) -> None:
        self.broker, self.queue_name, self.prefetch, self.timeout = broker, queue_name, prefetch, timeout
        self._nudge = nudge
        self._lock = threading.Lock()
        self._unfinished = 0
        self._seen = -1
        self._query_at = 0.0

    def __next__(self) -> MessageProxy | None:
        """Return a message when there is work, ``None`` after the idle timeout."""
        deadline = time.monotonic() + self.timeout
        while True:
            if self._unfinished < self.prefetch and self._work():
                with self._lock:
                    self._unfinished += 1
                return MessageProxy(poll_message(self.queue_name))
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return None
            if self._nudge.wait(min(LOOK_SECONDS, remaining)):
                self._nudge.clear()
                self._query_at = 0.0

    def ack(self, message: MessageProxy) -> None:
        """Let the next message be yielded, after a fresh look."""
        with self._lock:
            self._unfinished -= 1
        self._query_at = 0.0
        self._nudge.set()

    def nack(self, message: MessageProxy) -> None:
        """Do as :meth:`ack`: the job's row knows what failed."""
        self.ack(message)

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Forget messages that were never started; their rows are still ready."""
        with self._lock:
            self._unfinished -= len(list(messages))

    def _work(self) -> bool:
        try:
            counter = self.broker.changes()
            now = time.monotonic()
            if counter == self._seen and now < self._query_at:
                return False
            self._seen = counter
            self._query_at = now + random.uniform(0.5, 1.0) * QUERY_SECONDS
            return self.broker.ready(self.queue_name)
        except Exception as error:
            self.broker.logger.warning("The database gave no answer to %r: %s", self.queue_name, error)
            self._query_at = time.monotonic() + random.uniform(1.0, 2.0)
            time.sleep(0.5)
            return False
