"""Many accounts in the order of the tree, so that a tree is built from left to right in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from core.state_tree import native
from core.state_tree.accounts import KEY_WORDS, VALUE_WORDS, keys_of_bytes
from runtime.errors import InvalidInput

#: Accounts of one piece.
PIECE = 100_000


class Accounts:
    """A growing list of accounts: 92 bytes each."""

    def __init__(self) -> None:
        self._keys = bytearray()
        self._values = bytearray()

    def __len__(self) -> int:
        return len(self._keys) // (8 * KEY_WORDS)

    def add(self, addresses: bytes, values: NDArray[np.uint64]) -> None:
        """Add accounts: 20 bytes of each address, and values ``(count, 5) uint64``."""
        self._keys += keys_of_bytes(addresses).astype("<u8").tobytes()
        self._values += values.astype("<u8").tobytes()

    def add_rows(self, rows: Sequence[tuple[str, str, str]]) -> None:
        """Add accounts in hex digits: address (40), nonce and balance (64 each).

        Raises
        ------
        InvalidInput
            A nonce has more than 64 bits.
        """
        nonces = np.frombuffer(bytes.fromhex("".join(row[1] for row in rows)), dtype=">u8").reshape(-1, 4)
        balances = np.frombuffer(bytes.fromhex("".join(row[2] for row in rows)), dtype=">u8").reshape(-1, 4)
        if nonces[:, :3].any():
            raise InvalidInput("An account's nonce has 64 bits.")
        values = np.concatenate([nonces[:, 3:], balances[:, ::-1]], axis=1).astype(np.uint64)
        self.add(bytes.fromhex("".join(row[0] for row in rows)), values)

    def pieces(self) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.uint64]]]:
        """Yield keys ``(count, 4) uint64`` and values ``(count, 5) uint64`` in the order of the tree."""
        keys = np.frombuffer(self._keys, dtype="<u8").reshape(-1, KEY_WORDS)
        values = np.frombuffer(self._values, dtype="<u8").reshape(-1, VALUE_WORDS)
        places = native.order(keys).astype(np.intp)
        for start in range(0, len(places), PIECE):
            chosen = places[start : start + PIECE]
            yield keys[chosen], values[chosen]
