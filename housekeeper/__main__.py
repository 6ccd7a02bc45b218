"""``python -m housekeeper``: run the periodic tasks. ``python -m housekeeper clock``: send the ticks.

Two of either are harmless: a tick is a row with a unique task and time, taken by one housekeeper.
"""

from __future__ import annotations

import argparse
import os
import socket
import threading
import time

import dramatiq
from apscheduler.schedulers.background import BackgroundScheduler
from dramatiq.worker import Worker as DramatiqWorker
from prometheus_client import REGISTRY

from broker.artifacts import open_artifacts
from broker.connect import connect_broker, connect_store
from broker.jobs import JobStore
from broker.queues import HOUSEKEEPING
from broker.relay import Relay
from housekeeper.metrics import DatabaseCollector
from housekeeper.tasks import Housekeeper, periods
from runtime.endpoint import Endpoint
from runtime.errors import HallmarkError
from runtime.logging import get_logger
from runtime.process import EXIT_OK, run_process
from runtime.pulse import Pulse
from runtime.settings import Settings


def serve(settings: Settings, stopping: threading.Event) -> int:
    """Run the tasks whose ticks arrive, announce ready rows, export metrics."""
    pulse = Pulse()
    store = connect_store(settings, stopping)
    broker = connect_broker(settings, store, name="housekeeper", housekeeping=True, pulse=pulse, stopping=stopping)
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
    endpoint = Endpoint(settings, "housekeeper", pulse, port=settings.metrics_port).start()
    relay.start()
    worker = DramatiqWorker(broker, queues={HOUSEKEEPING}, worker_threads=1, worker_timeout=200)
    worker.queue_prefetch = 1
    worker.start()
    log.info("ready", endpoint=endpoint.port)
    stopping.wait()
    worker.stop(timeout=3_000)
    relay.stop()
    endpoint.stop()
    return EXIT_OK


def tick(settings: Settings, stopping: threading.Event) -> int:
    """Send the ticks, nothing else."""
    pulse = Pulse()
    store = connect_store(settings, stopping)
    broker = connect_broker(settings, store, name="clock", stopping=stopping)
    endpoint = Endpoint(settings, "clock", pulse, port=settings.metrics_port and settings.metrics_port + 1).start()
    scheduler = BackgroundScheduler(timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1})
    for task, period in periods(settings).items():
        scheduler.add_job(send_tick, "interval", (store, broker, task, period, pulse), seconds=period)
    scheduler.start()
    get_logger("clock").info("ready", tasks=list(periods(settings)))
    stopping.wait()
    scheduler.shutdown(wait=False)
    endpoint.stop()
    return EXIT_OK


def send_tick(store: JobStore, broker: dramatiq.Broker, task: str, period: float, pulse: Pulse) -> bool:
    """Write the tick's row and hint at it; return whether this clock was the first."""
    due = int(time.time() // period * period * 1000)
    try:
        first = store.add_tick(task, due)
        if first:
            message: dramatiq.Message[None] = dramatiq.Message(HOUSEKEEPING, HOUSEKEEPING, (), {"task": task}, {})
            broker.enqueue(message)
        pulse.beat("tick")
    except HallmarkError as error:
        pulse.tried()
        get_logger("clock").warning("tick not sent", task=task, code=error.code, reason=error.message)
        return False
    return first


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m housekeeper", description=__doc__)
    parser.add_argument("what", nargs="?", choices=["tasks", "clock"], default="tasks")
    chosen = parser.parse_args()
    run_process("clock" if chosen.what == "clock" else "housekeeper", tick if chosen.what == "clock" else serve)


if __name__ == "__main__":
    main()
