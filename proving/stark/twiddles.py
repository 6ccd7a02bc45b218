"""Roots of unity by which a group's pairs are folded."""

from __future__ import annotations

import numpy as np

from proving.backend.interface import HostArray
from proving.field.goldilocks import PRIME, root_of_unity


def inverse_twiddles(log_size: int) -> HostArray:
    """Return w^-bitreverse(p) for the pairs p of a group of 2^log_size values, w of order 2^log_size."""
    root = pow(root_of_unity(log_size), -1, PRIME)
    bits = log_size - 1
    return np.array([pow(root, _reverse(pair, bits), PRIME) for pair in range(1 << bits)], dtype=np.uint64)


def _reverse(index: int, bits: int) -> int:
    return int(format(index, f"0{bits}b")[::-1], 2) if bits else 0
