"""The compression, the fixed-length hash, the mixed-height tree and grinding by their definitions."""

from __future__ import annotations

from collections.abc import Sequence

from proving.backend.interface import PRIME
from proving.hash.reference.poseidon2 import permute
from proving.hash.tags import Tag


def compress(state: Sequence[int]) -> list[int]:
    """Return C(x) = trunc4(P(x) + x) of 16 elements."""
    return [(after + before) % PRIME for after, before in zip(permute(state)[:4], state[:4], strict=True)]


def hash_elements(tag: Tag, message: Sequence[int]) -> list[int]:
    """Hash a message under a tag: chaining value (tag, length, 0, 0), blocks of 12, zero padded."""
    chaining = [int(tag), len(message), 0, 0]
    for start in range(0, len(message), 12):
        block = list(message[start : start + 12])
        chaining = compress(chaining + block + [0] * (12 - len(block)))
    return chaining


def build_tree(matrices: Sequence[Sequence[Sequence[int]]], cap_log: int) -> list[list[list[int]]]:
    """Return the levels, leaves first and the cap last, of the tree over matrices given as lists of columns."""
    heights = [len(matrix[0]).bit_length() - 1 for matrix in matrices]
    tallest = max(heights)
    levels: list[list[list[int]]] = []
    for level in range(max(0, (tallest - cap_log) // 2) + 1):
        log_size = tallest - 2 * level
        digests = []
        for i in range(1 << log_size):
            parts = []
            if level > 0:
                parts.append(compress([x for child in levels[-1][4 * i : 4 * i + 4] for x in child]))
            for shift in (0, 1):
                found = [m for m, height in zip(matrices, heights, strict=True) if height == log_size - shift]
                if found:
                    row = [column[i >> shift] for matrix in found for column in matrix]
                    parts.append(hash_elements(Tag.LEAF, row))
            digests.append(join(parts))
        levels.append(digests)
    return levels


def join(parts: Sequence[Sequence[int]]) -> list[int]:
    """Join the parts of a node: one stands for itself, several are compressed under tag JOIN."""
    if len(parts) == 1:
        return list(parts[0])
    elements = [x for part in parts for x in part]
    return compress(elements + [0] * (12 - len(elements)) + [int(Tag.JOIN), 0, 0, 0])


def open_path(levels: Sequence[Sequence[Sequence[int]]], index: int) -> list[list[list[int]]]:
    """Return per level below the cap the three siblings of the node above a leaf."""
    path = []
    for digests in levels[:-1]:
        first = index - index % 4
        path.append([list(digests[first + k]) for k in range(4) if first + k != index])
        index //= 4
    return path


def grind(state: Sequence[int], bits: int) -> int:
    """Return the smallest nonce with C(state || (GRIND, nonce, 0...)) lane 0 ending in ``bits`` zero bits."""
    nonce = 0
    while compress([*state, int(Tag.GRIND), nonce, *[0] * 10])[0] % 2**bits:
        nonce += 1
    return nonce
