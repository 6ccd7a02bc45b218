"""Commands for whoever runs Hallmark: what is going on, what is stuck and why, and what to do about it."""

from __future__ import annotations

import dataclasses
import json
import time
from typing import Annotated, Any

import typer
from rich.tree import Tree

from broker.jobs import Batch, BatchState, DatabaseMissing, Job, JobState, JobStore, open_existing
from broker.jobs import status as jobs_status
from broker.jobs.progress import stages_of
from cli import (
    commands,
    configuration,
    demo,
    devices,
    display,
    doctor,
    keys,
    l1,
    run,
    settings_table,
    supervised,
    watch,
)
from runtime.configuration import env_file, show
from runtime.settings import Settings, load_settings
from runtime.telemetry import read_spans, trace_directory, trace_id_of
from runtime.urls import mask_url
from runtime.words import count

#: Most jobs of a batch that are listed; a batch has up to 30,000 segments of two jobs each.
MAX_JOBS = 60_010

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("status")(status)
    app.command("trace")(trace)
    app.command("cancel")(cancel)
    jobs = typer.Typer(help="Look at a job; let it run again.", no_args_is_help=True)
    jobs.command("show")(job_show)
    jobs.command("requeue")(job_requeue)
    app.add_typer(jobs, name="job")
    config = typer.Typer(help="Check the configuration.", no_args_is_help=True)
    config.command("check")(config_check)
    config.command("describe")(config_describe)
    app.add_typer(config, name="config")
    doctor.register(app)
    keys.register(app)
    l1.register(app)
    devices.register(app)
    run.register(app)
    demo.register(app)
    watch.register(app)


def _store() -> JobStore:
    return open_existing(load_settings())


def _dead_first(batches: list[Batch]) -> list[Batch]:
    return sorted(batches, key=lambda batch: batch.state is not BatchState.DEAD)


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=1, default=str))


def _as_mapping(value: Any) -> dict[str, Any]:
    return {name: content for name, content in dataclasses.asdict(value).items() if name != "traceback"}


def _age(moment: float | None) -> str:
    if moment is None:
        return "-"
    seconds = max(0.0, time.time() - moment)
    return (
        f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:.0f} h"
    )


