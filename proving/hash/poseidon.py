"""Poseidon over Goldilocks, width 12, plonky2's instance, on batches of states.

It is the second family behind :class:`proving.hash.permutation.Permutation`: nothing may depend on Poseidon2 alone.
Source of the parameters: 0xPolygonZero/plonky2, ``plonky2/src/hash/poseidon_goldilocks.rs``.
"""

from __future__ import annotations

import numpy as np

from proving.backend.interface import HostArray
from proving.field import goldilocks
from proving.hash.poseidon_constants import ROUND_CONSTANTS

WIDTH = 12
FULL_ROUNDS = 8
PARTIAL_ROUNDS = 22

#: Row i of the MDS matrix has ``CIRCULANT[k]`` in column ``(i + k) % 12``, plus ``DIAGONAL[i]`` on the diagonal.
CIRCULANT = (17, 15, 41, 16, 2, 28, 13, 13, 39, 18, 34, 20)
DIAGONAL = (8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)

_CONSTANTS = np.array(ROUND_CONSTANTS, dtype=np.uint64).reshape(FULL_ROUNDS + PARTIAL_ROUNDS, WIDTH)


def _seventh_power(values: HostArray) -> HostArray:
    square = goldilocks.multiply(values, values)
    return goldilocks.multiply(goldilocks.multiply(square, values), goldilocks.multiply(square, square))


def _mds(state: HostArray) -> HostArray:
    """Multiply by the MDS matrix, on 32-bit halves: their sums stay below 2^41 and need no reduction."""
    low = state & np.uint64(0xFFFFFFFF)
    high = state >> np.uint64(32)
    sums: list[HostArray] = []
    for half in (low, high):
        total: HostArray = half * np.array(DIAGONAL, dtype=np.uint64)
        for k, factor in enumerate(CIRCULANT):
            total += np.roll(half, -k, axis=-1) * np.uint64(factor)
        sums.append(total)
    return goldilocks.add(sums[0], goldilocks.multiply(sums[1], np.array(2**32, dtype=np.uint64)))


class Poseidon:
    """Poseidon of width 12."""

    width = WIDTH

    def permute(self, batch: HostArray) -> HostArray:
        """Permute states ``(..., 12)``."""
        state = np.asarray(batch, dtype=np.uint64)
        if state.shape[-1:] != (WIDTH,):
            raise ValueError(f"states have shape {state.shape}, expected (..., {WIDTH})")
        for index, constants in enumerate(_CONSTANTS):
            state = goldilocks.add(state, constants)
            if FULL_ROUNDS // 2 <= index < FULL_ROUNDS // 2 + PARTIAL_ROUNDS:
                state[..., :1] = _seventh_power(state[..., :1])
            else:
                state = _seventh_power(state)
            state = _mds(state)
        return state
