"""`hallmark batch`: look at batches, let them run again, withdraw, order and remove them, prove them elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from broker.artifacts import open_artifacts
from broker.jobs import Batch, BatchState, JobState, JobStore, costs, overview
from broker.jobs import status as jobs_status
from broker.jobs.states import FINISHED_BATCH
from cli import display, elsewhere
from cli.options import (
    BatchArgument,
    ChainOption,
    JsonOption,
    YesOption,
    as_mapping,
    ask,
    chain_words,
    duration,
    opened,
    place,
    print_json,
)
from cli.overviews import spent
from housekeeper.tasks import archive_batch
from runtime.errors import BatchFinished
from runtime.settings import load_settings
from runtime.telemetry import trace_id_of
from runtime.words import count

#: Jobs of a batch that are listed unless more are asked for; a batch has up to 240,000.
LISTED_JOBS = 200
#: More than a batch can have.
MAX_JOBS = 1_000_000
#: Characters of a bar of a timeline, so that a line fits 80 columns.
BAR = 24


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Look at batches; let them run again, withdraw, order, remove them.", no_args_is_help=True)
    group.command("list")(listing)
    group.command("show")(show)
    group.command("timeline")(timeline)
    group.command("requeue")(requeue)
    group.command("restart")(restart)
    group.command("cancel")(cancel)
    group.command("delete")(delete)
    group.command("prioritise")(prioritise)
    elsewhere.register(group)
    app.add_typer(group, name="batch")


def listing(
    state: Annotated[BatchState | None, typer.Option(help="Only batches in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most batches listed; dead ones are always.")] = 50,
    chain: ChainOption = None,
    all_chains: Annotated[bool, typer.Option("--all-chains", help="Batches of every chain.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List batches, the newest first."""
    store = opened(chain)
    found = jobs_status.batches(store, state=state, limit=limit, all_chains=all_chains)
    if as_json:
        print_json(found)
        return
    now = overview.now(store)
    rows = [
        (
            str(each.number),
            str(each.chain_id),
            str(each.state),
            str(each.priority),
            duration(now - each.created_at),
            each.protocol_version,
            each.error,
        )
        for each in found
    ]
    header = ("batch", "chain", "state", "priority", "age", "version", "error")
    display.console.print(display.table(header, rows) if rows else "no batch")


