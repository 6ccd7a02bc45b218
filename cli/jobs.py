"""`hallmark job`: look at jobs, read what they said, let them run again."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from broker.jobs import Job, JobState, Stage
from broker.jobs import status as jobs_status
from cli import display
from cli.options import ChainOption, JsonOption, duration, opened, place, print_json
from cli.suggestions import job_numbers
from runtime.errors import InvalidInput
from runtime.settings import load_settings
from runtime.telemetry import read_spans, trace_directory, trace_id_of
from runtime.words import count

JobArgument = Annotated[
    int,
    typer.Argument(min=1, help="A job's number, as `status` and `job list` show it.", autocompletion=job_numbers),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Look at jobs; let them run again.", no_args_is_help=True)
    group.command("list")(listing)
    group.command("show")(show)
    group.command("requeue")(requeue)
    group.command("logs")(logs)
    app.add_typer(group, name="job")


def listing(
    batch: Annotated[int | None, typer.Option(help="Only jobs of this batch.")] = None,
    state: Annotated[JobState | None, typer.Option(help="Only jobs in this state.")] = None,
    stage: Annotated[Stage | None, typer.Option(help="Only jobs of this stage.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most jobs listed.")] = 200,
    chain: ChainOption = None,
    as_json: JsonOption = False,
) -> None:
    """List jobs, dead ones first, then in the order of their batches and rounds."""
    store = opened(chain)
    batch_id = None if batch is None else jobs_status.batch(store, batch).id
    found = jobs_status.jobs(store, batch_id=batch_id, state=state, stage=stage, limit=limit)
    if as_json:
        print_json(found)
        return
    rows = []
    for job in found:
        where = place(job.stage, job.round, job.depth, job.circuit_type)
        rows.append((str(job.id), where, str(job.index), str(job.state), str(job.attempts), job.error or job.worker))
    header = ("job", "place", "index", "state", "tries", "error, worker")
    display.console.print(display.table(header, rows) if rows else "no job")


def show(job: JobArgument, as_json: JsonOption = False) -> None:
    """Show a job with every attempt, and the traceback of the last failure."""
    store = opened()
    found, attempts = jobs_status.job(store, job), jobs_status.attempts(store, job_id=job)
    if as_json:
        print_json({**dataclasses.asdict(found), "attempts": [dataclasses.asdict(each) for each in attempts]})
        return
    display.console.print(
        display.pairs(
            f"job {found.id}: {found.stage}, {found.state}",
            [
                ("batch", f"{jobs_status.batch_of(store, found.batch_id).number} of chain {found.chain_id}"),
                ("place", place(found.stage, found.round, found.depth, found.circuit_type)),
                ("segment", str(found.index)),
                ("protocol version", found.protocol_version),
                ("keys", found.key_identity or "-"),
                ("waits for", count(found.waiting_on, "job")),
                ("failures", f"{found.failures} of {found.attempts} attempts"),
                ("result", found.result or "-"),
                ("error", f"{found.error_code}: {found.error}" if found.error else "-"),
                ("trace", trace_id_of(found.traceparent)),
            ],
        )
    )
    rows = []
    for each in attempts:
        took = None if each.ended_at is None else each.ended_at - each.started_at
        rows.append(
            (
                str(each.number),
                each.worker,
                each.device,
                duration(each.queue_wait),
                duration(took),
                f"{each.outcome or 'running'} {each.error}",
            )
        )
    header = ("attempt", "worker", "device", "waited", "took", "outcome, error")
    display.console.print(display.table(header, rows))
    if found.traceback:
        display.console.print(found.traceback, markup=False)


def requeue(job: JobArgument, as_json: JsonOption = False) -> None:
    """Let a job run again with a fresh count of failures."""
    again: Job = opened().requeue(job)
    if as_json:
        print_json(again)
    else:
        typer.echo(f"job {again.id} ({again.stage}) is {again.state}")


def logs(
    job: JobArgument,
    file: Annotated[
        list[Path] | None, typer.Option(help="JSON log of a process to search too; several are allowed.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Print what a job's attempts left behind: their spans on this host, their tracebacks, and lines of given logs."""
    store = opened()
    found, attempts = jobs_status.job(store, job), jobs_status.attempts(store, job_id=job)
    spans = [
        span
        for span in read_spans(trace_directory(load_settings()), trace_id_of(found.traceparent))
        if span["attributes"].get("hallmark.job") == job
    ]
    lines = [line for each in file or () for line in _lines_of(each, job)]
    if as_json:
        print_json({"job": job, "attempts": [dataclasses.asdict(a) for a in attempts], "spans": spans, "lines": lines})
        return
    for each in attempts:
        typer.echo(f"attempt {each.number} on {each.worker}: {each.outcome or 'running'} {each.error}".rstrip())
        if each.traceback:
            typer.echo(each.traceback.rstrip())
    for span in spans:
        took = (int(span["end_unix_nano"]) - int(span["start_unix_nano"])) / 1e9
        typer.echo(f"span {span['name']} attempt {span['attributes'].get('hallmark.attempt', '-')}: {took:.3f} s")
        for event in span["events"]:
            text = event["attributes"].get("exception.message", "")
            typer.echo(f"  {event['name']} {text}".rstrip())
    for line in lines:
        typer.echo(json.dumps(line))


def _lines_of(path: Path, job: int) -> Iterator[dict[str, Any]]:
    """Yield the events of a JSON log that are about a job; lines that are no JSON are passed over."""
    try:
        with path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                # `hallmark run` puts the process's name before each line.
                start = line.find("{")
                try:
                    event = json.loads(line[start:]) if start >= 0 else None
                except ValueError:
                    continue
                if isinstance(event, dict) and event.get("job") == job:
                    yield event
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.") from error
