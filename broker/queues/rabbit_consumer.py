"""Consumers of RabbitMQ that need it for nothing but speed: connecting happens aside, the database is asked meanwhile.

- A consumer always exists. While there is no connection it polls as an idle one does, and a thread of its own
  connects, so that neither a refused nor a silent server delays a poll.
- An acknowledgement is only sent on the connection that delivered the message. Dramatiq compares bare delivery tags,
  which start from 1 again after a reconnect, so the late acknowledgement of an old message would remove a new one that
  never ran.
- After every finished message a consumer that gets no other asks the database at once: a hint that came before its
  row was free, or whose row another one took, costs a moment and not a period.
"""

# mypy: disallow-untyped-calls=False
from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from dramatiq.broker import Consumer, MessageProxy
from dramatiq.brokers.rabbitmq import _RabbitmqConsumer
from dramatiq.errors import ConnectionClosed

from broker.queues.message import poll_message
from runtime.logging import get_logger

if TYPE_CHECKING:
    from broker.queues.rabbit import RabbitBroker

#: Shortest and longest pause between two attempts to connect, in seconds.
RECONNECT_SECONDS = (0.25, 5.0)


class RabbitConsumer(Consumer):
    """Yields what RabbitMQ delivers, and a poll's own message when there is work that it does not know of.

    Parameters
    ----------
    prefetch
        Messages that may be unfinished before polls stop, and that RabbitMQ delivers in advance.
    timeout
        Milliseconds to wait for a delivery before ``None`` is returned.
    """

    def __init__(self, broker: RabbitBroker, queue_name: str, prefetch: int, timeout: int) -> None:
        self.broker, self.queue_name, self.prefetch, self.timeout = broker, queue_name, prefetch, timeout
        self.deliveries: Any = None
        self._lock = threading.Lock()
        self._unfinished = 0
        self._poll_at = time.monotonic() + random.uniform(0, broker.poll_seconds)
        self._closed = threading.Event()
        self._connected = threading.Event()
        self._log = get_logger("broker").bind(queue=queue_name)
        self._connect()

    def __next__(self) -> MessageProxy | None:
        """Return the next message, a poll's own message, or ``None`` after the idle timeout."""
        message = self._delivered()
        if message is None and self._poll():
            message = MessageProxy(poll_message(self.queue_name))
        elif message is not None:
            message.__dict__["_deliveries"] = self.deliveries
        if message is not None:
            with self._lock:
                self._unfinished += 1
        return message

    def ack(self, message: MessageProxy) -> None:
        """Acknowledge a message of this connection; forget one that an earlier connection delivered."""
        if (deliveries := self._finish(message)) is not None:
            deliveries.ack(message)

    def nack(self, message: MessageProxy) -> None:
        """Reject a message of this connection; forget one that an earlier connection delivered."""
        if (deliveries := self._finish(message)) is not None:
            deliveries.nack(message)

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Forget messages that were never started: the server redelivers them, and their rows are still ready."""
        with self._lock:
            self._unfinished -= len(list(messages))

    def close(self) -> None:
        """Close the connection, the one that is being made included."""
        self._closed.set()
        with self._lock:
            deliveries, self.deliveries = self.deliveries, None
        if deliveries is not None:
            with contextlib.suppress(ConnectionClosed):
                deliveries.close()

    def _delivered(self) -> MessageProxy | None:
        deliveries = self.deliveries
        if deliveries is None:
            self._connected.wait(self.timeout / 1000)
            return None
        try:
            message: MessageProxy | None = next(deliveries)
        except ConnectionClosed as error:
            self._log.warning("broker is away, asking the database meanwhile", reason=str(error))
            with self._lock:
                self.deliveries = None
            with contextlib.suppress(Exception):
                deliveries.connection.close()
            self._connect()
            return None
        return message

    def _finish(self, message: MessageProxy) -> Any:
        """Count a message as done and return the connection that waits for its acknowledgement, if it is still ours."""
        with self._lock:
            self._unfinished -= 1
            self._poll_at = min(self._poll_at, time.monotonic())
            delivered_by, ours = message.__dict__.get("_deliveries"), self.deliveries
        if delivered_by is None or delivered_by is ours:
            return delivered_by
        self._log.info("message came over a connection that is gone; it is redelivered", message=message.message_id)
        return None

    def _poll(self) -> bool:
        ready = self.broker.ready
        if ready is None or self._unfinished >= self.prefetch or time.monotonic() < self._poll_at:
            return False
        self._poll_at = time.monotonic() + self.broker.poll_seconds * random.uniform(0.5, 1.5)
        try:
            return ready(self.queue_name)
        except Exception as error:
            self._log.warning("the database gave no answer", reason=str(error))
            return False

    def _connect(self) -> None:
        self._connected.clear()
        threading.Thread(target=self._keep_connecting, name=f"connect-{self.queue_name}", daemon=True).start()

    def _keep_connecting(self) -> None:
        pause, longest = RECONNECT_SECONDS
        told = False
        while not self._closed.is_set():
            try:
                self.broker.ensure_queue(self.queue_name)
                made = _RabbitmqConsumer(self.broker, self.queue_name, self.prefetch, self.timeout)
            except Exception as error:
                # Whatever it is, the database is asked meanwhile; a wrong password too may be mended on the server.
                if not told:
                    self._log.warning("waiting for the broker", reason=str(error) or type(error).__name__)
                told = True
                self._closed.wait(pause * random.uniform(0.5, 1.0))
                pause = min(longest, pause * 2)
                continue
            with self._lock:
                if not self._closed.is_set():
                    self.deliveries = made
            if self.deliveries is not made:
                made.close()
                return
            self._connected.set()
            if told:
                self._log.info("broker is back")
            return
