"""Proofs of accounts for whoever has a state root and trusts no server: a partial tree, checked by hashing it.

A proof is the tree section of a witness input (docs/state_transition.md, section 2), read as strictly as the proven
program reads it; and each leaf must lie where its key leads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np

from core.state_tree.accounts import keys_of
from proving.field.goldilocks import PRIME
from proving.hash import DIGEST, Tag, compress
from runtime.errors import VerificationError

#: Longer proofs are refused; one of 64 accounts among 10^9 has about 130,000 bytes.
MAX_PROOF_BYTES = 1 << 20

#: Internal nodes stand at depths below this.
_DEPTH = 128

_EMPTY, _LEAF, _INNER, _OPAQUE = range(4)
_LEAF_WORDS, _DIGEST_WORDS = 18, 8

#: Lanes 14 and 15 of a leaf; no internal node may end in them.
_LEAF_END = (int(Tag.ACCOUNT), 0)


class StateProofRefused(VerificationError):
    """The proof does not show the account under this root."""

    code = "state_proof_refused"
    default_remedy = "Take the root from a source that you trust, such as L1, and the proof for the same batch."


class ProvenAccount(msgspec.Struct, frozen=True):
    """An account as the server states it; zeros for one that is not in the state."""

    address: str
    nonce: str
    balance: str


class StateProof(msgspec.Struct, frozen=True):
    """What core answers: accounts after a batch, and the partial tree that shows them under its root.

    Bytes are 0x-hex, numbers decimal strings, as they may have 256 bits.
    """

    batch_number: int
    root: str
    accounts: list[ProvenAccount]
    proof: str


@dataclass
class PartialTree:
    """The part of a state that a proof shows.

    Attributes
    ----------
    root : bytes
        The digest of the whole, 32 bytes.
    """

    root: bytes
    _leaves: dict[bytes, tuple[bytes, int, int]] = field(default_factory=dict)
    _empty: set[bytes] = field(default_factory=set)
    _inner: set[bytes] = field(default_factory=set)

    def account(self, address: bytes) -> tuple[int, int]:
        """Return nonce and balance; zeros where the proof shows that the account is not in the state.

        Raises
        ------
        StateProofRefused
            The proof does not show what stands at this address.
        """
        key = keys_of([address])[0].astype("<u8").tobytes()
        path = _digits(key)
        depth = 0
        while path[:depth] in self._inner:
            depth += 1
        if path[:depth] in self._empty:
            return 0, 0
        if path[:depth] not in self._leaves:
            raise StateProofRefused(f"The proof does not reach the account 0x{address.hex()}.")
        found, nonce, balance = self._leaves[path[:depth]]
        return (nonce, balance) if found == key else (0, 0)


def read_proof(section: bytes) -> PartialTree:
    """Read a partial tree and hash it.

    Raises
    ------
    StateProofRefused
        It is not written as the program reads it.
    """
    if len(section) > MAX_PROOF_BYTES or len(section) % 4 or not section:
        raise StateProofRefused(f"A proof does not have {len(section)} bytes.")
    return _Reader(section).tree()


def check_proof(section: bytes, root: bytes, addresses: Sequence[bytes]) -> list[tuple[int, int]]:
    """Return nonce and balance of each address under a root that the caller trusts.

    Raises
    ------
    StateProofRefused
        The proof is of another root, malformed, or does not reach an address.
    """
    tree = read_proof(section)
    if tree.root != root:
        raise StateProofRefused(f"The proof is of the root 0x{tree.root.hex()}, not of 0x{root.hex()}.")
    return [tree.account(address) for address in addresses]


def _digits(key: bytes) -> bytes:
    """Return the 128 digits of a key, one in each byte."""
    return bytes(byte >> shift & 3 for byte in key for shift in (0, 2, 4, 6))


class _Reader:
    def __init__(self, section: bytes) -> None:
        self._section = section
        self._at = 0
        self._tree = PartialTree(bytes(32))

    def tree(self) -> PartialTree:
        kind = self._word()
        if kind > _OPAQUE:
            raise StateProofRefused("The root of the proof has no known kind.")
        lanes = self._node(kind, b"")
        if self._at != len(self._section):
            raise StateProofRefused("The proof has left-over words.")
        self._tree.root = np.array(lanes, dtype="<u8").tobytes()
        return self._tree

    def _take(self, words: int) -> bytes:
        taken = self._section[self._at : self._at + 4 * words]
        if len(taken) != 4 * words:
            raise StateProofRefused("The proof ends within a node.")
        self._at += 4 * words
        return taken

    def _word(self) -> int:
        return int.from_bytes(self._take(1), "little")

    def _elements(self, content: bytes) -> list[int]:
        elements = [int.from_bytes(content[i : i + 8], "little") for i in range(0, len(content), 8)]
        if any(element >= PRIME for element in elements):
            raise StateProofRefused("The proof holds a number that is no field element.")
        return elements

    def _node(self, kind: int, path: bytes) -> list[int]:
        """Read a node and return its digest."""
        if kind == _EMPTY:
            self._tree._empty.add(path)
            return [0] * DIGEST
        if kind == _OPAQUE:
            return self._elements(self._take(_DIGEST_WORDS))
        return self._leaf(path) if kind == _LEAF else self._internal(path)

    def _leaf(self, path: bytes) -> list[int]:
        content = self._take(_LEAF_WORDS)
        key = content[:32]
        if not _digits(key).startswith(path):
            raise StateProofRefused("A leaf of the proof lies where its key does not lead.")
        nonce, balance = int.from_bytes(content[32:40], "little"), int.from_bytes(content[40:], "little")
        self._tree._leaves[path] = key, nonce, balance
        words = [int.from_bytes(content[i : i + 4], "little") for i in range(32, len(content), 4)]
        return _compressed([*self._elements(key), *words, *_LEAF_END])

    def _internal(self, path: bytes) -> list[int]:
        kinds = self._word()
        if len(path) == _DEPTH or kinds >> 8:
            raise StateProofRefused("An internal node of the proof is too deep or malformed.")
        self._tree._inner.add(path)
        lanes = [lane for i in range(4) for lane in self._node(kinds >> (2 * i) & 3, path + bytes([i]))]
        if tuple(lanes[14:]) == _LEAF_END:
            raise StateProofRefused("An internal node of the proof ends as a leaf does.")
        return _compressed(lanes)


def _compressed(lanes: list[int]) -> list[int]:
    return [int(element) for element in compress(np.array([lanes], dtype=np.uint64))[0]]
