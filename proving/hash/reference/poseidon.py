"""Poseidon over Goldilocks, width 12, plonky2's instance (eprint 2019/458; plonky2/src/hash/poseidon_goldilocks.rs)."""

from __future__ import annotations

from collections.abc import Sequence

from proving.backend.interface import PRIME
from proving.hash.poseidon import CIRCULANT, DIAGONAL, FULL_ROUNDS, PARTIAL_ROUNDS, WIDTH
from proving.hash.poseidon_constants import ROUND_CONSTANTS


def permute(state: Sequence[int]) -> list[int]:
    """Permute a state of 12 elements."""
    current = list(state)
    for index in range(FULL_ROUNDS + PARTIAL_ROUNDS):
        constants = ROUND_CONSTANTS[index * WIDTH : (index + 1) * WIDTH]
        current = [(x + c) % PRIME for x, c in zip(current, constants, strict=True)]
        full = index < FULL_ROUNDS // 2 or index >= FULL_ROUNDS // 2 + PARTIAL_ROUNDS
        current = [pow(x, 7, PRIME) if full or i == 0 else x for i, x in enumerate(current)]
        current = [
            (sum(CIRCULANT[k] * current[(i + k) % WIDTH] for k in range(WIDTH)) + DIAGONAL[i] * current[i]) % PRIME
            for i in range(WIDTH)
        ]
    return current
