"""`hallmark rebuild-state`: the rollup's state from L1 alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from cli import display
from cli.options import octets
from runtime.configuration import PREFIX
from runtime.errors import ConfigurationError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("rebuild-state")(rebuild_state)


def rebuild_state(
    folder: Annotated[Path, typer.Argument(help="Where the tree is made; an earlier run is continued.")],
    executor: Annotated[str, typer.Option(help="Address of the Executor; else that of the settings.")] = "",
    l1_url: Annotated[str, typer.Option(help="JSON-RPC of a node of L1; else that of the settings.")] = "",
    genesis: Annotated[Path | None, typer.Option(help="Genesis file; else that of the settings.")] = None,
    from_block: Annotated[int, typer.Option(min=0, help="Block of L1 to begin at, not after the deployment.")] = 0,
    account: Annotated[list[str] | None, typer.Option(help="Show what this address holds.")] = None,
) -> None:
    """Make the state tree from L1 and genesis, without core, and compare its root with the contract's.

    What batches changed is in the transactions that committed to them. The command follows the contract up to the
    newest executed batch; when it ends early, the next run with the same folder goes on.
    """
    from core.eth_sender.executor import Executor
    from core.eth_sender.opening import connect_to
    from core.recovery.published import Published
    from core.recovery.rebuild import Rebuild
    from core.settings import load_core_settings
    from core.state.genesis import read_genesis

    own = load_core_settings(**({"core_l1_url": SecretStr(l1_url)} if l1_url else {}))
    if not (contract := executor or own.core_l1_executor):
        raise ConfigurationError(f"Name the contract with --executor or {PREFIX}CORE_L1_EXECUTOR.")
    addresses = [octets(text, 20, "an address") for text in account or []]
    web3 = connect_to(own)
    follower = Executor(web3, octets(contract, 20, "an address").hex())
    rebuild = Rebuild(folder, web3, follower, Published(web3, follower))
    with display.console.status("reading L1") as shown:
        made = rebuild.run(
            read_genesis(genesis or own.core_genesis),
            first_block=from_block,
            confirmations=own.core_l1_confirmations,
            told=lambda number, block: shown.update(f"batch {number}, block {block:,} of L1"),
        )
    with rebuild.tree.version(made.number) as version:
        typer.echo(f"batch {made.number}, {len(version):,} accounts, root {made.root.hex()}: as the contract has it")
        for address, (nonce, balance) in zip(addresses, version.accounts(addresses), strict=True):
            typer.echo(f"0x{address.hex()}: nonce {nonce}, balance {balance} wei")
