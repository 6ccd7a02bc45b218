"""Real inputs for benchmarks: signed transfers as a witness input of the state-transition program."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from eth_account import Account

from core.formats.witness_input import Header, encode
from core.program.hints import with_hints
from core.state_tree import StateTree
from proving.machine.program import Program

#: The committed proven programs.
PROGRAMS = Path(__file__).parent.parent / "guest" / "programs"

_CHAIN = 4242
_GWEI = 10**9
_HEADER = Header(
    protocol_version=1,
    chain_id=_CHAIN,
    batch_number=1,
    timestamp=1_700_000_000,
    fee_recipient=bytes.fromhex("fe" * 20),
    base_fee=_GWEI,
    gas_limit=30_000_000 * 1000,
)


@dataclass(frozen=True)
class _Value:
    nonce: int
    balance: int


def transfer_input(count: int, *, accounts: int = 1000) -> bytes:
    """Return a witness input, with hints as core makes them, of `count` plain EIP-1559 transfers.

    Parameters
    ----------
    accounts
        Accounts in the state.
    """
    wallets = [Account.from_key((index + 1).to_bytes(32, "big")) for index in range(accounts)]
    addresses = [bytes.fromhex(wallet.address[2:]) for wallet in wallets]
    tree = StateTree({address: _Value(0, 10**21) for address in addresses})
    raws = []
    for index in range(count):
        signed = wallets[index % accounts].sign_transaction(
            {
                "type": 2,
                "chainId": _CHAIN,
                "nonce": index // accounts,
                "gas": 21_000,
                "to": addresses[(index + 1) % accounts],
                "value": 10**15,
                "maxFeePerGas": 3 * _GWEI,
                "maxPriorityFeePerGas": _GWEI,
            }
        )
        raws.append(bytes(signed.raw_transaction))
    touched = [*addresses[: count + 1], _HEADER.fee_recipient]
    program = Program.from_elf((PROGRAMS / "stf.elf").read_bytes())
    return with_hints(program, encode(_HEADER, raws, tree.partial(touched)))
