"""RabbitMQ: each measured way of losing or repeating work, and what becomes of it here."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from dramatiq.errors import ConnectionClosed

from broker.jobs import JobDatabase, JobSpec, JobStore, Stage, schema
from broker.queues import Hint, RabbitBroker, standard_middleware
from broker.queues.definitions import definitions
from broker.relay import Relay
from housekeeper.stale import drop_stale_hints
from runtime.errors import BrokerUnavailable, ConfigurationError
from tests.servers import RabbitMQ, free_port, shared_postgresql

QUEUE = "prove"


@pytest.fixture
def broker(rabbitmq: RabbitMQ) -> Iterator[RabbitBroker]:
    made = RabbitBroker(rabbitmq.url(), connection_name="test", middleware=standard_middleware())
    made.probe()
    made.declare_queue(QUEUE, ensure=True)
    made.flush(QUEUE)
    yield made
    made.close()


def hint(job: int) -> Any:
    return Hint("prove", job, 7, 4242, 0, f"00-{'a' * 32}-{'b' * 16}-01").message()


def next_message(consumer: Any, seconds: float = 10.0) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (message := next(consumer)) is not None:
            return message
    raise AssertionError("no message arrived")


def count(rabbitmq: RabbitMQ, queue: str = QUEUE) -> int:
    """Messages in a queue, ready and unacknowledged, by the server's own declaration answer."""
    import pika

    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq.url()))
    try:
        return int(connection.channel().queue_declare(queue, passive=True).method.message_count)
    finally:
        connection.close()


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_queues_are_quorum_with_a_delivery_limit_and_no_delay_queue(rabbitmq: RabbitMQ, broker: RabbitBroker) -> None:
    queues = {queue["name"]: queue for queue in rabbitmq.api("GET", f"queues/{rabbitmq.vhost}")}
    assert queues[QUEUE]["arguments"]["x-queue-type"] == "quorum"
    assert queues[QUEUE]["arguments"]["x-delivery-limit"] == 5
    assert f"{QUEUE}.XQ" in queues and f"{QUEUE}.DQ" not in queues
    assert broker.version[:2] >= (3, 10)


def test_console_reads_what_a_message_is(rabbitmq: RabbitMQ, broker: RabbitBroker) -> None:
    broker.enqueue(hint(11))
    body = {"count": 1, "ackmode": "ack_requeue_true", "encoding": "auto", "truncate": 5000}
    (found,) = rabbitmq.api("POST", f"queues/{rabbitmq.vhost}/{QUEUE}/get", body)
    properties = found["properties"]
    assert '"job":11' in found["payload"].replace(" ", "") and properties["type"] == QUEUE
    assert properties["headers"]["batch"] == 7 and properties["headers"]["traceparent"].startswith(f"00-{'a' * 32}")
    assert properties["content_type"] == "application/json" and properties["delivery_mode"] == 2


def test_connections_carry_a_name(rabbitmq: RabbitMQ, broker: RabbitBroker) -> None:
    broker.enqueue(hint(1))
    names = lambda: [c["client_properties"].get("connection_name", "") for c in rabbitmq.api("GET", "connections")]  # noqa: E731
    until(lambda: any(name.startswith("test ") for name in names()))


def test_late_acknowledgement_does_not_remove_a_new_message(rabbitmq: RabbitMQ, broker: RabbitBroker) -> None:
    broker.enqueue(hint(1))
    first = broker.consume(QUEUE, prefetch=1, timeout=200)
    running = next_message(first)
    first.deliveries.connection.close()  # type: ignore[attr-defined]
    broker.enqueue(hint(2))
    second = broker.consume(QUEUE, prefetch=2, timeout=200)
    delivered = [next_message(second), next_message(second)]
    assert running._tag in [message._tag for message in delivered]
    second.ack(running)
    second.nack(running)
    next(second)
    second.close()
    until(lambda: count(rabbitmq) == 2)


def test_own_acknowledgement_removes_the_message(rabbitmq: RabbitMQ, broker: RabbitBroker) -> None:
    broker.enqueue(hint(1))
    consumer = broker.consume(QUEUE, prefetch=1, timeout=200)
    consumer.ack(next_message(consumer))
    next(consumer)
    consumer.close()
    until(lambda: count(rabbitmq) == 0)


def test_message_that_keeps_killing_its_worker_is_set_aside(rabbitmq: RabbitMQ, broker: RabbitBroker) -> None:
    broker.enqueue(hint(1))
    for _ in range(6):
        consumer: Any = broker.consume(QUEUE, prefetch=1, timeout=200)
        next_message(consumer)
        consumer.deliveries.connection.close()
        consumer.close()
    until(lambda: count(rabbitmq) == 0 and count(rabbitmq, f"{QUEUE}.XQ") == 1)


def test_idle_consumer_asks_the_database(rabbitmq: RabbitMQ) -> None:
    asked: list[str] = []

    def ready(queue: str) -> bool:
        asked.append(queue)
        return True

    polling = RabbitBroker(rabbitmq.url(), connection_name="poll", ready=ready, poll_seconds=0.1)
    polling.declare_queue("vectors", ensure=True)
    consumer = polling.consume("vectors", prefetch=1, timeout=100)
    message = next_message(consumer)
    assert message.actor_name == "vectors" and asked == ["vectors"]
    assert next(consumer) is None and asked == ["vectors"]
    consumer.ack(message)
    next_message(consumer)
    consumer.close()
    polling.close()