def status(
    batch: Annotated[int | None, typer.Argument(help="A batch number; all recent batches when left out.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show batches, or one batch's jobs; what is dead comes first."""
    settings = load_settings()
    if batch is not None:
        _status_one(open_existing(settings), batch, as_json)
        return
    if not as_json:
        display.console.print(_looked_at(settings))
    for line in supervised.outages(settings.state_dir):
        typer.echo(f"hallmark: {line}", err=True)
    try:
        _status_all(open_existing(settings), as_json)
    except DatabaseMissing:
        if as_json:
            _print_json([])
        else:
            display.console.print("no batch yet: nothing has run here")


def _looked_at(settings: Settings) -> str:
    """Say which installation is looked at, and where the demos' batches are when those are others."""
    demos = [
        str(path)
        for path in sorted(commands.folder_of_demos(settings).glob("demo*"))
        if (path / "hallmark.db").exists() and path != settings.state_dir
    ]
    where = f"state folder {settings.state_dir}" + ("" if settings.sqlite else f", {mask_url(settings.database_url)}")
    return where + (f" (demos have their own: {', '.join(demos)})" if demos else "")


def _status_all(store: JobStore, as_json: bool) -> None:
    batches = _dead_first(jobs_status.batches(store))
    if as_json:
        _print_json(
            [
                {**_as_mapping(each), "stages": [_as_mapping(stage) for stage in stages_of(store, each.id)]}
                for each in batches
            ]
        )
        return
    rows = []
    for each in batches:
        progress = ", ".join(f"{stage.stage} {stage.done:.1f}/{stage.jobs}" for stage in stages_of(store, each.id))
        rows.append((str(each.number), str(each.state), _age(each.created_at), progress, each.error))
    header = ("batch", "state", "age", "stages", "error")
    display.console.print(display.columns(header, rows) if batches else "no batch yet")


def _status_one(store: JobStore, number: int, as_json: bool) -> None:
    found = jobs_status.batch(store, number)
    jobs = jobs_status.jobs(store, batch_id=found.id, limit=MAX_JOBS)
    if as_json:
        _print_json({**_as_mapping(found), "jobs": [_as_mapping(job) for job in jobs]})
        return
    display.console.print(
        display.pairs(
            f"batch {found.number}: {found.state}",
            [
                ("program commitment", found.program_commitment),
                ("age", _age(found.created_at)),
                ("trace", trace_id_of(found.traceparent)),
                ("error", found.error or "-"),
            ],
        )
    )
    rows = []
    for job in jobs:
        progress = f"{100 * job.progress:.0f} % {job.progress_note}" if job.state is JobState.IN_PROGRESS else ""
        rows.append(
            (str(job.id), job.stage, str(job.index), job.state, str(job.attempts), progress, job.worker, job.error)
        )
    header = ("job", "stage", "segment", "state", "attempts", "progress", "worker", "error")
    display.console.print(display.columns(header, rows))


def job_show(job: int, as_json: JsonOption = False) -> None:
    """Show a job with every attempt, and the traceback of the last failure."""
    store = _store()
    found, attempts = jobs_status.job(store, job), jobs_status.attempts(store, job_id=job)
    if as_json:
        _print_json({**dataclasses.asdict(found), "attempts": [dataclasses.asdict(each) for each in attempts]})
        return
    display.console.print(
        display.pairs(
            f"job {found.id}: {found.stage}, {found.state}",
            [
                ("batch", str(found.batch_id)),
                ("segment", str(found.index)),
                ("protocol version", found.protocol_version),
                ("keys", str(found.parameters.get("key_identity") or "-")),
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
        took = "-" if each.ended_at is None else f"{each.ended_at - each.started_at:.1f} s"
        rows.append(
            (str(each.number), each.worker, each.device, f"{each.queue_wait:.1f} s", took, each.outcome, each.error)
        )
    header = ("attempt", "worker", "device", "waited", "took", "outcome", "error")
    display.console.print(display.columns(header, rows))
    if found.traceback:
        display.console.print(found.traceback, markup=False)


def job_requeue(job: int) -> None:
    """Let a job run again with a fresh count of failures."""
    again: Job = _store().requeue(job)
    typer.echo(f"job {again.id} ({again.stage}) is {again.state}")


def cancel(batch: int) -> None:
    """Withdraw a batch: none of its jobs is claimed again, running ones lose their lease."""
    store = _store()
    found = jobs_status.batch(store, batch)
    withdrawn = store.cancel_batch(found.id)
    typer.echo(f"batch {batch} is {BatchState.CANCELLED}; {count(withdrawn, 'job')} withdrawn")


def trace(batch: int, as_json: JsonOption = False) -> None:
    """Show a batch's trace over all processes and attempts, from the local trace files."""
    settings = load_settings()
    found = jobs_status.batch(open_existing(settings), batch)
    identity = trace_id_of(found.traceparent)
    spans = read_spans(trace_directory(settings), identity)
    if as_json:
        _print_json({"trace_id": identity, "batch": batch, "spans": spans})
        return
    root = Tree(f"batch {batch}, trace {identity}")
    nodes: dict[str, Tree] = {}
    start = int(spans[0]["start_unix_nano"]) if spans else 0
    for span in spans:
        parent = nodes.get(str(span["parent_span_id"]), root)
        offset = (int(span["start_unix_nano"]) - start) / 1e9
        took = (int(span["end_unix_nano"]) - int(span["start_unix_nano"])) / 1e9
        failed = " FAILED" if span["status"] == "ERROR" else ""
        process = span.get("resource", {}).get("service.instance.id", "")
        nodes[str(span["span_id"])] = parent.add(f"{offset:8.2f} s +{took:.3f} s  {span['name']}{failed}  {process}")
    display.console.print(root)


def config_describe() -> None:
    """Print every setting with its default and meaning as Markdown (kept in docs/settings.md)."""
    typer.echo(settings_table.render(), nl=False)


def config_check(as_json: JsonOption = False) -> None:
    """Read the configuration, report every fault at once, and show each value and where it came from."""
    groups = configuration.checked()
    shown = sorted((each for group in groups for each in show(group)), key=lambda each: each.variable)
    for name in configuration.misspelt():
        typer.echo(f"hallmark: nothing reads {name}", err=True)
    if as_json:
        _print_json([dataclasses.asdict(each) for each in shown])
        return
    rows = [(each.variable, f"{each.value} ({each.source})") for each in shown]
    display.console.print(display.pairs(f"settings file {env_file()}", rows))
