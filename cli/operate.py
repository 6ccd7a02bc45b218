"""Commands for whoever runs Hallmark: what is going on, what is stuck and why, and what to do about it."""

from __future__ import annotations

import dataclasses

import typer
from rich.tree import Tree

from broker.jobs import status as jobs_status
from cli import (
    artifacts,
    autoscale,
    batches,
    configuration,
    continuing,
    demo,
    devices,
    display,
    doctor,
    jobs,
    keys,
    l1,
    overviews,
    rebuild_state,
    rollback,
    run,
    settings_table,
    start,
    tree,
    versions,
    watch,
)
from cli.options import BatchArgument, ChainOption, JsonOption, opened, print_json
from cli.status import status
from runtime.configuration import env_file, show
from runtime.settings import load_settings
from runtime.telemetry import read_spans, trace_directory, trace_id_of


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("status")(status)
    app.command("trace")(trace)
    batches.register(app)
    jobs.register(app)
    overviews.register(app)
    versions.register(app)
    artifacts.register(app)
    config = typer.Typer(help="Check the configuration.", no_args_is_help=True)
    config.command("check")(config_check)
    config.command("describe")(config_describe)
    app.add_typer(config, name="config")
    doctor.register(app)
    keys.register(app)
    l1.register(app)
    rebuild_state.register(app)
    continuing.register(app)
    tree.register(app)
    rollback.register(app)
    devices.register(app)
    run.register(app)
    start.register(app)
    autoscale.register(app)
    demo.register(app)
    watch.register(app)


def trace(batch: BatchArgument, chain: ChainOption = None, as_json: JsonOption = False) -> None:
    """Show a batch's trace over all processes and attempts, from the local trace files."""
    found = jobs_status.batch(opened(chain), batch)
    identity = trace_id_of(found.traceparent)
    spans = read_spans(trace_directory(load_settings()), identity)
    if as_json:
        print_json({"trace_id": identity, "batch": batch, "spans": spans})
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
        print_json([dataclasses.asdict(each) for each in shown])
        return
    rows = [(each.variable, f"{each.value} ({each.source})") for each in shown]
    display.console.print(display.pairs(f"settings file {env_file()}", rows))
