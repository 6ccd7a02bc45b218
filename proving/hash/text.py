"""Digests as people and JSON see them: 64 hexadecimal digits of their 32 bytes, each element little-endian."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from proving.field.goldilocks import PRIME
from runtime.errors import InvalidInput


def digest_hex(digest: NDArray[np.uint64]) -> str:
    """Return a digest ``(4,) uint64`` as lower-case hexadecimal."""
    return digest.astype("<u8").tobytes().hex()


def digest_from_hex(text: str) -> NDArray[np.uint64]:
    """Parse `digest_hex`'s form, with or without `0x`.

    Raises
    ------
    InvalidInput
        Not 64 hexadecimal digits, or an element that is not below p.
    """
    try:
        raw = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raw = b""
    if len(raw) != 32:
        raise InvalidInput(f"A digest is 64 hexadecimal digits, got {text!r}.")
    digest = np.frombuffer(raw, dtype="<u8").astype(np.uint64)
    if (digest >= np.uint64(PRIME)).any():
        raise InvalidInput(f"A digest's elements are below p, got {text!r}.")
    return digest
