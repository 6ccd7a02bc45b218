"""A worker of one stage: connects, claims and runs jobs until it is told to stop."""

from __future__ import annotations

import functools
import logging
import resource
import threading
import time
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import dramatiq
from dramatiq.worker import Worker as DramatiqWorker

from actors import circuit_prover, device_metrics, proof_compressor, witness_generator, witness_vector_generator
from actors.attempt import Body, Result, Work, give_back, run_one
from actors.clock import ClockWatch
from actors.context import WorkerContext, worker_identity
from actors.keys import key_identity
from actors.lease import Released
from actors.prefetch import Prefetcher
from actors.stages import check_size_class, load_stages
from broker.artifacts import ArtifactStore, open_artifacts
from broker.connect import connect_broker, connect_store
from broker.jobs import Stage
from broker.queues import is_recursive, queues_of
from broker.relay import Relay
from proving.stages.rounds import Round
from runtime.endpoint import Endpoint
from runtime.errors import InvalidInput, Unavailable
from runtime.logging import get_logger
from runtime.pages import Pages
from runtime.process import Exit, Process

#: What is done for a job, by its stage and round.
BODIES: Mapping[tuple[Stage, Round], Body] = {
    (Stage.WITNESS, Round.BASIC): witness_generator.run,
    (Stage.VECTORS, Round.BASIC): witness_vector_generator.run,
    (Stage.PROVE, Round.BASIC): circuit_prover.run,
    (Stage.COMPRESS, Round.SCHEDULER): proof_compressor.run,
    **{
        (stage, round_): body
        for round_ in (Round.LEAF, Round.NODE, Round.TIP, Round.SCHEDULER)
        for stage, body in (
            (Stage.WITNESS, witness_generator.run_recursive),
            (Stage.VECTORS, witness_vector_generator.run_recursive),
            (Stage.PROVE, circuit_prover.run_recursive),
        )
    },
}

#: Stages whose jobs refuse a memory budget or size class that holds no segment.
SIZED = (Stage.WITNESS, Stage.PROVE)
#: A process that neither did nor tried anything for this long is restarted.
SILENT_SECONDS = 180.0
#: Seconds between two removals of execution records that no prover on this host came for.
FORGET_SECONDS = 600.0
#: Seconds between two looks of the main thread.
LOOK_SECONDS = 0.2


def open_context(process: Process, stage: Stage) -> tuple[WorkerContext, dramatiq.Broker]:
    """Connect everything that a worker of ``stage`` needs; waits for services that are away."""
    settings, pulse, stopping = process.settings, process.pulse, process.stopping
    worker = worker_identity(process)
    store = connect_store(settings, stopping)
    broker = connect_broker(
        settings,
        store,
        name=f"{stage} {worker.device}",
        stages=[stage],
        device=worker.device,
        key_identity=key_identity(load_stages(settings.stages), settings),
        pulse=pulse,
    )
    artifacts = open_artifacts(settings)
    local = ArtifactStore((settings.state_dir / "local").as_uri(), disk_reserve=settings.disk_reserve)
    return WorkerContext(settings, store, artifacts, local, Relay(store, broker), worker, pulse), broker


def declare(broker: dramatiq.Broker, context: WorkerContext, stage: Stage) -> None:
    """Declare an actor for every queue of the stage, named as its queue."""
    for queue in queues_of(stage):
        act = functools.partial(_act, context, stage, is_recursive(queue))
        actor = dramatiq.Actor(act, broker=broker, actor_name=queue, queue_name=queue, priority=0, options={})
        broker.declare_actor(actor)


def _act(context: WorkerContext, stage: Stage, recursive: bool | None, /, **_hint: object) -> None:
    # By position only: a message's body is for who reads it in the console, and has names of its own, `stage` too.
    run_one(context, stage, run_job, recursive=recursive)


def run_job(work: Work) -> Result:
    """Do what a job's stage and round ask for.

    Raises
    ------
    InvalidInput
        There is no such round.
    """
    job = work.claim.job
    body = BODIES.get((job.stage, Round(job.round))) if job.round in list(Round) else None
    if body is None:
        raise InvalidInput(f"Job {job.id} is of round {job.round} of stage {job.stage}, which does not exist.")
    return body(work)


