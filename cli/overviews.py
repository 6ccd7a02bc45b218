"""`hallmark queue`, `workers` and `stats`: the whole installation, of every chain."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from broker.jobs import costs, overview
from broker.queues.names import queue_for
from cli import display
from cli.options import JsonOption, duration, opened, place, print_json


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("queue")(queue)
    app.command("workers")(workers)
    app.command("stats")(stats)


def queue(as_json: JsonOption = False) -> None:
    """Show what is ready, delayed and running per queue, protocol version and device, and how old the oldest is."""
    found = overview.queues(opened())
    if as_json:
        print_json(found)
        return
    rows = [
        (
            queue_for(each.stage, int(each.recursive)),
            each.protocol_version,
            each.device or "any",
            str(each.queued),
            str(each.unannounced),
            str(each.failed),
            str(each.in_progress),
            duration(each.oldest_seconds) if each.queued else "-",
        )
        for each in found
    ]
    header = ("queue", "version", "device", "ready", "unsent", "delayed", "running", "oldest")
    display.console.print(display.table(header, rows) if rows else "no job is open")


def workers(
    lately: Annotated[float, typer.Option(min=0, help="Seconds for which an idle worker is listed.")] = 3600.0,
    as_json: JsonOption = False,
) -> None:
    """Show what every worker does now, on which device, when it last made progress, and how far its clock is off."""
    found = overview.workers(opened(), lately=lately)
    if as_json:
        print_json(found)
        return
    rows = []
    for each in found:
        ended = f"{each.successful} of {each.ended}"
        common = (each.name, each.device, each.zone, each.clock)
        if not each.held:
            rows.append((*common, "idle", ended, f"last job {duration(each.seconds_since_ended)} ago"))
        for held in each.held:
            doing = (
                f"job {held.job_id}, {place(held.stage, held.round, 0, held.circuit_type)} of batch {held.batch}: "
                f"{100 * held.progress:.0f} % {held.progress_note}, heard {duration(held.seconds_since_progress)} ago"
            )
            rows.append((*common, f"for {duration(held.seconds)}", ended, doing))
    header = ("worker", "device", "zone", "clock", "state", "done", "doing")
    display.console.print(display.table(header, rows) if rows else "no worker holds a job or ended one lately")


def stats(
    days: Annotated[int, typer.Option(min=1, max=366, help="Days back from today (UTC).")] = 7,
    cost: Annotated[bool, typer.Option("--cost", help="What attempts cost in place of how long they took.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show how long jobs waited and ran, per day, stage, round and circuit type, and what failed; or what it cost."""
    if cost:
        _costs(days, as_json)
        return
    found = overview.durations(opened(), days=days)
    if as_json:
        print_json(found)
        return
    rows = []
    for each in found:
        others = ", ".join(f"{number} {outcome}" for outcome, number in sorted(each.others.items()))
        rows.append(
            (
                f"{datetime.fromtimestamp(each.day, UTC):%m-%d}",
                place(each.stage, each.round, 0, each.circuit_type),
                str(each.attempts),
                duration(each.wait_p50),
                duration(each.p50),
                duration(each.p95),
                duration(each.longest),
                duration(each.seconds),
                others,
            )
        )
    header = ("day", "place", "jobs", "wait", "p50", "p95", "max", "total", "others")
    display.console.print(display.table(header, rows) if rows else f"nothing has ended in {days} days")


def spent(cost: costs.Spent) -> str:
    """Return what attempts cost, in words."""
    device = f", {duration(cost.device_seconds)} of devices" if cost.device_seconds else ""
    return (
        f"{duration(cost.cpu_seconds)} of CPU{device}, {display.size(cost.stored_bytes)} stored, "
        f"{display.size(cost.loaded_bytes)} read"
    )


def _costs(days: int, as_json: bool) -> None:
    found = costs.costs(opened(), days=days)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            f"{datetime.fromtimestamp(each.day, UTC):%m-%d}",
            place(each.stage, each.round, 0, each.circuit_type),
            str(each.attempts),
            duration(each.cpu_seconds),
            duration(each.device_seconds),
            display.size(each.stored_bytes),
            display.size(each.loaded_bytes),
        )
        for each in found
    ]
    header = ("day", "place", "tries", "CPU", "device", "stored", "read")
    display.console.print(display.table(header, rows) if rows else f"nothing has ended in {days} days")
