"""Keys and values of the state tree's leaves as arrays (docs/state_transition.md, section 2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from proving.hash import Tag, hash_rows
from runtime.errors import InvalidInput

ADDRESS_BYTES = 20

#: Words of a key, and of a value: the nonce, then the balance, its lowest word first.
KEY_WORDS, VALUE_WORDS = 4, 5


class AccountValue(Protocol):
    """What the tree stores for an address."""

    @property
    def nonce(self) -> int:
        """Transactions sent, below 2^64."""

    @property
    def balance(self) -> int:
        """Wei, below 2^256."""


def keys_of(addresses: Sequence[bytes]) -> NDArray[np.uint64]:
    """Return the keys of 20-byte addresses, ``(count, 4) uint64``, hashed in one batch.

    Raises
    ------
    InvalidInput
        An address has not 20 bytes.
    """
    if any(len(address) != ADDRESS_BYTES for address in addresses):
        raise InvalidInput("An address has 20 bytes.")
    return keys_of_bytes(b"".join(addresses))


def keys_of_bytes(addresses: bytes) -> NDArray[np.uint64]:
    """Return the keys of addresses that stand one after the other, ``(count, 4) uint64``."""
    words = np.frombuffer(addresses, dtype="<u4").reshape(-1, ADDRESS_BYTES // 4)
    return np.asarray(hash_rows(Tag.ACCOUNT, words.astype(np.uint64)))


def values_of(accounts: Iterable[AccountValue]) -> NDArray[np.uint64]:
    """Return nonces and balances as the tree holds them, ``(count, 5) uint64``.

    Raises
    ------
    InvalidInput
        A number is out of its range.
    """
    try:
        content = b"".join(
            account.nonce.to_bytes(8, "little") + account.balance.to_bytes(32, "little") for account in accounts
        )
    except OverflowError:
        raise InvalidInput("An account's nonce has 64 bits and its balance 256.") from None
    return np.frombuffer(content, dtype="<u8").reshape(-1, VALUE_WORDS)


def account_of(value: NDArray[np.uint64]) -> tuple[int, int]:
    """Return nonce and balance of one row of :func:`values_of`."""
    content = value.tobytes()
    return int.from_bytes(content[:8], "little"), int.from_bytes(content[8:], "little")