def show(
    batch: BatchArgument,
    limit: Annotated[int | None, typer.Option(min=0, help="Most jobs listed; 200 in tables, all in JSON.")] = None,
    chain: ChainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a batch and its jobs, dead ones first."""
    show_one(opened(chain), batch, as_json, limit, chain=chain)


def show_one(
    store: JobStore, number: int, as_json: bool, limit: int | None = None, *, chain: int | None = None
) -> None:
    """Print a batch and its jobs."""
    found = jobs_status.batch(store, number)
    if limit is None:
        limit = MAX_JOBS if as_json else LISTED_JOBS
    jobs = jobs_status.jobs(store, batch_id=found.id, limit=limit)
    if as_json:
        print_json({**as_mapping(found), "cost": costs.cost_of_batch(store, found.id), "jobs": jobs})
        return
    lines = overview.timeline(store, found.id)
    total = sum(line.jobs for line in lines)
    display.console.print(
        display.pairs(
            f"batch {found.number} of chain {found.chain_id}: {found.state}",
            [
                ("program commitment", found.program_commitment),
                ("protocol version", found.protocol_version),
                ("priority", str(found.priority)),
                ("age", duration(overview.now(store) - found.created_at)),
                ("trace", trace_id_of(found.traceparent)),
                ("proof", found.result or "-"),
                ("error", found.error or "-"),
                ("jobs", f"{total}: {_states(lines)}"),
                ("cost", spent(costs.cost_of_batch(store, found.id))),
            ],
        )
    )
    rows = []
    for job in jobs:
        progress = f"{100 * job.progress:.0f} % {job.progress_note}" if job.state is JobState.IN_PROGRESS else ""
        where = place(job.stage, job.round, job.depth, job.circuit_type)
        rows.append((str(job.id), where, str(job.index), job.state, str(job.attempts), f"{progress} {job.error}"))
    header = ("job", "place", "index", "state", "tries", "progress, error")
    display.console.print(display.table(header, rows))
    if total > len(jobs):
        words = " ".join(map(str, ("job", "list", "--batch", number, *chain_words(chain))))
        display.console.print(f"{total - len(jobs)} more jobs: --limit, or `{words}`")


def timeline(batch: BatchArgument, chain: ChainOption = None, as_json: JsonOption = False) -> None:
    """Show a batch's rounds: when the jobs of each began and ended, how long they waited and ran, what was retried."""
    store = opened(chain)
    found = jobs_status.batch(store, batch)
    lines = overview.timeline(store, found.id)
    if as_json:
        print_json({**as_mapping(found), "lines": lines})
        return
    now = overview.now(store)
    end = max([found.created_at + 1e-3, *(_end(line, now) for line in lines)])
    rows = []
    for line in lines:
        done = line.states.get("successful", 0)
        rows.append(
            (
                place(line.stage, line.round, line.depth, line.circuit_type),
                f"{done}/{line.jobs}",
                _bar(line, found.created_at, end, now),
                duration(line.waited / done if done else None),
                duration(line.ran / done if done else None),
                str(line.retried),
                "" if done == line.jobs else _states([line]),
            )
        )
    display.console.print(f"batch {found.number}: {found.state}, {duration(end - found.created_at)} from left to right")
    header = ("place", "done", "queued . running #", "waited", "ran", "retried", "open")
    display.console.print(display.table(header, rows))


def requeue(batch: BatchArgument, chain: ChainOption = None, as_json: JsonOption = False) -> None:
    """Let every dead, delayed and cancelled job of a batch run again; results that are there stay."""
    store, found = _found(batch, chain)
    _done(store, found, f"{count(store.requeue_batch(found.id), 'job')} requeued", as_json)


def restart(
    batch: BatchArgument, yes: YesOption = False, chain: ChainOption = None, as_json: JsonOption = False
) -> None:
    """Forget every result of a batch and prove it anew."""
    store, found = _found(batch, chain)
    jobs = sum(line.states.get("successful", 0) for line in overview.timeline(store, found.id))
    ask(f"Batch {batch} of chain {found.chain_id} begins anew: {count(jobs, 'result')} are forgotten.", yes)
    _done(store, found, f"{count(store.restart_batch(found.id), 'job')} run again", as_json)


def cancel(
    batch: BatchArgument, yes: YesOption = False, chain: ChainOption = None, as_json: JsonOption = False
) -> None:
    """Withdraw a batch: none of its jobs is claimed again, running ones lose their lease."""
    store, found = _found(batch, chain)
    ask(f"Batch {batch} of chain {found.chain_id} is withdrawn; running jobs lose their lease.", yes)
    _done(store, found, f"{count(store.cancel_batch(found.id), 'job')} withdrawn", as_json)


def prioritise(
    batch: BatchArgument,
    priority: Annotated[int, typer.Argument(min=-1_000_000, max=1_000_000, help="Highest first; batches begin at 0.")],
    chain: ChainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have a batch's jobs claimed before those of a lower priority."""
    store, found = _found(batch, chain)
    store.prioritise(found.id, priority)
    _done(store, found, f"priority {priority}", as_json)


def delete(
    batch: BatchArgument, yes: YesOption = False, chain: ChainOption = None, as_json: JsonOption = False
) -> None:
    """Remove a batch: it is withdrawn, written to the archive, and its artifacts and rows go."""
    settings = load_settings()
    store, found = _found(batch, chain)
    if found.state is BatchState.PROVEN:
        raise BatchFinished(
            f"The proof of batch {batch} waits for core.",
            remedy=f"`hallmark batch restart {batch} --chain {found.chain_id}` and then delete, if core is never to "
            "have it.",
        )
    artifacts = open_artifacts(settings)
    ask(
        f"Batch {batch} of chain {found.chain_id} ({found.state}) goes for good, with its artifacts and its rows; "
        f"{settings.state_dir / 'archive'} keeps what happened. Core offers it again unless it accepted it.",
        yes,
    )
    if found.state not in FINISHED_BATCH:
        store.cancel_batch(found.id)
    path: Path | None = archive_batch(store, artifacts, found, settings.state_dir / "archive")
    if path is None:
        raise BatchFinished(f"Batch {batch} was opened again meanwhile: nothing was removed.")
    if as_json:
        print_json({"batch": batch, "chain_id": found.chain_id, "archive": path})
    else:
        typer.echo(f"batch {batch} is removed; {path} keeps what happened")


def _found(number: int, chain: int | None) -> tuple[JobStore, Batch]:
    store = opened(chain)
    return store, jobs_status.batch(store, number)


def _done(store: JobStore, batch: Batch, what: str, as_json: bool) -> None:
    after = jobs_status.batch(store, batch.number)
    if as_json:
        print_json(after)
    else:
        typer.echo(f"batch {after.number} is {after.state}; {what}")


def _states(lines: list[overview.Line]) -> str:
    totals = {state: sum(line.states.get(state, 0) for line in lines) for state in JobState}
    return ", ".join(f"{number} {state}" for state, number in totals.items() if number)


def _end(line: overview.Line, now: float) -> float:
    if line.open and line.started_at is not None:
        return now
    return max(line.finished_at or 0.0, line.started_at or 0.0)


def _bar(line: overview.Line, begin: float, end: float, now: float) -> str:
    """Return a line's span as characters: dots while its first job waited, hashes while jobs ran."""
    if line.queued_at is None or line.started_at is None:
        return ""

    def column(moment: float) -> int:
        return min(BAR, max(0, round(BAR * (moment - begin) / (end - begin))))

    queued, started, ended = column(line.queued_at), column(line.started_at), column(_end(line, now))
    queued = min(queued, started, BAR - 1)
    return " " * queued + "." * (started - queued) + "#" * max(1, ended - max(started, queued))