def serve(process: Process, *, stage: Stage, threads: int) -> int:
    """Work until told to stop; return the exit code."""
    logging.getLogger("dramatiq").setLevel(logging.WARNING)
    with Endpoint(Pages(process), port=metrics_port(process)) as endpoint:
        context, broker = open_context(process, stage)
        # Imported and made now, so that a broken installation shows at the start and the first job does not wait for
        # keys.
        _ = context.stages
        keys, _ = context.keys, context.turn
        context.store.check_version(process.settings.protocol_version, keys)
        if stage in SIZED:
            check_size_class(process.settings)
        context.held_file.look(context.store)
        device_metrics.export(context.worker.device)
        declare(broker, context, stage)
        context.relay.start()
        # Each queue has threads of its own: recursive witnesses of one batch do not wait for the run of another.
        queues = set(queues_of(stage))
        worker = DramatiqWorker(broker, queues=queues, worker_threads=threads * len(queues), worker_timeout=200)
        # A worker that holds one message more than it has threads keeps it from those that are idle.
        worker.queue_prefetch = threads
        worker.start()
        Prefetcher(context, stage).start()
        endpoint.ready()
        log = get_logger("worker").bind(stage=str(stage), worker=context.worker.name)
        log.info("ready", device=context.worker.device, keys=keys, endpoint=endpoint.port, threads=threads)
        code = _watch(context, stage, process.stopping)
        log.info("draining", busy=context.pulse.busy)
        drain(context, worker)
        context.relay.stop()
        context.held_file.remove()
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
        # The process ends before the thread that is inside of it comes to its end.
        if live := context.spans.get(claim.job_id):
            live.set_attribute("hallmark.outcome", Released.code)
            live.end()
    if not context.pulse.busy:
        worker.stop(timeout=2_000)


def metrics_port(process: Process) -> int:
    """Return the port of this process's endpoint: the base plus an offset by name, or 0 for any."""
    base = process.settings.metrics_port
    return base and base + zlib.crc32(process.name.encode()) % 500


def resident_memory() -> int:
    """Return this process's resident memory now, in bytes; 0 when it cannot be read at the moment."""
    try:
        text = Path("/proc/self/statm").read_text()
    except OSError:
        get_logger("watchdog").exception("the resident memory was not read")
        return 0
    return int(text.split()[1]) * resource.getpagesize()


def _watch(context: WorkerContext, stage: Stage, stopping: threading.Event) -> int:
    budget = context.settings.memory
    log, clock = get_logger("watchdog"), ClockWatch(context.store)
    look_at = time.monotonic()
    forget_at = time.monotonic()
    while not stopping.wait(LOOK_SECONDS):
        if context.broken.is_set():
            log.error("a job met an error that this process does not survive, restarting")
            return Exit.RESTART
        if context.turn is not None:
            context.turn.look()
        if time.monotonic() < look_at:
            continue
        look_at = time.monotonic() + 5
        clock.look()
        context.worker = replace(context.worker, clock_skew=clock.skew)
        context.held_file.look(context.store)
        if not context.pulse.busy:
            _refuse(context, stage)
        if time.monotonic() > forget_at:
            forget_at = time.monotonic() + FORGET_SECONDS
            try:
                context.local.forget(context.settings.retention_hours * 3600)
            except OSError:
                log.exception("execution records were not removed")
        if not context.pulse.busy and context.pulse.silent() > SILENT_SECONDS:
            log.error("silent, restarting", seconds=context.pulse.silent())
            return Exit.RESTART
        if budget and not context.pulse.busy and resident_memory() > budget:
            log.warning("over the memory budget, restarting", budget=budget)
            return Exit.RESTART
    return Exit.OK


def _refuse(context: WorkerContext, stage: Stage) -> None:
    """Say by name, in its row and in the log, that a job waits which is for other keys than are held here."""
    held, versions = context.keys, [context.settings.protocol_version]
    try:
        refused = held and context.store.refuse([stage], context.worker, protocol_versions=versions, key_identity=held)
    except Unavailable:
        return
    if refused:
        get_logger("worker").warning("refused", job=refused.id, wanted=refused.key_identity, held=held)


def _wait_idle(context: WorkerContext, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while context.pulse.busy and time.monotonic() < deadline:
        time.sleep(0.05)
