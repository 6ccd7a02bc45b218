"""RabbitMQ behind Dramatiq, with an answer to every measured way of losing or repeating work.

- Quorum queues with a delivery limit; their arguments are never changed in place.
- Publisher confirms always, a timeout on blocked connections, few publish attempts: the outbox sends again.
- No delay queues (a delayed message blocks those behind it): delays live in the job's row.
- Connections are named, and the one used to declare queues is closed at once, because it never sends heartbeats.
- Consumers ask the database too, see :mod:`broker.queues.rabbit_consumer`: without RabbitMQ work only starts later.
"""

# mypy: disallow-untyped-calls=False
from __future__ import annotations

import os
import socket
from typing import Any

import dramatiq
import pika
import pika.exceptions
from dramatiq.broker import Consumer
from dramatiq.brokers import rabbitmq as dramatiq_rabbitmq
from dramatiq.common import xq_name
from dramatiq.errors import ConnectionClosed
from dramatiq.middleware import Middleware

from broker.queues.definitions import DELIVERY_LIMIT
from broker.queues.embedded import Ready
from broker.queues.rabbit_consumer import RabbitConsumer
from runtime.errors import BrokerUnavailable, ConfigurationError
from runtime.urls import amqp_url, mask_url

#: Seconds between heartbeats; the server drops a client that is silent for two or three of them.
HEARTBEAT_SECONDS = 60
#: Seconds after which a publisher blocked by a memory or disk alarm gives up and leaves the row in the outbox.
BLOCKED_SECONDS = 8
#: Publish attempts of one message; the relay tries again later anyway.
ENQUEUE_ATTEMPTS = 2
#: Milliseconds that dead letters are kept for the console; the job's row keeps the reason for good.
DEAD_LETTER_TTL_MS = 7 * 24 * 3600 * 1000

dramatiq_rabbitmq.MAX_ENQUEUE_ATTEMPTS = ENQUEUE_ATTEMPTS


