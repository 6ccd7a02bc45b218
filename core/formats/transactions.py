"""Reads a raw signed transaction for display: hash, sender and fields.

Nothing here decides whether a transaction is valid: that is the state-transition program's business alone. A
transaction that cannot be read at all is refused at the door. The sender is recovered once, there; afterwards it is
read from the row (:func:`core.state.chain.view`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import rlp  # type: ignore[import-untyped]
from eth_hash.auto import keccak
from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature
from rlp.codec import length_prefix  # type: ignore[import-untyped]
from rlp.exceptions import RLPException  # type: ignore[import-untyped]

from core.formats.witness_input import MAX_TRANSACTION_BYTES
from runtime.errors import InvalidInput

_LEGACY = ("nonce", "gas_price", "gas", "to", "value", "data", "v", "r", "s")
_ACCESS_LIST = ("chain_id", "nonce", "gas_price", "gas", "to", "value", "data", "access_list", "v", "r", "s")
_DYNAMIC_FEE = (
    "chain_id", "nonce", "tip", "gas_price", "gas", "to", "value", "data", "access_list", "v", "r", "s",
)  # fmt: skip
_FIELDS = {0: _LEGACY, 1: _ACCESS_LIST, 2: _DYNAMIC_FEE}


class UnreadableTransaction(InvalidInput):
    """The bytes are not a signed Ethereum transaction of a supported type."""

    code = "transaction_unreadable"
    default_remedy = "Send a signed legacy (EIP-155), EIP-2930 or EIP-1559 transaction, exactly as the wallet made it."


@dataclass(frozen=True)
class TransactionView:
    """What a raw transaction says about itself.

    Attributes
    ----------
    hash : bytes
        Keccak-256 of the raw bytes, 32 bytes.
    sender : bytes
        Recovered from the signature, 20 bytes.
    kind : int
        0 legacy, 1 EIP-2930, 2 EIP-1559.
    chain_id : int or None
        None for a legacy transaction without replay protection.
    gas_price : int
        Price per gas, or the fee cap of an EIP-1559 transaction, in wei.
    tip : int
        Priority fee per gas in wei; the price itself for the older types.
    access_list : tuple
        Addresses of 20 bytes, each with its storage keys of 32 bytes; empty for legacy transactions.
    y_parity : int
        Parity of the y of the signature's point, 0 or 1.
    """

    hash: bytes
    sender: bytes
    kind: int
    chain_id: int | None
    nonce: int
    gas_price: int
    tip: int
    gas: int
    to: bytes | None
    value: int
    data: bytes = field(repr=False)
    access_list: tuple[tuple[bytes, tuple[bytes, ...]], ...]
    v: int
    r: int
    s: int
    y_parity: int


def read_transaction(raw: bytes, *, sender: bytes | None = None, digest: bytes | None = None) -> TransactionView:
    """Read `raw`.

    Parameters
    ----------
    sender
        Who is known to have signed it: nothing is recovered then, which is most of the work.
    digest
        Its hash where that is known.

    Raises
    ------
    UnreadableTransaction
        Empty, too long, of an unknown type, not canonical RLP, or with a signature that recovers no sender.
    """
    if not raw:
        raise UnreadableTransaction("the transaction is empty")
    if len(raw) > MAX_TRANSACTION_BYTES:
        raise UnreadableTransaction(f"{len(raw)} bytes, more than {MAX_TRANSACTION_BYTES}")
    kind = 0 if raw[0] >= 0xC0 else raw[0]
    names = _FIELDS.get(kind)
    if names is None or (raw[0] < 0xC0 and kind == 0):
        raise UnreadableTransaction(f"transaction type {raw[0]} is not supported")
    try:
        items = rlp.decode(raw[1:] if kind else raw, strict=True)
    except (RLPException, RecursionError) as error:
        raise UnreadableTransaction(f"the RLP is not canonical: {error}") from error
    if not isinstance(items, list) or len(items) != len(names):
        raise UnreadableTransaction(f"not a list of {len(names)} fields")
    fields = dict(zip(names, items, strict=True))
    numbers = {name: _number(name, fields[name]) for name in names if name not in ("to", "data", "access_list")}
    to, data = fields["to"], fields["data"]
    if not isinstance(to, bytes) or len(to) not in (0, 20):
        raise UnreadableTransaction("the recipient is not an address")
    if not isinstance(data, bytes):
        raise UnreadableTransaction("the data is not a byte string")
    chain_id = numbers.get("chain_id")
    v = y_parity = numbers["v"]
    if kind == 0:
        chain_id = (v - 35) // 2 if v >= 35 else None
        y_parity = v - 27 if chain_id is None else (v - 35) % 2
    if y_parity not in (0, 1):
        raise UnreadableTransaction("the signature recovers no sender: the parity is neither 0 nor 1")
    return TransactionView(
        hash=keccak(raw) if digest is None else digest,
        sender=_recovered(_signed_hash(raw, kind, chain_id, items), y_parity, numbers) if sender is None else sender,
        kind=kind,
        chain_id=chain_id,
        nonce=numbers["nonce"],
        gas_price=numbers["gas_price"],
        tip=numbers.get("tip", numbers["gas_price"]),
        gas=numbers["gas"],
        to=to or None,
        value=numbers["value"],
        data=data,
        access_list=_access_list(fields.get("access_list", [])),
        v=v,
        r=numbers["r"],
        s=numbers["s"],
        y_parity=y_parity,
    )


def _signed_hash(raw: bytes, kind: int, chain_id: int | None, items: list[Any]) -> bytes:
    """Return what the sender signed: the fields without the signature, and the chain where it is not one of them.

    The encoding is canonical, so that the fields are cut out of it as they stand and get another head (Ethereum Yellow
    Paper, appendix B); encoding them anew takes several times as long.
    """
    typed = raw[:1] if kind else b""
    listed = raw[len(typed) :]
    head = 1 if listed[0] < 0xF8 else listed[0] - 0xF6
    fields = listed[head : len(listed) - sum(len(rlp.encode(item)) for item in items[-3:])]
    if not kind and chain_id is not None:
        fields += rlp.encode(chain_id) + b"\x80\x80"
    return keccak(typed + length_prefix(len(fields), 0xC0) + fields)


def _recovered(digest: bytes, y_parity: int, numbers: dict[str, int]) -> bytes:
    """Return the address of the key that made the signature; libsecp256k1 computes it where coincurve is installed."""
    try:
        signature = Signature(vrs=(y_parity, numbers["r"], numbers["s"]))
        return keccak(signature.recover_public_key_from_msg_hash(digest).to_bytes())[-20:]
    except BadSignature as error:
        raise UnreadableTransaction(f"the signature recovers no sender: {error}") from error


def _access_list(items: Any) -> tuple[tuple[bytes, tuple[bytes, ...]], ...]:
    def entry(item: Any) -> tuple[bytes, tuple[bytes, ...]]:
        address, keys = item
        if not isinstance(address, bytes) or len(address) != 20 or not isinstance(keys, list):
            raise ValueError
        if any(not isinstance(key, bytes) or len(key) != 32 for key in keys):
            raise ValueError
        return address, tuple(keys)

    try:
        if not isinstance(items, list):
            raise ValueError
        return tuple(entry(item) for item in items)
    except ValueError as error:
        raise UnreadableTransaction("the access list is not a list of addresses with their storage keys") from error


def _number(name: str, item: object) -> int:
    if not isinstance(item, bytes) or len(item) > 32:
        raise UnreadableTransaction(f"the field {name} is not a number of at most 32 bytes")
    if item[:1] == b"\0":
        raise UnreadableTransaction(f"the field {name} has a leading zero")
    return int.from_bytes(item, "big")


def touched_accounts(fee_recipient: bytes, views: Iterable[TransactionView]) -> list[bytes]:
    """Return the accounts that a batch of these transactions may read or write, each once."""
    found = dict.fromkeys([fee_recipient])
    for view in views:
        found.update(dict.fromkeys([view.sender] if view.to is None else [view.sender, view.to]))
    return list(found)
