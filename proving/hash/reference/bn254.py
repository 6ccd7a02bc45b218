"""The permutation and the hash over BN254's scalar field by their definitions, in integers."""

from __future__ import annotations

from collections.abc import Sequence

from proving.hash.bn254_constants import FULL_ROUNDS, PARTIAL_ROUNDS, ROUND_CONSTANTS
from proving.hash.tags import Tag

R = 0x30644E72E131A029B85045B68181585D2833E84879B9709143E1F593F0000001


def permute(state: Sequence[int]) -> list[int]:
    """Return P of three elements."""
    found = _external(state)
    for number, constants in enumerate(ROUND_CONSTANTS):
        if FULL_ROUNDS // 2 <= number < FULL_ROUNDS // 2 + PARTIAL_ROUNDS:
            found[0] = pow(found[0] + constants[0], 5, R)
            total = sum(found)
            found = [(scale * x + total) % R for scale, x in zip((1, 1, 2), found, strict=True)]
        else:
            found = _external([pow(x + constant, 5, R) for x, constant in zip(found, constants, strict=True)])
    return found


def hash_elements(tag: Tag, number: int, elements: Sequence[int]) -> int:
    """Return H(tag, number; elements)."""
    capacity, digest = int(tag) + 2**32 * number, 0
    for at in range(0, len(elements), 2):
        capacity, digest, _ = permute([capacity, *elements[at : at + 2], 0][:3])
    return digest


def pack(words: Sequence[int]) -> list[int]:
    """Return Goldilocks elements three to an element, the first lowest."""
    return [sum(word << 64 * i for i, word in enumerate(words[at : at + 3])) for at in range(0, len(words), 3)]


def build_tree(matrices: Sequence[Sequence[Sequence[int]]], cap_log: int) -> list[list[int]]:
    """Return the levels, leaves first and the cap last, of the tree over matrices given as lists of columns."""
    heights = [len(matrix[0]).bit_length() - 1 for matrix in matrices]
    tallest = max(heights)
    levels: list[list[int]] = []
    for level in range(max(0, (tallest - cap_log) // 2) + 1):
        log_size = tallest - 2 * level
        digests = []
        for i in range(1 << log_size):
            parts = [hash_elements(Tag.NODE, 4, levels[-1][4 * i : 4 * i + 4])] if level else []
            for shift in (0, 1):
                found = [m for m, height in zip(matrices, heights, strict=True) if height == log_size - shift]
                row = [column[i >> shift] for matrix in found for column in matrix]
                parts += [hash_elements(Tag.LEAF, len(row), pack(row))] if row else []
            digests.append(parts[0] if len(parts) == 1 else hash_elements(Tag.JOIN, len(parts), parts))
        levels.append(digests)
    return levels


def _external(state: Sequence[int]) -> list[int]:
    return [(x + sum(state)) % R for x in state]
