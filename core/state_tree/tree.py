"""A state tree in memory: the log of one that nobody keeps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from core.state_tree import native
from core.state_tree.accounts import AccountValue, account_of, keys_of, values_of


class StateTree:
    """All accounts of a small state, for what is asked of it once.

    Parameters
    ----------
    accounts
        By 20-byte address. An account with nonce and balance zero is not in the tree.
    """

    def __init__(self, accounts: Mapping[bytes, AccountValue]) -> None:
        self._chunks = native.Chunks()
        self._content: dict[int, NDArray[np.uint64]] = {}
        self._state = native.State.empty()
        self.update_all(accounts)

    def __len__(self) -> int:
        return self._state.leaves

    @property
    def root(self) -> bytes:
        """The state root, 32 bytes: four elements of 8 bytes, little-endian."""
        return self._state.root

    def value(self, address: bytes) -> tuple[int, int]:
        """Return nonce and balance; zeros for an account that is not in the tree."""
        values, _ = native.find(self._chunks, self._state, keys_of([address]))
        return account_of(values[0])

    def update(self, address: bytes, account: AccountValue) -> None:
        """Set one account."""
        self.update_all({address: account})

    def update_all(self, accounts: Mapping[bytes, AccountValue]) -> None:
        """Set several accounts at once.

        Raises
        ------
        InvalidInput
            An account of the tree is set to zero (accounts never leave the state), a number is out of its range, or
            an address has not 20 bytes.
        """
        keys, values = keys_of(list(accounts)), values_of(accounts.values())
        self._state, made = native.update(self._chunks, self._state, keys, values, native.KEEP_ALL)
        for chunk, content in made.items():
            self._content[chunk] = content
            self._chunks.set(chunk, content.ctypes.data)

    def partial(self, addresses: Iterable[bytes]) -> bytes:
        """Return the tree section of a witness input: the paths of these addresses, absent ones included."""
        return native.partial(self._chunks, self._state, keys_of(sorted(set(addresses))))
