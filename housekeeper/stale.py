"""Hints that outlived their work: dropped, so that the console shows ready work only where there is some."""

from __future__ import annotations

import threading

from broker.jobs import JobStore, Stage
from broker.queues import RabbitBroker, is_recursive, queues_of
from broker.relay import Relay
from runtime.errors import HallmarkError
from runtime.logging import get_logger

#: Seconds between two looks at the queues.
LOOK_SECONDS = 15.0
#: One message in this many may be on its way between its row and its worker before the queue counts as stale.
ON_THEIR_WAY = 10


def drop_stale_hints(store: JobStore, broker: RabbitBroker, relay: Relay) -> int:
    """Empty queues that hold more messages than there are ready rows, announce those rows again, return the queues.

    A hint outlives its work when its batch is cancelled, or when an idle worker found the row before its message. Where
    nobody consumes, such messages would show as ready work for ever.

    Raises
    ------
    BrokerUnavailable, DatabaseUnavailable
    """
    emptied = 0
    for stage, queue in [(each, queue) for each in Stage for queue in queues_of(each)]:
        messages = broker.depth(queue)
        ready = store.announced(stage, messages, recursive=is_recursive(queue)) if messages else 0
        if messages > ready + ready // ON_THEIR_WAY:
            broker.drop(queue)
            store.announce_again(stage)
            get_logger("stale").info("stale messages dropped", queue=queue, messages=messages, ready=ready)
            emptied += 1
    if emptied:
        relay.wake()
    return emptied


def watch_queues(store: JobStore, broker: RabbitBroker, relay: Relay, stopping: threading.Event) -> threading.Thread:
    """Start a thread that drops stale hints now and then; of its own, since the broker may keep it waiting."""

    def watch() -> None:
        while not stopping.wait(LOOK_SECONDS):
            try:
                drop_stale_hints(store, broker, relay)
            except HallmarkError as error:
                get_logger("stale").debug("queues not looked at", code=error.code, reason=error.message)

    thread = threading.Thread(target=watch, name="stale", daemon=True)
    thread.start()
    return thread
