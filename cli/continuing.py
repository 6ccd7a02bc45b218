"""`hallmark continue`: carry on a rollup whose operator is gone, from L1 alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import SecretStr

from cli import display, exported, files
from cli.exported import BatchWork, ProvenBatch
from cli.options import YesOption, ask, octets
from runtime.configuration import PREFIX
from runtime.errors import ConfigurationError, InvalidInput

if TYPE_CHECKING:
    from web3 import Web3

    from core.eth_sender.executor import Executor
    from core.settings import CoreSettings
    from runtime.settings import Settings

#: Largest file of transactions that is read, in bytes.
MAX_TRANSACTIONS_FILE = 64 << 20

FolderArgument = Annotated[Path, typer.Argument(help="Where `hallmark rebuild-state` made the tree.")]
ExecutorOption = Annotated[str, typer.Option(help="Address of the Executor; else that of the settings.")]
UrlOption = Annotated[str, typer.Option(help="JSON-RPC of a node of L1; else that of the settings.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Carry on a rollup whose operator is gone.", no_args_is_help=True)
    group.command("seal")(seal)
    group.command("send")(send)
    app.add_typer(group, name="continue")


def seal(
    folder: FolderArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the file for `prove-batch` is written.")],
    executor: ExecutorOption = "",
    l1_url: UrlOption = "",
    genesis: Annotated[Path | None, typer.Option(help="Genesis file; else that of the settings.")] = None,
    from_block: Annotated[int, typer.Option(min=0, help="Block of L1 to begin at, not after the deployment.")] = 0,
    transactions: Annotated[
        Path | None, typer.Option(help="Raw signed transactions that go along, a line of hex digits each.")
    ] = None,
) -> None:
    """Seal the batch after the newest executed one: the requests that wait on L1, and transactions that are given.

    The rebuilt state is brought up to date first. Prove the file with `hallmark prove-batch`, then send the proof with
    `hallmark continue send`.
    """
    from core.eth_sender.executor import Rules
    from core.program.state_transition import Program
    from core.proofs.verification import key_identity, key_set
    from core.recovery import continuation
    from core.recovery.published import Published
    from core.recovery.rebuild import Rebuild
    from core.state.genesis import read_genesis

    files.check_place(output)
    settings, own, web3, contract = _l1(executor, l1_url)
    start = read_genesis(genesis or own.core_genesis)
    program = Program.read(own.program_path(), own.core_cycle_limit)
    rebuild = Rebuild(folder, web3, contract, Published(web3, contract))
    with display.console.status("reading L1") as shown:
        made = rebuild.run(
            start,
            first_block=from_block,
            confirmations=own.core_l1_confirmations,
            told=lambda number, block: shown.update(f"batch {number}, block {block:,} of L1"),
        )
    rules = Rules(int(settings.protocol_version), bytes.fromhex(program.commitment), key_set(own.core_profile), b"")
    sealed = continuation.seal(
        rebuild,
        web3,
        contract,
        start,
        program,
        rules,
        block=made.block,
        first_block=from_block,
        transactions=[] if transactions is None else _raw(transactions),
    )
    work = BatchWork(
        chain_id=settings.chain_id,
        number=sealed.continuation.number,
        program_commitment=program.commitment,
        key_identity=key_identity(own.core_profile),
        snark_key=sealed.snark_key.hex(),
        program=program.elf,
        advice=sealed.witness_input,
    )
    files.write(output, exported.pack(work, protocol=settings.protocol_version))
    continuation.write(folder, sealed.continuation)
    typer.echo(
        f"batch {sealed.continuation.number} takes {sealed.requests} requests and {sealed.transactions} transactions; "
        f"prove it: hallmark prove-batch {output} -o FILE"
    )
    if not sealed.abandoned:
        typer.echo("the contract takes it once a request is a week overdue; until then its validators alone may go on")


def send(
    folder: FolderArgument,
    proven: Annotated[Path, typer.Argument(help="What `hallmark prove-batch` wrote.")],
    executor: ExecutorOption = "",
    l1_url: UrlOption = "",
    yes: YesOption = False,
) -> None:
    """Send the sealed batch with its proof: one transaction commits, proves and executes it."""
    from core.eth_sender.deployment import Deployer
    from core.eth_sender.fees import GWEI
    from core.eth_sender.opening import signer_of
    from core.recovery import continuation
    from proving.stages import delivery, snark_proof

    settings, own, web3, contract = _l1(executor, l1_url)
    sealed = continuation.read(folder)
    made, protocol = exported.unpack(files.read(proven, limit=exported.MAX_BYTES), ProvenBatch)
    if (made.chain_id, made.number) != (settings.chain_id, sealed.number) or sealed.executor != contract.address:
        raise InvalidInput(f"{proven} is not of batch {sealed.number} that {folder} holds for {contract.address}.")
    claim, proof = snark_proof.unpack(delivery.unpack(made.result, protocol=protocol)[1], protocol=protocol)
    if claim.output.hex() != sealed.output:
        raise InvalidInput(f"{proven} proves another batch {sealed.number} than {folder} holds.")
    signer = signer_of(own)
    ask(f"{signer.address} continues {contract.address} with batch {sealed.number}.", yes)
    sent = Deployer(web3, signer, own.core_l1_max_fee_gwei * GWEI).call(
        contract, sealed.call(contract, proof), f"continue the rollup with batch {sealed.number}"
    )
    typer.echo(f"batch {sealed.number} is executed: transaction 0x{sent.transaction.hex()}, {sent.gas_used:,} gas")


def _l1(executor: str, l1_url: str) -> tuple[Settings, CoreSettings, Web3, Executor]:
    """Return the settings, a connection to L1 and the contract there."""
    from core.eth_sender.executor import Executor
    from core.eth_sender.opening import connect_to
    from core.settings import load_core_settings
    from runtime.settings import load_settings

    own = load_core_settings(**({"core_l1_url": SecretStr(l1_url)} if l1_url else {}))
    if not (contract := executor or own.core_l1_executor):
        raise ConfigurationError(f"Name the contract with --executor or {PREFIX}CORE_L1_EXECUTOR.")
    web3 = connect_to(own)
    return load_settings(), own, web3, Executor(web3, octets(contract, 20, "an address").hex())


def _raw(path: Path) -> list[bytes]:
    try:
        lines = files.read(path, limit=MAX_TRANSACTIONS_FILE).decode("ascii").split()
        return [bytes.fromhex(line.removeprefix("0x")) for line in lines]
    except ValueError:
        raise InvalidInput(f"{path} is not a file of raw transactions, a line of hexadecimal digits each.") from None