def test_a_consumer_without_a_server_asks_the_database() -> None:
    """Neither a port that refuses nor a server that accepts and says nothing delays a poll."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for port in (free_port(), silent.getsockname()[1]):
            url = f"amqp://u:p@127.0.0.1:{port}/hallmark"
            away = RabbitBroker(url, connection_name="away", ready=lambda queue: True, poll_seconds=0.2)
            away.declare_queue(QUEUE)
            started = time.monotonic()
            consumer = away.consume(QUEUE, prefetch=1, timeout=50)
            message = next_message(consumer, 2.0)
            assert next(consumer) is None, "one message for one thread"
            consumer.ack(message)
            consumer.ack(next_message(consumer, 1.0))
            assert time.monotonic() - started < 2
            consumer.close()


def test_a_consumer_goes_on_when_its_server_comes_back(rabbitmq: RabbitMQ, broker: RabbitBroker) -> None:
    consumer: Any = broker.consume(QUEUE, prefetch=1, timeout=100)
    until(lambda: consumer.deliveries is not None)
    first = consumer.deliveries
    until(lambda: rabbitmq.close_connections("test") > 0)
    until(lambda: next(consumer) is None and consumer.deliveries not in (first, None), 20)
    broker.enqueue(hint(5))
    message = next_message(consumer, 20)
    consumer.ack(message)
    next(consumer)
    consumer.close()
    until(lambda: count(rabbitmq) == 0)


def test_after_a_message_the_database_is_asked_at_once(rabbitmq: RabbitMQ) -> None:
    """A hint that came before its row was free found nothing; the row must not wait for the next period."""
    looks: list[float] = []

    def ready(queue: str) -> bool:
        looks.append(time.monotonic())
        return False

    slow = RabbitBroker(rabbitmq.url(), connection_name="slow", ready=ready, poll_seconds=600)
    slow.declare_queue(QUEUE, ensure=True)
    slow.flush(QUEUE)
    slow.enqueue(hint(1))
    consumer = slow.consume(QUEUE, prefetch=1, timeout=50)
    consumer.ack(next_message(consumer))
    acknowledged = time.monotonic()
    until(lambda: next(consumer) is None and bool(looks), 5)
    assert looks[0] - acknowledged < 1
    consumer.close()
    slow.close()


def test_stale_messages_are_dropped_and_useful_ones_are_not(rabbitmq: RabbitMQ, broker: RabbitBroker) -> None:
    store = JobStore(JobDatabase(shared_postgresql().create_database()))
    schema.migrate(store.database)
    relay = Relay(store, broker)
    jobs = [JobSpec(Stage.PROVE, index=index) for index in range(3)]
    batches = [store.create_batch(number, protocol_version="1", jobs=jobs)[0] for number in (1, 2)]
    assert relay.announce() == 6
    until(lambda: broker.depth(QUEUE) == 6)
    assert drop_stale_hints(store, broker, relay) == 0
    store.cancel_batch(batches[0].id)
    assert drop_stale_hints(store, broker, relay) == 1
    until(lambda: broker.depth(QUEUE) == 0)
    assert relay.announce() == 3
    until(lambda: broker.depth(QUEUE) == 3)
    assert broker.depth("nobody.declared.this") == 0 and broker.depth(QUEUE) == 3
    store.database.close()


def test_deleted_queue_is_declared_again(rabbitmq: RabbitMQ, broker: RabbitBroker) -> None:
    rabbitmq.api("DELETE", f"queues/{rabbitmq.vhost}/{QUEUE}")
    broker.enqueue(hint(3))
    until(lambda: count(rabbitmq) == 1)


def test_alarm_makes_sending_fail_in_bounded_time_and_loses_nothing(rabbitmq: RabbitMQ) -> None:
    url = f"{rabbitmq.url()}?blocked_connection_timeout=1"
    blocked = RabbitBroker(url, connection_name="blocked")
    blocked.declare_queue(QUEUE, ensure=True)
    blocked.flush(QUEUE)
    rabbitmq.control("set_vm_memory_high_watermark", "absolute", "1")
    try:
        time.sleep(1.5)
        started = time.monotonic()
        with pytest.raises((BrokerUnavailable, ConnectionClosed)):
            blocked.enqueue(hint(1))
        assert time.monotonic() - started < 15
    finally:
        rabbitmq.control("set_vm_memory_high_watermark", "absolute", "1GB")
    time.sleep(1)
    blocked.enqueue(hint(1))
    until(lambda: count(rabbitmq) >= 1)
    blocked.close()


@pytest.mark.parametrize("broken", ["password", "vhost"])
def test_wrong_password_or_vhost_is_a_configuration_error(rabbitmq: RabbitMQ, broken: str) -> None:
    url = rabbitmq.url(password="wrong") if broken == "password" else rabbitmq.url(vhost="nowhere")
    with pytest.raises(ConfigurationError) as refused:
        RabbitBroker(url, connection_name="test").probe()
    assert "wrong" not in refused.value.message.split("refuses")[0] and ":***@" in refused.value.message


def test_absent_broker_is_an_outage_not_a_fault() -> None:
    broker = RabbitBroker(f"amqp://u:p@127.0.0.1:{free_port()}/hallmark", connection_name="test")
    with pytest.raises(BrokerUnavailable):
        broker.probe()
    broker.declare_queue(QUEUE)
    with pytest.raises(BrokerUnavailable):
        broker.enqueue(hint(1))


def test_definitions_give_the_observer_no_message() -> None:
    document = definitions(password="a", observer_password="b", consumer_timeout=True)
    observer = next(entry for entry in document["permissions"] if entry["user"] == "observer")
    assert observer["read"] == "^$" and observer["vhost"] == "hallmark"
    assert "consumer-timeout" in document["policies"][0]["definition"]
    assert "a" not in [user["password_hash"] for user in document["users"]]
