"""`hallmark version`: which protocol versions are proven here, and with which keys."""

from __future__ import annotations

from typing import Annotated

import typer

from broker.jobs import overview
from cli import display
from cli.options import ChainOption, JsonOption, YesOption, ask, opened, print_json
from gateway.serving import key_identity
from runtime.errors import InvalidInput
from runtime.protocol import PROTOCOL_VERSION
from runtime.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add the commands."""
    versions = typer.Typer(help="Protocol versions.", no_args_is_help=True)
    versions.command("list")(listed)
    versions.command("insert")(insert)
    app.add_typer(versions, name="version")


def listed(as_json: JsonOption = False) -> None:
    """List the protocol versions that were inserted or that batches have, beside this release's."""
    found = overview.versions(opened())
    if as_json:
        print_json({"release": PROTOCOL_VERSION, "versions": found})
        return
    rows = [
        (
            str(each.chain_id),
            each.protocol_version,
            "this release" if each.protocol_version == PROTOCOL_VERSION else "",
            each.key_identity or "not inserted",
            ", ".join(f"{number} {state}" for state, number in each.batches.items()),
        )
        for each in found
    ]
    header = ("chain", "version", "", "keys", "batches")
    display.console.print(display.table(header, rows) if rows else f"{PROTOCOL_VERSION}: this release; no batch yet")


def insert(
    version: Annotated[str, typer.Argument(help="A protocol version.", show_default=False)] = PROTOCOL_VERSION,
    keys: Annotated[str, typer.Option("--keys", help="PROFILE:DIGEST; this release's when left out.")] = "",
    chain: ChainOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Say which keys a protocol version has: workers and gateways of others are refused by name when they start.

    Refused while open batches of the version are for other keys. Once a chain has one, every version needs its own.
    """
    settings = load_settings()
    identity = keys or key_identity(settings)
    profile, _, digest = identity.partition(":")
    if not version.strip() or not profile or len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
        raise InvalidInput(f"{identity!r} is not PROFILE:DIGEST with 64 hexadecimal digits.")
    store = opened(chain)
    before = {each.protocol_version: each.key_identity for each in store.known_versions()}
    if version in before and before[version] != identity:
        ask(f"Protocol version {version} of chain {store.chain_id} has the keys {before[version]} until now.", yes)
    elif not before:
        ask(f"From now on chain {store.chain_id} takes only the protocol versions that are inserted.", yes)
    changed = store.insert_version(version, identity)
    if as_json:
        print_json({"chain_id": store.chain_id, "version": version, "keys": identity, "changed": changed})
    else:
        said = "has" if changed else "had already"
        typer.echo(f"protocol version {version} of chain {store.chain_id} {said} the keys {identity}")
