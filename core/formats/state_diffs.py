"""What a batch publishes on L1: the accounts that it changed, compactly (section 5 of docs/state_transition.md)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from runtime.errors import InvalidInput

_ADDRESS_BYTES = 20
_NONCE_BYTES = 8
_BALANCE_BYTES = 32

#: Code of a nonce of more than two bytes; the code of a smaller one is how many it has.
_WIDE_NONCE = 3

#: Bytes of an account at most: address, lengths, nonce, balance.
MOST_BYTES = _ADDRESS_BYTES + 1 + _NONCE_BYTES + _BALANCE_BYTES


class DiffValue(Protocol):
    """An account after a batch that changed it."""

    @property
    def address(self) -> bytes:
        """20 bytes."""

    @property
    def nonce(self) -> int:
        """64 bits."""

    @property
    def balance(self) -> int:
        """256 bits."""


@dataclass(frozen=True)
class StateDiff:
    """An account as published state diffs state it after the batch."""

    address: bytes
    nonce: int
    balance: int


class StateDiffsError(InvalidInput):
    """The bytes are not state diffs in their one form."""

    code = "state_diffs"
    default_remedy = "No batch with these state diffs can be proven; ask another node of L1 for the transaction."


def encode(diffs: Iterable[DiffValue]) -> bytes:
    """Return changed accounts as they are published, in the order given, which is the journal's."""
    pieces = []
    for diff in diffs:
        nonce, balance = _minimal(diff.nonce), _minimal(diff.balance)
        code = min(len(nonce), _WIDE_NONCE)
        written = nonce.rjust(_NONCE_BYTES, b"\x00") if code == _WIDE_NONCE else nonce
        pieces.append(diff.address + bytes([code << 6 | len(balance)]) + written + balance)
    return b"".join(pieces)


def decode(content: bytes) -> tuple[StateDiff, ...]:
    """Read published state diffs.

    Raises
    ------
    StateDiffsError
        They end early, or are written in another way than :func:`encode`'s.
    """
    diffs = tuple(_read(content))
    if len({diff.address for diff in diffs}) < len(diffs):
        raise StateDiffsError("The state diffs state an account twice.")
    return diffs


def _read(content: bytes) -> Iterator[StateDiff]:
    position = 0

    def take(size: int) -> bytes:
        nonlocal position
        if len(content) - position < size:
            raise StateDiffsError(f"The state diffs end early, after {len(content)} bytes.")
        position += size
        return content[position - size : position]

    while position < len(content):
        address, (lengths,) = take(_ADDRESS_BYTES), take(1)
        code, balance_bytes = lengths >> 6, lengths & 0x3F
        if balance_bytes > _BALANCE_BYTES:
            raise StateDiffsError(f"A balance has at most {_BALANCE_BYTES} bytes, this one {balance_bytes}.")
        nonce = take(_NONCE_BYTES if code == _WIDE_NONCE else code)
        balance = take(balance_bytes)
        narrow = code == _WIDE_NONCE and not any(nonce[: _NONCE_BYTES - _WIDE_NONCE + 1])
        if narrow or (code != _WIDE_NONCE and nonce[:1] == b"\x00") or balance[:1] == b"\x00":
            raise StateDiffsError(f"A number of account 0x{address.hex()} is written with more bytes than it needs.")
        yield StateDiff(address, int.from_bytes(nonce, "big"), int.from_bytes(balance, "big"))


def _minimal(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
