"""One attempt: claim, run the stage under a lease, store, complete or record why not."""

from __future__ import annotations

import contextlib
import resource
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import Counter, Gauge, Histogram

from actors.context import WorkerContext
from actors.device_turns import WAITS
from actors.lease import Held, Released
from broker.artifacts import artifact_name
from broker.jobs import Claim, JobSpec, JobState, Stage
from runtime.errors import HallmarkError, InvalidInput, JobCancelled, LeaseLost, StoreUnavailable, Unavailable
from runtime.logging import get_logger
from runtime.telemetry import attempt_traceparent, exemplar, mark, span
from runtime.waiting import OUTAGES

_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 150, 300, 600, 1800, 3600, 7200)

DURATION = Histogram("hallmark_job_duration_seconds", "Claim to end.", ["stage", "device", "outcome"], buckets=_BUCKETS)
QUEUE_WAIT = Histogram("hallmark_job_queue_wait_seconds", "Queued to claimed.", ["stage"], buckets=_BUCKETS)
FINISHED = Counter("hallmark_attempts_finished", "Attempts by this process.", ["stage", "outcome", "code"])
BUSY = Gauge("hallmark_worker_busy", "Jobs being worked on by this process.", ["stage", "device"])
STORING = Histogram(
    "hallmark_artifact_store_seconds",
    "Time that storing an artifact took.",
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30),
)
PEAK_MEMORY = Gauge("hallmark_process_peak_memory_bytes", "Largest resident memory of this process so far.")

#: Seconds between two tries to complete a job while the database is away; finished work is worth waiting for.
COMPLETE_PAUSE = 2.0
#: Seconds after which a finished job is given up because the database stays away.
COMPLETE_PATIENCE = 600.0
#: Seconds before a worker claims again that met an artifact store that is away; the store itself was tried for longer.
STORE_PAUSE = 5.0


@dataclass(frozen=True)
class Result:
    """What a stage made.

    Parameters
    ----------
    kind, payload
        The artifact to store; with ``name`` set it is stored already.
    children
        Jobs created by the transaction that completes this one.
    """

    kind: str
    payload: bytes = b""
    name: str = ""
    children: Sequence[JobSpec] = ()
    compress: bool = False


class Work:
    """A held job as the stage's actor sees it: its inputs by kind, a place to store, a progress report."""

    def __init__(self, context: WorkerContext, held: Held) -> None:
        self.context, self._held = context, held
        self.claim: Claim = held.claim
        self.progress: Callable[[float, str], None] = held.progress

    @property
    def inputs(self) -> Mapping[str, str]:
        """Artifact names by kind."""
        return self.claim.job.inputs

    def load(self, kind: str) -> bytes:
        """Return the payload of the job's input of a kind."""
        if kind not in self.inputs:
            raise HallmarkError(f"Job {self.claim.job_id} names no {kind}.")
        return self.load_named(self.inputs[kind], kind)

    def load_named(self, name: str, kind: str) -> bytes:
        """Return the payload of an artifact, its kind, version and checksum checked."""
        payload = self.context.artifacts.load(name, kind=kind, protocol=self.claim.job.protocol_version)
        self.context.meter.moved(self.claim.job_id, loaded=len(payload))
        return payload

    @contextlib.contextmanager
    def device(self) -> Iterator[Any]:
        """Have the compute backend while the block runs, in this process's turn at its device."""
        turn = self.context.turn
        with turn.taken(lambda: self.progress(0.0, WAITS)) if turn else contextlib.nullcontext():
            yield self.context.backend

    def save(self, kind: str, payload: bytes, *, part: int | None = None, compress: bool = False) -> str:
        """Store an artifact under this attempt's own name and return the name; ``part`` numbers several of a kind."""
        self._held.check()
        last = kind if part is None else f"{kind}.{part}"
        name = artifact_name(self.claim.job.batch_id, self.claim.job_id, self.claim.token, last)
        protocol = self.claim.job.protocol_version
        self.context.meter.moved(self.claim.job_id, stored=len(payload))
        started = time.monotonic()
        try:
            return self.context.artifacts.save(name, kind, payload, protocol=protocol, compress=compress)
        finally:
            STORING.observe(time.monotonic() - started, exemplar(self.claim.job.traceparent))


#: The part of an actor that differs between stages and rounds.
Body = Callable[[Work], Result]


def made_by(work: Work, stage: Stage) -> str:
    """Return the result of the one job of a stage that this one waited for.

    Raises
    ------
    InvalidInput
        It waited for none, or for several.
    """
    found = [entry.artifact for entry in work.context.store.inputs(work.claim) if entry.stage is stage]
    if len(found) != 1:
        raise InvalidInput(f"Job {work.claim.job_id} depends on {len(found)} jobs of stage {stage}, not on one.")
    return found[0]


