"""`hallmark status`: the installation at a glance, what is stuck first, and why."""

from __future__ import annotations

from typing import Annotated

import typer

from broker.jobs import Batch, BatchState, DatabaseMissing, JobStore, open_existing, overview, stuck
from broker.jobs import status as jobs_status
from broker.jobs.progress import stages_of
from cli import batches, commands, display, supervised
from cli.errors import EXIT_STUCK
from cli.options import ChainOption, JsonOption, as_mapping, duration, print_json
from cli.refusals import unread_cores
from cli.suggestions import batch_numbers
from runtime.settings import Settings, load_settings
from runtime.urls import mask_url


def status(
    batch: Annotated[
        int | None,
        typer.Argument(help="A batch number; all recent batches when left out.", autocompletion=batch_numbers),
    ] = None,
    as_json: JsonOption = False,
    chain: ChainOption = None,
    check: Annotated[bool, typer.Option("--check", help="End with status 3 when something is stuck.")] = False,
) -> None:
    """Show what is stuck and why, then the recent batches; or one batch with its jobs."""
    settings = load_settings() if chain is None else load_settings(chain_id=chain)
    if batch is not None:
        batches.show_one(open_existing(settings), batch, as_json, chain=chain)
        return
    if not as_json:
        display.console.print(_looked_at(settings))
    outages = [*supervised.outages(settings.state_dir), *unread_cores(settings.state_dir)]
    for line in outages:
        typer.echo(f"hallmark: {line}", err=True)
    try:
        all_chains = chain is None and settings.worker_chains == "all"
        found = _status_all(open_existing(settings), as_json, outages, all_chains)
    except DatabaseMissing:
        found = []
        if as_json:
            print_json({"stuck": [], "outages": outages, "batches": []})
        else:
            display.console.print("no batch yet: nothing has run here")
    if check and (found or outages):
        raise typer.Exit(EXIT_STUCK)


def _looked_at(settings: Settings) -> str:
    """Say which installation is looked at, and where the demos' batches are when those are others."""
    demos = [
        str(path)
        for path in sorted(commands.folder_of_demos(settings).glob("demo*"))
        if (path / "hallmark.db").exists() and path != settings.state_dir
    ]
    where = f"state folder {settings.state_dir}" + ("" if settings.sqlite else f", {mask_url(settings.database_url)}")
    return where + (f" (demos have their own: {', '.join(demos)})" if demos else "")


def _status_all(store: JobStore, as_json: bool, outages: list[str], all_chains: bool) -> list[stuck.Trouble]:
    troubles = stuck.troubles(store)
    listed = sorted(
        jobs_status.batches(store, all_chains=all_chains), key=lambda batch: batch.state is not BatchState.DEAD
    )
    if as_json:
        print_json({"stuck": troubles, "outages": outages, "batches": [_with_stages(store, each) for each in listed]})
        return troubles
    for trouble in troubles:
        about = [("why", trouble.text), ("for", duration(trouble.seconds)), ("do", trouble.remedy)]
        display.console.print(display.paragraphs(f"STUCK: {trouble.kind}", about))
    now = overview.now(store)
    rows = []
    for each in listed:
        progress = ", ".join(f"{stage.stage} {stage.done:.1f}/{stage.jobs}" for stage in stages_of(store, each.id))
        more = f"{progress} {each.error}".strip()
        place = (str(each.number), str(each.chain_id)) if all_chains else (str(each.number),)
        rows.append((*place, str(each.state), duration(now - each.created_at), more))
    header = ("batch", *(["chain"] if all_chains else []), "state", "age", "stages, error")
    display.console.print(display.table(header, rows) if listed else "no batch yet")
    return troubles


def _with_stages(store: JobStore, batch: Batch) -> dict[str, object]:
    return {**as_mapping(batch), "stages": [as_mapping(stage) for stage in stages_of(store, batch.id)]}
