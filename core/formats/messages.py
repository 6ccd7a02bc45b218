"""Messages to L1: withdrawals, and the Merkle tree of a batch's messages (docs/bridge.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from eth_hash.auto import keccak

#: What is sent here leaves the rollup. Nobody has the key of this address.
WITHDRAWAL_ADDRESS: Final = bytes(18) + b"L1"

#: What stands where a level has no second node.
_NOTHING: Final = bytes(32)


@dataclass(frozen=True)
class Message:
    """A withdrawal.

    Attributes
    ----------
    to : bytes
        Who is paid on L1, 20 bytes.
    amount : int
        Wei.
    """

    to: bytes
    amount: int

    @property
    def leaf(self) -> bytes:
        """Its place's digest in the tree, 32 bytes."""
        return keccak(self.to + self.amount.to_bytes(32, "big"))


def receiver(sender: bytes, data: bytes) -> bytes:
    """Return whom a transfer to the withdrawal address pays: the address in its data, or else its sender."""
    return data if len(data) == 20 else sender


def message_root(messages: Sequence[Message]) -> bytes:
    """Return the root of the tree of a batch's messages, zero for none."""
    level = [message.leaf for message in messages]
    while len(level) > 1:
        level = _above(level)
    return level[0] if level else _NOTHING


def message_path(messages: Sequence[Message], index: int) -> list[bytes]:
    """Return the neighbours on the way from message `index` to the root, the leaf's first."""
    level = [message.leaf for message in messages]
    path = []
    while len(level) > 1:
        path.append(level[index ^ 1] if index ^ 1 < len(level) else _NOTHING)
        level, index = _above(level), index >> 1
    return path


def _above(level: Sequence[bytes]) -> list[bytes]:
    padded = [*level, _NOTHING][: len(level) + len(level) % 2]
    return [keccak(padded[place] + padded[place + 1]) for place in range(0, len(padded), 2)]
