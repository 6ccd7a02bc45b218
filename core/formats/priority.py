"""Requests from L1: how the contract chains them, how the program reads them, and how core shows them.

A request that is in a batch is a transaction like the others for whoever reads the chain: of type 0x7e, with the RLP
list (number, kind, from, to, amount), hashed as every typed transaction is. Nobody can send one: its type is refused at
the door, and the program takes requests from their own section only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import rlp  # type: ignore[import-untyped]
from eth_hash.auto import keccak

from core.formats.messages import WITHDRAWAL_ADDRESS
from core.formats.transactions import TransactionView
from core.formats.witness_input import MAX_REQUESTS
from runtime.errors import InvalidInput

#: The type of the transaction that stands for a request.
REQUEST_TYPE: Final = 0x7E


class Kind(IntEnum):
    """What is asked for."""

    DEPOSIT = 1
    """Credit `to` with the amount, which L1 has taken."""
    WITHDRAWAL = 2
    """Withdraw the amount from the account of `sender` to the address `to` on L1."""


@dataclass(frozen=True)
class Request:
    """A request as L1 states it.

    Attributes
    ----------
    number : int
        From 1 on, without gaps.
    kind : Kind
    sender, to : bytes
        20 bytes each; who asked, and who receives.
    amount : int
        Wei, above zero.
    """

    number: int
    kind: Kind
    sender: bytes
    to: bytes
    amount: int

    @property
    def account(self) -> bytes:
        """The address that the value goes to on the rollup."""
        return self.to if self.kind is Kind.DEPOSIT else WITHDRAWAL_ADDRESS

    def rolled(self, before: bytes) -> bytes:
        """Return the rolling hash after this request from the one before it."""
        return keccak(before + bytes([self.kind]) + self.sender + self.to + self.amount.to_bytes(32, "big"))

    def words(self) -> bytes:
        """Return the request as the program reads it, 76 bytes."""
        return int(self.kind).to_bytes(4, "little") + self.sender + self.to + self.amount.to_bytes(32, "little")

    def transaction(self) -> bytes:
        """Return the transaction that stands for it."""
        fields = [self.number, int(self.kind), self.sender, self.to, self.amount]
        return bytes([REQUEST_TYPE]) + bytes(rlp.encode(fields))


def read_request(content: bytes) -> Request:
    """Read what :meth:`Request.transaction` wrote.

    Raises
    ------
    InvalidInput
        It is something else.
    """
    try:
        number, kind, sender, to, amount = rlp.decode(content[1:], strict=True)
        integers = (int.from_bytes(field, "big") for field in (number, kind, amount))
        found = Request(next(integers), Kind(next(integers)), sender, to, next(integers))
        if found.transaction() != content:
            raise ValueError
    except (ValueError, TypeError, rlp.exceptions.RLPException) as error:
        raise InvalidInput("The bytes are no request of L1.") from error
    return found


def is_request(content: bytes) -> bool:
    """Return whether a stored transaction stands for a request."""
    return content[:1] == bytes([REQUEST_TYPE])


def request_view(content: bytes) -> TransactionView:
    """Return what a request says about itself as a transaction: no gas, no fee, no signature."""
    request = read_request(content)
    return TransactionView(
        hash=keccak(content),
        sender=request.sender,
        kind=REQUEST_TYPE,
        chain_id=None,
        nonce=request.number,
        gas_price=0,
        tip=0,
        gas=0,
        to=request.account,
        value=request.amount,
        data=b"" if request.kind is Kind.DEPOSIT else request.to,
        access_list=(),
        v=0,
        r=0,
        s=0,
        y_parity=0,
    )


def request_section(before: bytes, requests: Sequence[Request]) -> bytes:
    """Return the section of the witness input: the rolling hash before the requests, then these; empty for none.

    Raises
    ------
    InvalidInput
        Too many requests, or a hash that has not 32 bytes.
    """
    if len(requests) > MAX_REQUESTS or len(before) != 32:
        raise InvalidInput(f"A batch has at most {MAX_REQUESTS} requests, and a rolling hash 32 bytes.")
    return before + b"".join(request.words() for request in requests) if requests else b""


def queue_hash(before: bytes, requests: Sequence[Request]) -> bytes:
    """Return the priority-queue hash of a batch: of the rolling hashes around its requests, zero for none."""
    if not requests:
        return bytes(32)
    after = before
    for request in requests:
        after = request.rolled(after)
    return keccak(before + after)
