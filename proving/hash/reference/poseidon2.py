"""Poseidon2 over Goldilocks, by its specification (Grassi, Khovratovich, Schofnegger: eprint 2023/323)."""

from __future__ import annotations

from collections.abc import Sequence

from proving.backend.interface import PRIME
from proving.field.reference.arithmetic import inverse
from proving.hash.poseidon2_constants import FINAL, HORIZEN_DIAGONAL, INITIAL, INTERNAL

#: Plonky3's diagonals of the internal matrix less one (goldilocks/src/poseidon2.rs).
PLONKY3_DIAGONAL: dict[int, tuple[int, ...]] = {
    width: tuple(sign * factor * inverse(2**shift) % PRIME for sign, factor, shift in entries)
    for width, entries in {
        8: ((-1, 2, 0), (1, 1, 0), (1, 2, 0), (1, 1, 1), (1, 3, 0), (-1, 1, 1), (-1, 3, 0), (-1, 4, 0)),
        12: (
            *((-1, 2, 0), (1, 1, 0), (1, 2, 0), (1, 1, 1), (1, 3, 0), (1, 4, 0)),
            *((-1, 1, 1), (-1, 3, 0), (-1, 4, 0), (1, 1, 2), (-1, 1, 2), (1, 1, 3)),
        ),
        16: (
            *((-1, 2, 0), (1, 1, 0), (1, 2, 0), (1, 1, 1), (1, 3, 0), (1, 4, 0), (-1, 1, 1), (-1, 3, 0)),
            *((-1, 4, 0), (1, 1, 3), (1, 1, 4), (1, 1, 5), (-1, 1, 3), (-1, 1, 4), (-1, 1, 5), (1, 1, 32)),
        ),
    }.items()
}

#: The 4x4 blocks of the external matrix.
PLONKY3_BLOCK = ((2, 3, 1, 1), (1, 2, 3, 1), (1, 1, 2, 3), (3, 1, 1, 2))
HORIZEN_BLOCK = ((5, 7, 1, 3), (4, 6, 1, 1), (1, 3, 5, 7), (1, 1, 4, 6))


def external_layer(state: Sequence[int], block: Sequence[Sequence[int]]) -> list[int]:
    """Multiply by the block matrix with 2 M on the diagonal and M elsewhere."""
    products = []
    for start in range(0, len(state), 4):
        part = state[start : start + 4]
        products.append([sum(c * x for c, x in zip(row, part, strict=True)) for row in block])
    sums = [sum(column) for column in zip(*products, strict=True)]
    return [(value + sums[i]) % PRIME for part in products for i, value in enumerate(part)]


def internal_layer(state: Sequence[int], diagonal: Sequence[int]) -> list[int]:
    """Multiply by the all-ones matrix plus the diagonal."""
    total = sum(state)
    return [(total + d * x) % PRIME for d, x in zip(diagonal, state, strict=True)]


def permute(state: Sequence[int], *, horizen: bool = False) -> list[int]:
    """Permute a state of 8, 12 or 16 elements with Plonky3's instance, or with HorizenLabs'."""
    width = len(state)
    block = HORIZEN_BLOCK if horizen else PLONKY3_BLOCK
    diagonal = HORIZEN_DIAGONAL[width] if horizen else PLONKY3_DIAGONAL[width]
    current = external_layer(state, block)
    for constants in (INITIAL[width], None, FINAL[width]):
        if constants is None:
            for constant in INTERNAL[width]:
                first = pow(current[0] + constant, 7, PRIME)
                current = internal_layer([first, *current[1:]], diagonal)
            continue
        for start in range(0, 4 * width, width):
            added = zip(current, constants[start : start + width], strict=True)
            current = external_layer([pow(x + c, 7, PRIME) for x, c in added], block)
    return current
