"""`hallmark watch`, and what the demo shows: a batch on its way until core accepted or refused its proof."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.progress import Progress, TaskID

from broker.artifacts import open_artifacts
from broker.jobs import Batch, BatchState, JobStore, Stage, open_existing, open_store, status
from broker.jobs.progress import stages_of
from cli import commands, display
from cli.options import ChainOption, chain_words
from cli.refusals import refusal
from cli.suggestions import batch_numbers
from proving.machine.executor import execute
from proving.machine.program import Program
from proving.stages import delivery
from runtime.errors import HallmarkError, JobNotFound
from runtime.settings import Settings, load_settings
from runtime.telemetry import read_spans, trace_directory, trace_id_of

#: Seconds between two looks at the job store; each takes milliseconds of the cores that prove.
LOOK_SECONDS = 0.5

_INPUTS = ("program", "advice")
_FINISHED = (BatchState.ACCEPTED, BatchState.REFUSED, BatchState.DEAD, BatchState.CANCELLED)


@dataclass(frozen=True)
class Watched:
    """A batch that reached its end.

    Attributes
    ----------
    error
        Why it did not reach an accepted proof; empty when it did.
    proof
        The batch's proof as core got it; empty on an error.
    snark
        The SNARK that came with it; empty where core asked for none.
    cycles, segments
        Executed instructions, and segments that they were cut into; 0 on an error.
    spans
        Every span of the batch's trace.
    """

    batch: Batch
    error: str
    proof: bytes
    snark: bytes
    cycles: int
    segments: int
    spans: list[dict[str, Any]]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("watch")(watch)


def watch(
    batch: Annotated[
        int | None,
        typer.Argument(help="A batch number; the first unfinished one when left out.", autocompletion=batch_numbers),
    ] = None,
    chain: ChainOption = None,
) -> None:
    """Show a batch being proven until core has accepted its proof; waits for the batch if need be."""
    settings = load_settings() if chain is None else load_settings(chain_id=chain)
    store, words = open_existing(settings), chain_words(chain)
    with display.progress() as bars:
        if batch is None:
            batch = _next_batch(settings, store, bars)
        ended = follow(settings, store, batch, bars)
    if ended.state is not BatchState.ACCEPTED:
        raise HallmarkError(
            f"Batch {batch}: {_why(store, ended)}",
            remedy=f"`{commands.line('status', batch, *words, state=settings.state_dir)}`",
        )
    trace = commands.line("trace", batch, *words, state=settings.state_dir)
    typer.echo(f"batch {batch}: its proof is accepted; look at it with: {trace}")


def follow(
    settings: Settings,
    store: JobStore,
    number: int,
    bars: Progress,
    *,
    timeout: float = math.inf,
    failed: Callable[[], str] = str,
) -> Batch:
    """Show how far every stage is until the batch ends, and return it.

    Parameters
    ----------
    timeout
        Seconds after which the batch is given up.
    failed
        Returns why nothing can come any more, and an empty string while it can.

    Raises
    ------
    HallmarkError
        The batch took too long, `failed` gave a reason, or core refuses this installation's gateway for good.
    """
    whole: TaskID | None = None
    tasks: dict[str, TaskID] = {}
    wait = bars.add_task("gateway fetches the batch", total=1, note="")
    deadline = time.monotonic() + timeout
    while True:
        try:
            batch = status.batch(store, number)
        except JobNotFound:
            batch = None
        if batch is not None:
            if whole is None:
                bars.update(wait, completed=1)
                whole = bars.add_task(f"batch {number}, all stages", total=None, note="")
            _show(store, batch, bars, whole, tasks)
            if batch.state in _FINISHED:
                break
        if reason := failed():
            raise HallmarkError(reason)
        if batch is None:
            _check_gateway(settings)
        if time.monotonic() > deadline:
            raise HallmarkError(f"Batch {number} took more than {timeout:.0f} s.")
        time.sleep(LOOK_SECONDS)
    task = bars.add_task("core verifies and accepts", total=1, note=str(batch.state))
    if batch.state is BatchState.ACCEPTED:
        bars.update(task, completed=1)
    return batch


def watch_batch(
    settings: Settings, number: int, bars: Progress, *, timeout: float, failed: Callable[[], str]
) -> Watched:
    """Follow a batch (:func:`follow`) and return all that the demo tells about it."""
    store = open_store(settings)
    batch = follow(settings, store, number, bars, timeout=timeout, failed=failed)
    if batch.state is not BatchState.ACCEPTED:
        return Watched(batch, _why(store, batch), b"", b"", 0, 0, [])
    returned = open_artifacts(settings).load(batch.result, kind="batch_proof", protocol=batch.protocol_version)
    proof, snark = (returned, b"") if not delivery.is_one(returned) else delivery.unpack(returned)
    spans = read_spans(trace_directory(settings), trace_id_of(batch.traceparent))
    segments = sum(job.round == 0 for job in status.jobs(store, batch_id=batch.id, stage=Stage.PROVE))
    return Watched(batch, "", proof, snark, _cycles(settings, store, batch), segments, spans)


def _check_gateway(settings: Settings) -> None:
    if reason := refusal(settings.state_dir):
        raise HallmarkError(f"Core refuses the gateway, no batch will come: {reason}")


def _next_batch(settings: Settings, store: JobStore, bars: Progress) -> int:
    """Return the oldest unfinished batch; wait for one when there is none."""
    task: TaskID | None = None
    while True:
        unfinished = [each.number for each in status.batches(store) if each.state not in _FINISHED]
        if unfinished:
            if task is not None:
                bars.update(task, completed=1)
            return min(unfinished)
        if task is None:
            task = bars.add_task("wait for the next batch", total=1, note="")
        _check_gateway(settings)
        time.sleep(LOOK_SECONDS)


def _cycles(settings: Settings, store: JobStore, batch: Batch) -> int:
    """Run the batch's program once more on its input: no proof states the number of cycles."""
    inputs = next(job.inputs for job in status.jobs(store, batch_id=batch.id, stage=Stage.WITNESS) if job.round == 0)
    artifacts = open_artifacts(settings)
    program, advice = (artifacts.load(inputs[kind], kind=kind, protocol=batch.protocol_version) for kind in _INPUTS)
    return execute(Program.from_elf(program), advice).cycles


def _show(store: JobStore, batch: Batch, bars: Progress, whole: TaskID, tasks: dict[str, TaskID]) -> None:
    stages = stages_of(store, batch.id)
    for stage in stages:
        if stage.stage not in tasks:
            tasks[stage.stage] = bars.add_task(f"stage {stage.stage}", total=stage.jobs, start=False, note="waits")
        task = tasks[stage.stage]
        if stage.running or stage.done:
            bars.start_task(task)
            running = f", {stage.running} running" if stage.running else ""
            bars.update(
                task, total=stage.jobs, completed=stage.done, note=f"{int(stage.done)} of {stage.jobs}{running}"
            )
    total, done = sum(stage.jobs for stage in stages), sum(stage.done for stage in stages)
    # The prover's jobs are known when the witness has cut the segments; a share of fewer would fall back then.
    if len(stages) > 1:
        bars.update(whole, total=total, completed=done, note=f"{int(done)} of {total} jobs")


def _why(store: JobStore, batch: Batch) -> str:
    dead = [job for job in status.jobs(store, batch_id=batch.id) if job.error]
    reasons = [f"job {job.id} ({job.stage}): {job.error}" for job in dead[:3]]
    return "; ".join(reasons) or batch.error or f"it ended {batch.state}"
