"""``python -m actors.run --stage prove``: one worker process of one stage.

It waits out a database or broker that is away, leaves with 78 on a bad configuration, and on SIGTERM claims nothing
more, gives the running job ``HALLMARK_DRAIN_SECONDS`` to finish and then gives it back.
"""

from __future__ import annotations

import argparse
import logging
import resource
import threading
import time
import zlib
from collections.abc import Mapping
from pathlib import Path

import dramatiq
from dramatiq.worker import Worker as DramatiqWorker

from actors import bundle, circuit_prover, witness_generator, witness_vector_generator
from actors.attempt import Body, give_back, run_one
from actors.context import WorkerContext, process_name, worker_identity
from broker.artifacts import ArtifactStore, open_artifacts
from broker.connect import connect_broker, connect_store
from broker.jobs import Stage
from broker.queues import queue_for
from broker.relay import Relay
from runtime.endpoint import Endpoint
from runtime.logging import get_logger
from runtime.process import EXIT_OK, EXIT_RESTART, run_process
from runtime.pulse import Pulse
from runtime.settings import Settings

BODIES: Mapping[Stage, Body] = {
    Stage.WITNESS: witness_generator.run,
    Stage.VECTORS: witness_vector_generator.run,
    Stage.PROVE: circuit_prover.run,
    Stage.BUNDLE: bundle.run,
}

#: Stages that need keys: to size segments, to prove, to verify.
KEYED = (Stage.WITNESS, Stage.PROVE, Stage.BUNDLE)
#: A process that neither did nor tried anything for this long is restarted.
SILENT_SECONDS = 180.0
#: Seconds between two removals of execution records that no prover on this host came for.
FORGET_SECONDS = 600.0
#: Seconds between two looks of the main thread.
LOOK_SECONDS = 0.2


def open_context(settings: Settings, stage: Stage, stopping: threading.Event) -> tuple[WorkerContext, dramatiq.Broker]:
    """Connect everything that a worker of ``stage`` needs; waits for services that are away."""
    pulse = Pulse()
    worker = worker_identity(settings, str(stage))
    store = connect_store(settings, stopping)
    broker = connect_broker(
        settings,
        store,
        name=f"{stage} {worker.device}",
        stages=[stage],
        device=worker.device,
        pulse=pulse,
        stopping=stopping,
    )
    artifacts = open_artifacts(settings)
    local = ArtifactStore((settings.state_dir / "local").as_uri(), disk_reserve=settings.disk_reserve)
    return WorkerContext(settings, store, artifacts, local, Relay(store, broker), worker, pulse), broker


def declare(broker: dramatiq.Broker, context: WorkerContext, stage: Stage) -> None:
    """Declare the stage's actor, named as its queue."""

    def act(**hint: object) -> None:
        run_one(context, stage, BODIES[stage])

    queue = queue_for(stage)
    broker.declare_actor(dramatiq.Actor(act, broker=broker, actor_name=queue, queue_name=queue, priority=0, options={}))


def serve(settings: Settings, stopping: threading.Event, stage: Stage, threads: int) -> int:
    """Work until told to stop; return the exit code."""
    logging.getLogger("dramatiq").setLevel(logging.WARNING)
    context, broker = open_context(settings, stage, stopping)
    # Imported and made now, so that a broken installation shows at the start and the first job does not wait for keys.
    _ = context.stages
    keys = context.keys if stage in KEYED else ""
    declare(broker, context, stage)
    endpoint = Endpoint(settings, process_name(str(stage)), context.pulse, port=metrics_port(settings, stage)).start()
    context.relay.start()
    worker = DramatiqWorker(broker, queues={queue_for(stage)}, worker_threads=threads, worker_timeout=200)
    # A worker that holds one message more than it has threads keeps it from those that are idle.
    worker.queue_prefetch = threads
    worker.start()
    log = get_logger("worker").bind(stage=str(stage), worker=context.worker.name)
    log.info("ready", device=context.worker.device, keys=keys, endpoint=endpoint.port, threads=threads)
    code = _watch(context, stopping)
    log.info("draining", busy=context.pulse.busy)
    drain(context, worker)
    context.relay.stop()
    endpoint.stop()
    log.info("stopped", code=code)
    return code


def drain(context: WorkerContext, worker: DramatiqWorker) -> None:
    """Let running jobs finish, then ask them to stop, then give them back over their heads."""
    context.draining.set()
    _wait_idle(context, context.settings.drain_seconds)
    context.stopping.set()
    _wait_idle(context, 1.0)
    for claim in list(context.held.values()):
        give_back(context, claim)
    if not context.pulse.busy:
        worker.stop(timeout=2_000)


def metrics_port(settings: Settings, stage: str) -> int:
    """Return the port of this process's endpoint: the base plus an offset by name, or 0 for any."""
    if not settings.metrics_port:
        return 0
    return settings.metrics_port + zlib.crc32(process_name(stage).encode()) % 500


def resident_memory() -> int:
    """Return this process's resident memory now, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _watch(context: WorkerContext, stopping: threading.Event) -> int:
    budget = context.settings.memory
    look_at = time.monotonic() + 5
    forget_at = time.monotonic()
    while not stopping.wait(LOOK_SECONDS):
        if context.broken.is_set():
            get_logger("watchdog").error("a job met an error that this process does not survive, restarting")
            return EXIT_RESTART
        if time.monotonic() < look_at:
            continue
        look_at = time.monotonic() + 5
        if time.monotonic() > forget_at:
            forget_at = time.monotonic() + FORGET_SECONDS
            context.local.forget(context.settings.retention_hours * 3600)
        if not context.pulse.busy and context.pulse.silent() > SILENT_SECONDS:
            get_logger("watchdog").error("silent, restarting", seconds=context.pulse.silent())
            return EXIT_RESTART
        if budget and not context.pulse.busy and resident_memory() > budget:
            get_logger("watchdog").warning("over the memory budget, restarting", budget=budget)
            return EXIT_RESTART
    return EXIT_OK


def _wait_idle(context: WorkerContext, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while context.pulse.busy and time.monotonic() < deadline:
        time.sleep(0.05)


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m actors.run", description=__doc__)
    parser.add_argument("--stage", required=True, type=Stage, choices=list(Stage))
    parser.add_argument("--threads", type=int, default=1, help="jobs at a time; 2 on a device overlaps loading")
    chosen = parser.parse_args()
    run_process(str(chosen.stage), lambda settings, stopping: serve(settings, stopping, chosen.stage, chosen.threads))


if __name__ == "__main__":
    main()
