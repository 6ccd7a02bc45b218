"""`hallmark tree`: core's state tree: what it holds, whether it is sound, snapshots, and making it again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import display
from cli.options import JsonOption, YesOption, ask, octets, print_json
from runtime.errors import ConfigurationError, InvalidInput
from runtime.settings import load_settings
from runtime.words import count

if TYPE_CHECKING:
    from core.state_tree.kept import KeptTree
    from core.store import Store

VersionOption = Annotated[int | None, typer.Option("--batch", min=0, help="A batch; the newest one when left out.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Core's state tree; what only reads it works while core runs.", no_args_is_help=True)
    for command in (status, check, proof, snapshot, restore, prune, rebuild):
        group.command(command.__name__)(command)
    app.add_typer(group, name="tree")


def status(as_json: JsonOption = False) -> None:
    """Show which batches' trees are kept, and how large the tree is."""
    tree = _tree()
    number = _newest(tree)
    with tree.version(number) as version:
        shown = {
            "oldest": tree.oldest,
            "newest": number,
            "root": version.root.hex(),
            "accounts": len(version),
            "live_bytes": version.live_bytes,
            "file_bytes": tree.size(),
        }
    if as_json:
        print_json(shown)
        return
    rows = [
        ("batches", f"{shown['oldest']} to {number}"),
        ("root", str(shown["root"])),
        ("accounts", f"{shown['accounts']:,}"),
        ("newest version", display.size(version.live_bytes)),
        ("file", display.size(tree.size())),
    ]
    display.console.print(display.pairs("state tree", rows))


def check(batch: VersionOption = None) -> None:
    """Hash a batch's whole tree again and compare every account with core's database."""
    from core.batches.tree_upkeep import check as check_tree

    tree, store = _tree(), _store()
    number = _recorded(store) if batch is None else batch
    accounts = check_tree(store, tree, number)
    typer.echo(f"batch {number}: {count(accounts, 'account')}, every digest and value as stated")


def proof(
    address: Annotated[str, typer.Argument(help="An account: 0x and 40 digits.")],
    root: Annotated[str, typer.Option(help="State root that you trust, 64 digits: L1's or a batch file's.")],
    batch: VersionOption = None,
) -> None:
    """Ask the running core for an account with its proof, and check that under a root that you trust."""
    from core.state_tree.proof import check_proof
    from core.tools.client import CoreClient

    settings = load_settings()
    client = CoreClient(settings.core_url, settings.token.get_secret_value())
    trusted = octets(root, 32, "a state root")
    asked = octets(address, 20, "an address")
    found = client.state_proof([f"0x{asked.hex()}"], batch)
    nonce, balance = check_proof(bytes.fromhex(found.proof[2:]), trusted, [asked])[0]
    typer.echo(f"batch {found.batch_number}: nonce {nonce}, balance {balance} wei, proven under 0x{trusted.hex()}")


def snapshot(file: Path, batch: VersionOption = None) -> None:
    """Write a batch's tree to FILE."""
    from core.state_tree.snapshot import write_snapshot

    tree = _tree()
    number = _recorded(_store()) if batch is None else batch
    with tree.version(number) as version:
        write_snapshot(version, file)
    typer.echo(f"batch {number}: {count(len(version), 'account')} in {display.size(file.stat().st_size)}")


def restore(file: Path, yes: YesOption = False) -> None:
    """Put the tree of a snapshot in place of core's; core goes on from it. Core must not run."""
    from core.batches.tree_upkeep import restore as restore_tree

    with _stopped_core() as folder:
        ask(f"The state tree in {folder} goes, with its older versions.", yes)
        number = restore_tree(_store(), folder, file)
    typer.echo(f"the state tree is that of batch {number}")


def prune(
    keep: Annotated[int, typer.Option(min=1, help="Versions to keep.")],
    yes: YesOption = False,
) -> None:
    """Remove old versions. Core must not run; it removes what HALLMARK_CORE_TREE_VERSIONS does not keep by itself."""
    with _stopped_core():
        tree = _tree(read_only=False)
        first = _newest(tree) - keep + 1
        ask(f"Versions before batch {max(first, 0)} go.", yes)
        typer.echo(f"{count(tree.prune(first), 'version')} removed")


def rebuild(yes: YesOption = False) -> None:
    """Make the tree anew from core's database. Core must not run."""
    import shutil

    from core.batches.metadata_calculator import newest_root
    from core.batches.tree_upkeep import rebuild as rebuild_tree
    from core.errors import GenesisMismatch
    from core.state_tree.kept import KeptTree

    with _stopped_core() as folder:
        ask(f"The state tree in {folder} goes and is made again, without its older versions.", yes)
        store = _store()
        shutil.rmtree(folder, ignore_errors=True)
        with store.session():
            number, stated = newest_root()
            root = rebuild_tree(KeptTree.open(folder), number)
        if root != stated:
            raise GenesisMismatch(f"The accounts at batch {number} do not hash to its root {stated.hex()}.")
    typer.echo(f"the state tree is that of batch {number}")


def _folder() -> Path:
    from core.settings import load_core_settings

    return load_core_settings().folder(load_settings()) / "state_tree"


def _tree(*, read_only: bool = True) -> KeptTree:
    from core.state_tree.kept import KeptTree

    folder = _folder()
    if not (folder / "data.mdb").exists():
        raise ConfigurationError(f"There is no state tree in {folder}.", remedy="Start core once; it makes the tree.")
    return KeptTree.open(folder, read_only=read_only)


def _newest(tree: KeptTree) -> int:
    if tree.newest is None:
        raise InvalidInput("The state tree is empty.", remedy="Start core once; it makes the tree.")
    return tree.newest


def _recorded(store: Store) -> int:
    """Return the newest batch that core's database has; the tree of a running core may be one ahead."""
    from core.batches.metadata_calculator import newest_root

    with store.session():
        return newest_root()[0]


def _store() -> Store:
    from core.settings import load_core_settings
    from core.store import open_store

    return open_store(load_core_settings().database_url(load_settings()))


@contextmanager
def _stopped_core() -> Iterator[Path]:
    """Hold core's lock and return the tree's folder.

    Raises
    ------
    OtherCore
        Core runs.
    """
    from core.process.only_core import only_core

    folder = _folder()
    with only_core(folder.parent, wait_seconds=0):
        yield folder
