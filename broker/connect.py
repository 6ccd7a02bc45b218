"""Opens broker and job store as the settings say; a database that is away is waited for, a broker is not needed."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import dramatiq

from broker.jobs import JobStore, SchemaBehind, Stage, open_store
from broker.queues import HOUSEKEEPING, EmbeddedBroker, RabbitBroker, is_recursive, queues_of, standard_middleware
from runtime.errors import Unavailable
from runtime.logging import get_logger
from runtime.pulse import Pulse
from runtime.settings import Settings
from runtime.waiting import OUTAGES, wait_for


def connect_store(settings: Settings, stopping: threading.Event | None = None) -> JobStore:
    """Open the job store, waiting for a database that is away or not yet migrated.

    Raises
    ------
    ConfigurationError
        A wrong password, database, file or schema of a newer release.
    """
    return wait_for(lambda: open_store(settings), "database", stopping, outages=(*OUTAGES, SchemaBehind))


def connect_broker(
    settings: Settings,
    store: JobStore,
    *,
    name: str,
    stages: Sequence[Stage] = (),
    device: str = "",
    key_identity: str = "",
    housekeeping: bool = False,
    pulse: Pulse | None = None,
) -> dramatiq.Broker:
    """Open the broker of ``settings`` and make it Dramatiq's global one.

    Parameters
    ----------
    name
        Shown in the console as the connection's name.
    stages
        Those whose ready rows wake this process.
    key_identity
        Only rows for these keys do, where they are for any.
    housekeeping
        Whether untaken ticks wake this process.
    pulse
        Told of every look into the database.

    Raises
    ------
    ConfigurationError
        The broker refuses user, password or vhost.
    """
    by_queue: dict[str, list[Stage]] = {}
    for stage in stages:
        for queue in queues_of(stage):
            by_queue.setdefault(queue, []).append(stage)

    pulse = pulse or Pulse()

    def ready(queue_name: str) -> bool:
        wanted = by_queue.get(queue_name)
        try:
            if wanted is not None:
                recursive = is_recursive(queue_name)
                versions = [settings.protocol_version]
                found = store.ready(
                    wanted, protocol_versions=versions, key_identity=key_identity, device=device, recursive=recursive
                )
            else:
                found = housekeeping and queue_name == HOUSEKEEPING and store.ticks_waiting()
        except Unavailable:
            pulse.tried()
            raise
        pulse.beat("poll")
        return found

    broker: dramatiq.Broker
    if settings.embedded:
        changes = store.database.changes if settings.sqlite else _ten_a_second
        broker = EmbeddedBroker(ready, changes, middleware=standard_middleware())
    else:
        rabbit = RabbitBroker(
            settings.broker_url,
            connection_name=name,
            ready=ready if stages or housekeeping else None,
            # Ticks are rows: a housekeeper that no message reaches must still sweep about as often as it should.
            poll_seconds=min(settings.poll_seconds, settings.sweep_seconds) if housekeeping else settings.poll_seconds,
            middleware=standard_middleware(),
        )
        _greet(rabbit)
        broker = rabbit
    dramatiq.set_broker(broker)
    return broker


def _greet(rabbit: RabbitBroker) -> None:
    """Say which server it is; one that is away is waited for by the consumers and the relay, while work goes on."""
    log = get_logger("broker")
    try:
        version = rabbit.probe()
    except Unavailable as error:
        log.warning("waiting for the broker", code=error.code, reason=error.message, remedy=error.remedy)
    else:
        log.info("connected", server="RabbitMQ", version=".".join(map(str, version)), queues="quorum")


def _ten_a_second() -> int:
    """Count tenths of a second: PostgreSQL has no cheap change counter, so ready rows are asked for at that pace."""
    return int(time.monotonic() * 10)
