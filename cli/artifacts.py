"""`hallmark artifact`: what is in the artifact store, whether it is whole, and what nobody needs any more."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from broker.artifacts import ArtifactStore, is_shared, maker_of, open_artifacts
from broker.jobs import status as jobs_status
from cli import display
from cli.errors import EXIT_REFUSED
from cli.options import BatchArgument, ChainOption, JsonOption, YesOption, ask, opened, print_json
from runtime import artifact
from runtime.errors import HallmarkError, InvalidInput
from runtime.settings import load_settings
from runtime.urls import mask_url
from runtime.words import count

_OF_A_BATCH = re.compile(r"batches/\d+/|gateway/\d+/\d+/")
#: Inputs that no batch has claimed for so long were left by a gateway that was killed before it made the batch.
UNCLAIMED = timedelta(hours=1)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Look into the artifact store, check it, clear what is left over.", no_args_is_help=True)
    group.command("inspect")(inspect)
    group.command("verify")(verify)
    group.command("gc")(gc)
    app.add_typer(group, name="artifact")


def inspect(
    name: Annotated[str, typer.Argument(help="An artifact's name, as `job show` and errors have it.")],
    as_json: JsonOption = False,
) -> None:
    """Say what is in an artifact of the store."""
    from cli.inspection import describe

    try:
        data = open_artifacts(load_settings()).get(name)
    except ValueError as error:
        raise InvalidInput(f"{error}.") from error
    kind, rows = describe(data)
    if as_json:
        print_json({"name": name, "bytes": len(data), "kind": kind, "contents": [list(row) for row in rows]})
    else:
        display.console.print(display.pairs(f"{name}: {kind}", rows))


def verify(batch: BatchArgument, chain: ChainOption = None, as_json: JsonOption = False) -> None:
    """Read every artifact that a batch's jobs name and check that it is there and whole; ends with 1 if one is not."""
    store, artifacts = opened(chain), open_artifacts(load_settings())
    found = jobs_status.batch(store, batch)
    names = [name for name in jobs_status.artifacts_of(store, found.id) if is_shared(name)]
    damaged = []
    for name in names:
        try:
            artifact.unpack(artifacts.get(name))
        except HallmarkError as error:
            damaged.append({"name": name, "job": maker_of(name), "code": error.code, "message": error.message})
    if as_json:
        print_json({"batch": batch, "checked": len(names), "damaged": damaged})
    else:
        for each in damaged:
            remedy = (
                f"`hallmark job requeue {each['job']}`" if each["job"] else "cancel the batch; core offers it again"
            )
            rows = [("why", str(each["message"])), ("do", remedy)]
            display.console.print(display.paragraphs(f"{each['code']}: {each['name']}", rows))
        display.console.print(f"{count(len(names), 'artifact')} checked, {len(damaged)} damaged")
    if damaged:
        raise typer.Exit(EXIT_REFUSED)


def gc(
    yes: YesOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove artifacts of batches that the job store does not know: what a crash between the two left behind."""
    settings = load_settings()
    store, artifacts = opened(), open_artifacts(settings)
    # Names first: a batch that is made meanwhile is known when the batches are read, so nothing of it goes.
    sizes, newest = _folders(artifacts)
    known = jobs_status.folders(store)
    young = datetime.now(UTC) - UNCLAIMED
    left = {
        folder: size
        for folder, size in sizes.items()
        # The gateway stores a batch's inputs before its row.
        if folder not in known and (folder.startswith("batches/") or newest[folder] < young)
    }
    left = {folder: size for folder, size in left.items() if not jobs_status.is_named(store, folder)}
    what = f"{display.size(sum(left.values()))} of {len(left)} unknown batches"
    if left and not dry_run:
        ask(f"{what} in {mask_url(settings.store_url)} go; {mask_url(settings.database_url)} knows none of them.", yes)
        for folder in left:
            artifacts.remove(folder)
    if as_json:
        print_json({"removed": not dry_run, "folders": sorted(left), "bytes": sum(left.values())})
    else:
        typer.echo(f"{what} {'would go' if dry_run else 'went'}")


def _folders(artifacts: ArtifactStore) -> tuple[dict[str, int], dict[str, datetime]]:
    """Return the bytes below every batch's folder, and when the newest of them was written."""
    sizes: dict[str, int] = {}
    newest: dict[str, datetime] = {}
    for root in ("batches/", "gateway/"):
        for entry in artifacts.entries(root):
            if (of := _OF_A_BATCH.match(entry.name)) is not None:
                folder = of[0]
                sizes[folder] = sizes.get(folder, 0) + entry.size
                newest[folder] = max(newest.get(folder, entry.written), entry.written)
    return sizes, newest
