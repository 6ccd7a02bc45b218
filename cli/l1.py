"""`hallmark l1`: put the contracts of a rollup on L1, and see what they hold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import display
from cli.options import YesOption, ask
from cli.snark_key import read_snark_key
from runtime.configuration import PREFIX
from runtime.errors import ConfigurationError, InvalidInput
from runtime.words import utc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.eth_sender.deployment import Deployed, Rollup
    from core.eth_sender.executor import Executor
    from core.settings import CoreSettings
    from core.state.versions import Announced
    from proving.snark.key import SnarkKey

#: The longest notice that can be asked for, in seconds: ten years.
MOST_NOTICE = 10 * 365 * 86_400

AddressOption = Annotated[str, typer.Option(help="Address; that of the paying key when left out.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="The rollup's contracts on L1.", no_args_is_help=True)
    group.command("deploy")(deploy)
    group.command("upgrade")(upgrade)
    group.command("status")(status)
    app.add_typer(group, name="l1")


def deploy(
    key: Annotated[Path, typer.Argument(help="File of the SNARK's verifying key.")],
    owner: AddressOption = "",
    validator: AddressOption = "",
    least_notice: Annotated[
        int,
        typer.Option(min=0, max=MOST_NOTICE, help="Seconds from an announced upgrade to its first batch, for good."),
    ] = 0,
) -> None:
    """Deploy the verifier of a key and this rollup's Executor, with the configured node and key of L1."""
    from core.eth_sender.deployment import Deployer, rollup_of
    from core.eth_sender.fees import GWEI
    from core.eth_sender.opening import connect_to, signer_of
    from core.proofs.verification import key_set
    from core.settings import load_core_settings
    from runtime.settings import load_settings

    verifying = read_snark_key(key)
    settings, own = load_settings(), load_core_settings()
    web3, signer = connect_to(own), signer_of(own)
    made = Deployer(web3, signer, own.core_l1_max_fee_gwei * GWEI).deploy(
        verifying,
        rollup_of(settings, own, key_set(own.core_profile), verifying.digest),
        owner=_address(owner, signer.address),
        validator=_address(validator, signer.address),
        least_notice=least_notice,
    )
    _show_made(verifying, made)
    display.console.print(f"Core sends to it with {PREFIX}CORE_L1_EXECUTOR={made[1].address}")


def upgrade(
    key: Annotated[Path, typer.Argument(help="File of the SNARK's verifying key.")],
    first_batch: Annotated[int, typer.Option(min=1, help="The first batch under this installation's rules.")],
    yes: YesOption = False,
) -> None:
    """Announce that batches from one on are proven as this installation does. The key must be the Executor's owner's.

    Batches before it stay with the rules that they have. Core of the old version seals up to it and no further.
    """
    from core.eth_sender.connection import typed_errors
    from core.eth_sender.deployment import Deployer, rollup_of
    from core.eth_sender.executor import Executor
    from core.eth_sender.fees import GWEI
    from core.eth_sender.opening import connect_to, signer_of
    from core.proofs.verification import key_set
    from core.settings import load_core_settings
    from runtime.settings import load_settings

    verifying = read_snark_key(key)
    settings, own = load_settings(), load_core_settings()
    rules = rollup_of(settings, own, key_set(own.core_profile), verifying.digest).rules
    web3 = connect_to(own)
    executor = Executor(web3, _configured(own))
    ask(f"Batches from {first_batch} on of {executor.address} become protocol version {rules.protocol_version}.", yes)
    deployer = Deployer(web3, signer_of(own), own.core_l1_max_fee_gwei * GWEI)
    _show_made(verifying, deployer.upgrade(executor, verifying, rules, first_batch))
    with typed_errors():
        announced = executor.schedule(int(web3.eth.block_number))[-1]
    display.console.print(f"Protocol version {announced.version} is {_from(announced)}.")


def _show_made(verifying: SnarkKey, made: Sequence[Deployed]) -> None:
    display.console.print(display.pairs("setup", [("mark", verifying.mark), ("key digest", verifying.digest.hex())]))
    for one in made:
        rows = [("address", one.address), ("transaction", f"0x{one.transaction.hex()}"), ("gas", f"{one.gas_used:,}")]
        display.console.print(display.pairs(one.contract, rows))


def _address(given: str, otherwise: str) -> str:
    from web3 import Web3

    if given and not Web3.is_address(given):
        raise InvalidInput(f"{given!r} is no address.")
    return Web3.to_checksum_address(given or otherwise)


def status() -> None:
    """Show what the Executor holds, and whether it asks for what this installation proves."""
    from core.eth_sender.connection import typed_errors
    from core.eth_sender.deployment import rollup_of
    from core.eth_sender.executor import Executor
    from core.eth_sender.opening import connect_to
    from core.proofs.verification import key_set
    from core.proofs.verification import read_snark_key as core_snark_key
    from core.settings import load_core_settings
    from runtime.settings import load_settings

    settings, own = load_settings(), load_core_settings()
    web3 = connect_to(own)
    executor = Executor(web3, _configured(own))
    verifying = core_snark_key(own.core_snark_key)
    rollup = rollup_of(settings, own, key_set(own.core_profile), b"" if verifying is None else verifying.digest)
    with typed_errors():
        executor.require_deployed()
        block = int(web3.eth.block_number)
        _show(executor, rollup, block)


def _configured(own: CoreSettings) -> str:
    if not own.core_l1_executor:
        raise ConfigurationError(f"Set {PREFIX}CORE_L1_EXECUTOR to the contract's address.")
    return own.core_l1_executor


def _show(executor: Executor, rollup: Rollup, block: int) -> None:
    from core.proofs.verification import key_set_text

    state = executor.state(block)
    rules = executor.rules(state.committed + 1, block)
    display.console.print(
        display.pairs(
            executor.address,
            [
                ("block of L1", f"{block:,}"),
                ("least notice", f"{executor.least_notice(block):,} s"),
                ("setup", "INSECURE-TEST" if executor.insecure_test(block) else "production"),
                ("rollup's chain", _compared(executor.chain_id(block), rollup.chain_id)),
                ("genesis root", _compared(executor.stored(0, block).root, rollup.genesis_root)),
                ("protocol version", _compared(rules.protocol_version, rollup.rules.protocol_version)),
                ("program", _compared(rules.program_commitment, rollup.rules.program_commitment)),
                ("key set", _compared(*map(key_set_text, (rules.key_set_digest, rollup.rules.key_set_digest)))),
                ("SNARK key", _compared(rules.snark_key, rollup.rules.snark_key)),
            ],
        )
    )
    display.console.print(
        display.pairs(
            "newest batch",
            [
                ("committed", str(state.committed)),
                ("proven", str(state.proven)),
                ("executed", str(state.executed)),
                ("state root", executor.state_root(block).hex()),
            ],
        )
    )
    display.console.print(
        display.pairs(
            "protocol version",
            [(str(each.version), f"{_from(each)}, program {each.program}") for each in executor.schedule(block)],
        )
    )


def _from(each: Announced) -> str:
    later = f", of those that are committed to from {utc(each.not_before)} on" if each.not_before else ""
    return f"from batch {each.first_batch} on{later}"


def _compared(theirs: bytes | int | str, ours: bytes | int | str) -> str:
    text = theirs.hex() if isinstance(theirs, bytes) else str(theirs)
    if theirs == ours:
        return text
    return f"{text} (this installation has {ours.hex() if isinstance(ours, bytes) else ours})"