class RabbitBroker(dramatiq_rabbitmq.RabbitmqBroker):
    """A RabbitMQ broker whose messages may be lost or repeated without harm, and seldom are.

    Parameters
    ----------
    url
        ``amqp://user:password@host:port/vhost``; the vhost is Hallmark's own.
    connection_name
        Shown by the console, such as ``prove host:pid``.
    ready
        Asked by idle consumers, see :class:`broker.queues.embedded.EmbeddedBroker`.
    poll_seconds
        Time between two such questions, with jitter.
    """

    def __init__(
        self,
        url: str,
        *,
        connection_name: str,
        ready: Ready | None = None,
        poll_seconds: float = 5.0,
        middleware: list[Middleware] | None = None,
    ) -> None:
        self.address = amqp_url(url)
        super().__init__(url=self.address.encoded(), confirm_delivery=True, middleware=middleware or [])
        self.shown = mask_url(url)
        self.ready = ready
        self.poll_seconds = poll_seconds
        parameters = pika.URLParameters(self.address.encoded())
        parameters.client_properties = {"connection_name": f"{connection_name} {socket.gethostname()}:{os.getpid()}"}
        if "heartbeat" not in self.address.options:
            parameters.heartbeat = HEARTBEAT_SECONDS
        if "blocked_connection_timeout" not in self.address.options:
            parameters.blocked_connection_timeout = BLOCKED_SECONDS
        parameters.socket_timeout = 5
        parameters.stack_timeout = 10
        self.parameters: Any = parameters
        self.version: tuple[int, ...] = ()

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        """Return a consumer at once, whether the server is there or not."""
        return RabbitConsumer(self, queue_name, prefetch, timeout)

    def probe(self) -> tuple[int, ...]:
        """Connect, learn the server's version, disconnect.

        Raises
        ------
        ConfigurationError
            The server refuses the password, the user or the vhost.
        BrokerUnavailable
            It does not answer.
        """
        try:
            connection = pika.BlockingConnection(self.parameters)
        except (
            pika.exceptions.AuthenticationError,
            pika.exceptions.ProbableAuthenticationError,
            pika.exceptions.ProbableAccessDeniedError,
        ) as error:
            raise ConfigurationError(f"The broker {self.shown} refuses user or password: {error}") from error
        except (pika.exceptions.AMQPError, OSError) as error:
            if "NOT_ALLOWED" in repr(error) or "ACCESS_REFUSED" in repr(error):
                raise ConfigurationError(f"The broker {self.shown} refuses user or vhost: {error!r}") from error
            raise BrokerUnavailable(f"The broker {self.shown} does not answer: {error!r}") from error
        text = connection._impl.server_properties.get("version", "0")
        connection.close()
        self.version = tuple(int(part) for part in text.split(".") if part.isdigit())
        return self.version

    def declare_queue(self, queue_name: str, *, ensure: bool = False) -> None:
        """Declare a queue and its dead letters; there is no delay queue, so none is announced to the worker."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.queues_pending.add(queue_name)
            self.emit_after("declare_queue", queue_name)
        if ensure:
            self.ensure_queue(queue_name)

    def enqueue(self, message: dramatiq.Message[Any], *, delay: int | None = None) -> dramatiq.Message[Any]:
        """Publish with confirmation; the properties repeat for the console what the body says.

        Raises
        ------
        BrokerUnavailable
            The broker did not confirm; the row stays in the outbox.
        """
        attempts = 0
        while True:
            try:
                self.declare_queue(message.queue_name, ensure=True)
                self.emit_before("enqueue", message, None)
                self.channel.basic_publish(
                    "", message.queue_name, message.encode(), _properties(message), mandatory=True
                )
                self.emit_after("enqueue", message, None)
                return message
            except (pika.exceptions.AMQPError, ConnectionClosed, OSError) as error:
                del self.connection
                if isinstance(error, pika.exceptions.UnroutableError):
                    self.queues_pending.add(message.queue_name)
                attempts += 1
                if attempts >= ENQUEUE_ATTEMPTS:
                    raise BrokerUnavailable(f"The broker did not confirm a message: {error!r}") from error

    def flush(self, queue_name: str) -> None:
        """Drop the messages of a queue and its dead letters."""
        for name in (queue_name, xq_name(queue_name)):
            try:
                self.channel.queue_purge(name)
            except pika.exceptions.AMQPChannelError:
                del self.channel

    def depth(self, queue_name: str) -> int:
        """Return how many messages wait for a consumer; 0 for a queue that nobody has declared yet.

        Raises
        ------
        BrokerUnavailable
        """
        try:
            return int(self.channel.queue_declare(queue_name, passive=True).method.message_count)
        except pika.exceptions.ChannelClosedByBroker:
            del self.channel
            return 0
        except (pika.exceptions.AMQPError, ConnectionClosed, OSError) as error:
            del self.connection
            raise BrokerUnavailable(f"The broker does not say how long {queue_name} is: {error!r}") from error

    def drop(self, queue_name: str) -> None:
        """Drop the messages of a queue; its dead letters stay.

        Raises
        ------
        BrokerUnavailable
        """
        try:
            self.channel.queue_purge(queue_name)
        except (pika.exceptions.AMQPError, ConnectionClosed, OSError) as error:
            del self.connection
            raise BrokerUnavailable(f"The broker did not empty {queue_name}: {error!r}") from error

    def ensure_queue(self, canonical_queue_name: str) -> None:
        """Declare a queue and its dead letters on the server, once.

        Raises
        ------
        ConnectionClosed
        """
        if canonical_queue_name not in self.queues_pending:
            return
        try:
            connection = pika.BlockingConnection(self.parameters)
            try:
                channel = connection.channel()
                dead = xq_name(canonical_queue_name)
                channel.queue_declare(dead, durable=True, arguments=dead_letter_arguments())
                channel.queue_declare(
                    canonical_queue_name, durable=True, arguments=queue_arguments(canonical_queue_name)
                )
            finally:
                if connection.is_open:
                    connection.close()
        except (pika.exceptions.AMQPError, OSError) as error:
            raise ConnectionClosed(error) from None
        self.queues_pending.discard(canonical_queue_name)


def queue_arguments(queue_name: str) -> dict[str, Any]:
    """Return the arguments of a stage's queue; the same for every server version, since a change is refused (406)."""
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": xq_name(queue_name),
    }


def dead_letter_arguments() -> dict[str, Any]:
    """Return the arguments of a dead-letter queue."""
    return {"x-queue-type": "quorum", "x-message-ttl": DEAD_LETTER_TTL_MS}


def _properties(message: dramatiq.Message[Any]) -> pika.BasicProperties:
    body = message.kwargs
    headers = {name: body[name] for name in ("stage", "job", "batch", "chain", "round") if name in body}
    headers |= message.options.get("trace", {})
    return pika.BasicProperties(
        delivery_mode=2,
        content_type="application/json",
        message_id=message.message_id,
        type=message.actor_name,
        app_id="hallmark",
        correlation_id=str(body.get("batch", "")),
        timestamp=message.message_timestamp // 1000,
        headers=headers,
    )
