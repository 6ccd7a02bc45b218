"""Following a batch through the pipeline until core accepted or refused its proof."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from rich.progress import Progress, TaskID

from broker.artifacts import open_artifacts
from broker.jobs import Batch, BatchState, JobStore, Stage, open_store, status
from broker.jobs.progress import stages_of
from cli.supervisor import Supervisor
from proving.machine.executor import execute
from proving.machine.program import Program
from runtime.errors import HallmarkError, JobNotFound
from runtime.settings import Settings
from runtime.telemetry import read_spans, trace_directory, trace_id_of

#: Seconds between two looks at the job store.
LOOK_SECONDS = 0.2

_INPUTS = ("program", "advice")
_FINISHED = (BatchState.ACCEPTED, BatchState.REFUSED, BatchState.DEAD, BatchState.CANCELLED)


@dataclass(frozen=True)
class Watched:
    """A batch that reached its end.

    Attributes
    ----------
    error
        Why it did not reach an accepted proof; empty when it did.
    bundle
        The proof as core got it; empty on an error.
    cycles
        Executed instructions; 0 on an error.
    spans
        Every span of the batch's trace.
    """

    batch: Batch
    error: str
    bundle: bytes
    cycles: int
    spans: list[dict[str, Any]]


def watch_batch(settings: Settings, number: int, bars: Progress, supervisor: Supervisor, *, timeout: float) -> Watched:
    """Show a progress bar for every stage until the batch ends.

    Parameters
    ----------
    timeout
        Seconds after which the batch is given up.
    """
    store = open_store(settings)
    tasks: dict[str, TaskID] = {}
    wait = bars.add_task("gateway fetches the batch", total=1, note="")
    deadline = time.monotonic() + timeout
    while True:
        time.sleep(LOOK_SECONDS)
        try:
            batch = status.batch(store, number)
        except JobNotFound:
            batch = None
        if batch is not None:
            bars.update(wait, completed=1)
            _show(store, batch, bars, tasks)
            if batch.state in _FINISHED:
                break
        if supervisor.failed is not None:
            raise HallmarkError(f"The process {supervisor.failed.name} stopped: its configuration is wrong.")
        if time.monotonic() > deadline:
            raise HallmarkError(f"Batch {number} took more than {timeout:.0f} s.")
    task = bars.add_task("core verifies and accepts", total=1, note=str(batch.state))
    if batch.state is not BatchState.ACCEPTED:
        return Watched(batch, _why(store, batch), b"", 0, [])
    bars.update(task, completed=1)
    bundle = open_artifacts(settings).load(batch.result, kind="bundle", protocol=batch.protocol_version)
    spans = read_spans(trace_directory(settings), trace_id_of(batch.traceparent))
    return Watched(batch, "", bundle, _cycles(settings, store, batch), spans)


def _cycles(settings: Settings, store: JobStore, batch: Batch) -> int:
    """Run the batch's program once more on its input: no proof states the number of cycles."""
    inputs = next(job.inputs for job in status.jobs(store, batch_id=batch.id, stage=Stage.WITNESS))
    artifacts = open_artifacts(settings)
    program, advice = (artifacts.load(inputs[kind], kind=kind, protocol=batch.protocol_version) for kind in _INPUTS)
    return execute(Program.from_elf(program), advice).cycles


def _show(store: JobStore, batch: Batch, bars: Progress, tasks: dict[str, TaskID]) -> None:
    for stage in stages_of(store, batch.id):
        if stage.stage not in tasks:
            tasks[stage.stage] = bars.add_task(f"stage {stage.stage}", total=stage.jobs, note="")
        note = f"{int(stage.done)} of {stage.jobs}" + (f", {stage.running} running" if stage.running else "")
        bars.update(tasks[stage.stage], total=stage.jobs, completed=stage.done, note=note)


def _why(store: JobStore, batch: Batch) -> str:
    dead = [job for job in status.jobs(store, batch_id=batch.id) if job.error]
    reasons = [f"job {job.id} ({job.stage}): {job.error}" for job in dead[:3]]
    return "; ".join(reasons) or batch.error or f"it ended {batch.state}"
