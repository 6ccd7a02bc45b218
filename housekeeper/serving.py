"""Housekeeper and clock as processes: the periodic tasks, and the ticks that set them off."""

from __future__ import annotations

import os
import socket

import dramatiq
from dramatiq.worker import Worker as DramatiqWorker
from prometheus_client import REGISTRY

from broker.artifacts import open_artifacts
from broker.connect import connect_broker, connect_store
from broker.jobs import open_store
from broker.queues import HOUSEKEEPING, RabbitBroker
from broker.relay import Relay
from housekeeper.clock import Hints, run_clock
from housekeeper.metrics import DatabaseCollector
from housekeeper.stale import watch_queues
from housekeeper.tasks import Housekeeper, periods
from runtime.endpoint import Endpoint
from runtime.errors import HallmarkError
from runtime.logging import get_logger
from runtime.pages import Pages
from runtime.process import Exit, Process
from runtime.waiting import wait_for


def serve(process: Process) -> int:
    """Bring the schema up to date, run the tasks whose ticks arrive, announce ready rows, export metrics."""
    with Endpoint(Pages(process), port=process.settings.metrics_port) as endpoint:
        return _serve(process, endpoint)


def _serve(process: Process, endpoint: Endpoint) -> int:
    settings, stopping, pulse = process.settings, process.stopping, process.pulse
    store = wait_for(lambda: open_store(settings, migrate=True), "database", stopping)
    broker = connect_broker(settings, store, name="housekeeper", housekeeping=True, pulse=pulse)
    artifacts = open_artifacts(settings)
    relay = Relay(store, broker, every_seconds=1.0, grace_seconds=1.0)
    name = f"{socket.gethostname()}/housekeeper/{os.getpid()}"
    house = Housekeeper(settings, store, artifacts, relay, pulse, name)
    log = get_logger("housekeeper")

    def act(**tick: object) -> None:
        try:
            house.run_due()
        except HallmarkError as error:
            log.warning("task failed", code=error.code, reason=error.message)

    broker.declare_actor(
        dramatiq.Actor(act, broker=broker, actor_name=HOUSEKEEPING, queue_name=HOUSEKEEPING, priority=0, options={})
    )
    REGISTRY.register(DatabaseCollector(store, artifacts, settings))
    relay.start()
    if isinstance(broker, RabbitBroker):
        watch_queues(store, broker, relay, stopping)
    worker = DramatiqWorker(broker, queues={HOUSEKEEPING}, worker_threads=1, worker_timeout=200)
    worker.queue_prefetch = 1
    worker.start()
    endpoint.ready()
    log.info("ready", endpoint=endpoint.port)
    stopping.wait()
    worker.stop(timeout=3_000)
    relay.stop()
    return Exit.OK


def tick(process: Process) -> int:
    """Make the ticks, nothing else."""
    port = process.settings.metrics_port
    with Endpoint(Pages(process), port=port and port + 1) as endpoint:
        return _tick(process, endpoint)


def _tick(process: Process, endpoint: Endpoint) -> int:
    settings, stopping, pulse = process.settings, process.stopping, process.pulse
    store = connect_store(settings, stopping)
    broker = connect_broker(settings, store, name="clock")
    endpoint.ready()
    get_logger("clock").info("ready", tasks=list(periods(settings)))
    run_clock(store, Hints(broker), periods(settings), pulse, stopping)
    return Exit.OK