def run_one(context: WorkerContext, stage: Stage, body: Body, *, recursive: bool | None = None) -> bool:
    """Claim one job of the stage (of later rounds only, of the first, of any) and run it; return whether there was one.

    Never raises for what happens inside the job: the row carries the cause.
    """
    log = get_logger("attempt").bind(stage=str(stage))
    context.pulse.beat("poll")
    if context.draining.is_set() or context.broken.is_set():
        return False
    try:
        versions = [context.settings.protocol_version]
        claim = context.store.claim(
            [stage],
            context.worker,
            protocol_versions=versions,
            key_identity=context.keys,
            preferred_circuit_type=context.loaded,
            recursive=recursive,
        )
    except OUTAGES as error:
        log.warning("could not claim", code=error.code, reason=error.message)
        return False
    if claim is None:
        return False
    if stage is Stage.PROVE:
        context.loaded = claim.job.circuit_type
    traced = exemplar(claim.job.traceparent)
    QUEUE_WAIT.labels(stage).observe(claim.queue_wait, traced)
    device = context.worker.device
    context.pulse.work(+1)
    context.began.set()
    BUSY.labels(stage, device).inc()
    started = time.monotonic()
    try:
        with context.meter.counting(claim.job_id):
            outcome, code = _run(context, claim, body)
    finally:
        context.pulse.work(-1)
        context.pulse.beat("finish")
        BUSY.labels(stage, device).dec()
        PEAK_MEMORY.set(peak_memory())
    DURATION.labels(stage, device, outcome).observe(time.monotonic() - started, traced)
    FINISHED.labels(stage, outcome, code).inc()
    context.relay.wake()
    return True


def peak_memory() -> int:
    """Return the largest resident memory of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _run(context: WorkerContext, claim: Claim, body: Body) -> tuple[str, str]:
    job = claim.job
    attributes: dict[str, Any] = {
        "hallmark.batch": job.batch_id,
        "hallmark.job": job.id,
        "hallmark.stage": str(job.stage),
        "hallmark.round": job.round,
        "hallmark.index": job.index,
        "hallmark.circuit_type": job.circuit_type,
        "hallmark.attempt": claim.attempt,
        "hallmark.worker": context.worker.name,
        "hallmark.device": context.worker.device,
        "hallmark.protocol_version": job.protocol_version,
        "hallmark.queue_wait_seconds": claim.queue_wait,
    }
    # Written before the work starts, so that an attempt that is killed still shows in the trace.
    before, own = (
        attempt_traceparent(job.traceparent, job.id, number) for number in (claim.attempt - 1, claim.attempt)
    )
    claimed = mark(f"claim {job.stage}", traceparent=job.traceparent, links=[before], named=own, **attributes)
    with span(
        f"job {job.stage}", traceparent=job.traceparent or claimed, links=[claimed, before], attributes=attributes
    ) as live:
        logger = get_logger("attempt").bind(job=job.id, stage=str(job.stage), index=job.index, attempt=claim.attempt)
        logger.info("started", worker=context.worker.name, queue_wait=round(claim.queue_wait, 3))
        try:
            with Held(context, claim) as held, context.holding(claim, live):
                work = Work(context, held)
                result = body(work)
                held.progress(1.0, "store")
                name = result.name or work.save(result.kind, result.payload, compress=result.compress)
                live.set_attribute("hallmark.result_bytes", len(result.payload))
                live.set_attribute("hallmark.peak_memory_bytes", peak_memory())
                _complete(context, claim, name, result.children)
                context.relay.wake()
            logger.info("completed", result=name, children=len(result.children))
            return "successful", ""
        except (LeaseLost, JobCancelled) as error:
            logger.warning("stopped", code=error.code, reason=error.message)
            live.set_attribute("hallmark.outcome", error.code)
            return ("cancelled" if isinstance(error, JobCancelled) else "lost"), error.code
        except Released as error:
            give_back(context, claim)
            live.set_attribute("hallmark.outcome", error.code)
            logger.info("given back", reason=error.message)
            return "released", error.code
        except StoreUnavailable as error:
            # An outage is no fault of the job's: it costs no attempt, or an hour of it would leave every job dead.
            give_back(context, claim, error)
            live.set_attribute("hallmark.outcome", error.code)
            logger.warning("given back", code=error.code, reason=error.message)
            context.draining.wait(STORE_PAUSE)
            return "released", error.code
        except BaseException as error:
            live.record_exception(error)
            code = error.code if isinstance(error, HallmarkError) else "internal"
            state = _fail(context, claim, error)
            if isinstance(error, HallmarkError) and error.ends_process:
                context.broken.set()
            logger.error(
                "failed", code=code, reason=str(error), state=state, exc_info=not isinstance(error, HallmarkError)
            )
            if not isinstance(error, Exception):
                raise
            return "failed", code


def give_back(context: WorkerContext, claim: Claim, cause: HallmarkError | None = None) -> None:
    """Return a job unharmed; when the database is away the lease runs out instead."""
    with contextlib.suppress(Unavailable):
        context.store.release(claim, cause, cost=context.meter.read(claim.job_id))


def _complete(context: WorkerContext, claim: Claim, name: str, children: Sequence[JobSpec]) -> None:
    deadline = time.monotonic() + COMPLETE_PATIENCE
    while True:
        try:
            context.store.complete(claim, name, children, cost=context.meter.read(claim.job_id))
        except Unavailable:
            if time.monotonic() > deadline or context.stopping.is_set():
                raise
            time.sleep(COMPLETE_PAUSE)
        else:
            return


def _fail(context: WorkerContext, claim: Claim, error: BaseException) -> str:
    try:
        return str(context.store.fail(claim, error, cost=context.meter.read(claim.job_id)))
    except (LeaseLost, JobCancelled) as gone:
        return gone.code
    except Unavailable:
        # The lease runs out and the sweep takes it from there.
        return str(JobState.IN_PROGRESS)
