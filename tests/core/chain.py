"""Wallets, transactions and nodes for the tests of core and gateway."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from core.process.node import Node, open_node
from core.program.state_transition import Program
from core.settings import load_core_settings
from core.state import chain
from core.state.chain import Account as Value
from runtime.errors import VerificationError
from runtime.settings import load_settings

CHAIN_ID = 4242
GWEI = 10**9
ETHER = 10**18
KEY_DIGEST = "proven100:" + "ab" * 32


def development_accounts(count: int = 3) -> list[LocalAccount]:
    """The first accounts of the development genesis."""
    Account.enable_unaudited_hdwallet_features()
    phrase = "test test test test test test test test test test test junk"
    return [Account.from_mnemonic(phrase, account_path=f"m/44'/60'/0'/0/{index}") for index in range(count)]


WALLETS = development_accounts()


def transfer(sender: LocalAccount, nonce: int, **changes: Any) -> bytes:
    """A raw EIP-1559 transfer of one ether to the second wallet; None removes a field."""
    fields: dict[str, Any] = {
        "type": 2,
        "chainId": CHAIN_ID,
        "nonce": nonce,
        "gas": 21_000,
        "maxFeePerGas": 2 * GWEI,
        "maxPriorityFeePerGas": GWEI // 10,
        "to": WALLETS[1].address,
        "value": ETHER,
    } | changes
    return bytes(sender.sign_transaction({k: v for k, v in fields.items() if v is not None}).raw_transaction)


def legacy(sender: LocalAccount, nonce: int, **changes: Any) -> bytes:
    """A raw legacy transfer with replay protection."""
    removed = {"type": None, "maxFeePerGas": None, "maxPriorityFeePerGas": None}
    return transfer(sender, nonce, **(removed | {"gasPrice": 2 * GWEI} | changes))


class Clock:
    """A clock that the test moves."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Shown:
    output: bytes
    security: str = "stand-in"
    snark: bytes = b""


def stand_in_proof(output: bytes, size: int = 4096) -> bytes:
    """Bytes that the stand-in verifier accepts for this output, and no others of this size."""
    seed = hashlib.sha256(b"stand-in %d" % size + output).digest()
    return seed + hashlib.shake_256(seed).digest(size - 32)


def stand_in_verifier(_: Program) -> Callable[[bytes, bytes], Shown]:
    """A verifier with a real one's interface, so that core's handling is tested apart from proving time.

    It accepts exactly one byte string for each output. Real proofs are verified in the system tests.
    """

    def verify(proof: bytes, output: bytes) -> Shown:
        if len(proof) < 64 or proof != stand_in_proof(output, len(proof)):
            raise VerificationError("The stand-in proof does not hold.")
        return Shown(output)

    return verify


def node_at(folder: Path, clock: Callable[[], float] | None = None, **changes: Any) -> Node:
    """Open a node whose state is in `folder`; sealing is on call unless changed."""
    names = ("chain_id", "token", "token_before", "protocol_version")
    settings = load_settings(
        state_dir=folder, core_port=0, **({"chain_id": CHAIN_ID} | {k: changes.pop(k) for k in names if k in changes})
    )
    own = load_core_settings(**({"core_batch_seconds": 0, "core_offer_seconds": 60} | changes))
    extra = {} if clock is None else {"clock": clock}
    return open_node(settings, own, verifier=stand_in_verifier, key_digest=KEY_DIGEST, **extra)


def accounts_at(number: int) -> dict[bytes, Value]:
    """Every account of the state after a batch, by address, from the versions in core's database."""
    rows = [row for piece in chain.account_rows_at(number, 2) for row in piece]
    return {bytes.fromhex(place): Value(int(nonce, 16), int(balance, 16)) for place, nonce, balance in rows}
