"""Nodes of the state tree, their keys and their digests (docs/state_transition.md, section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from proving.hash import Tag, compress, hash_rows
from runtime.errors import InvalidInput

#: Digest of a subtree without a leaf.
EMPTY_DIGEST = bytes(32)
#: Digits of a key: internal nodes exist at depths 0 to DEPTH - 1.
DEPTH = 128
ADDRESS_BYTES = 20

_NONCE_LIMIT = 1 << 64
_BALANCE_LIMIT = 1 << 256


class AccountValue(Protocol):
    """What the tree stores for an address."""

    @property
    def nonce(self) -> int:
        """Transactions sent, below 2^64."""

    @property
    def balance(self) -> int:
        """Wei, below 2^256."""


class Leaf:
    """An account in the tree.

    Parameters
    ----------
    key
        The four elements of the account's key as one integer of 256 bits, the first element lowest.
    nonce, balance
        The account's value.
    """

    __slots__ = ("balance", "digest", "key", "nonce")

    def __init__(self, key: int, nonce: int, balance: int) -> None:
        if not 0 <= nonce < _NONCE_LIMIT or not 0 <= balance < _BALANCE_LIMIT:
            raise InvalidInput("An account's nonce has 64 bits and its balance 256.")
        self.key = key
        self.nonce = nonce
        self.balance = balance
        self.digest: bytes | None = None

    def words(self) -> bytes:
        """Return the leaf as the partial tree writes it: key, nonce, balance."""
        return self.key.to_bytes(32, "little") + self.nonce.to_bytes(8, "little") + self.balance.to_bytes(32, "little")


class Inner:
    """An internal node: two leaves or more below it. `digest` is None while it does not match the children."""

    __slots__ = ("children", "digest")

    def __init__(self) -> None:
        self.children: list[Leaf | Inner | None] = [None, None, None, None]
        self.digest: bytes | None = None


def digit(key: int, depth: int) -> int:
    """Return the child that a key takes at a depth."""
    return (key >> (2 * depth)) & 3


def keys_of(addresses: Sequence[bytes]) -> list[int]:
    """Return the keys of 20-byte addresses, hashed in one batch."""
    if not addresses:
        return []
    if any(len(address) != ADDRESS_BYTES for address in addresses):
        raise InvalidInput("An address has 20 bytes.")
    words = np.frombuffer(b"".join(addresses), dtype="<u4").reshape(len(addresses), 5)
    digests = hash_rows(Tag.ACCOUNT, words.astype(np.uint64))
    return [int.from_bytes(row.astype("<u8").tobytes(), "little") for row in digests]


def _digests(states: NDArray[np.uint64]) -> list[bytes]:
    content = compress(states).astype("<u8").tobytes()
    return [content[start : start + 32] for start in range(0, len(content), 32)]


def hash_leaves(leaves: Sequence[Leaf]) -> None:
    """Set the digests of leaves in one batch."""
    if not leaves:
        return
    words = np.frombuffer(b"".join(leaf.words() for leaf in leaves), dtype="<u4").reshape(len(leaves), 18)
    states = np.zeros((len(leaves), 16), dtype=np.uint64)
    states[:, :4] = np.ascontiguousarray(words[:, :8]).view("<u8")
    states[:, 4:14] = words[:, 8:]
    states[:, 14] = int(Tag.ACCOUNT)
    for leaf, digest in zip(leaves, _digests(states), strict=True):
        leaf.digest = digest


def hash_inners(inners: Sequence[Inner]) -> None:
    """Set the digests of internal nodes, whose children have theirs, in one batch."""
    if not inners:
        return
    content = b"".join(
        EMPTY_DIGEST if child is None else child.digest or EMPTY_DIGEST for inner in inners for child in inner.children
    )
    states = np.frombuffer(content, dtype="<u8").astype(np.uint64).reshape(len(inners), 16)
    for inner, digest in zip(inners, _digests(states), strict=True):
        inner.digest = digest
