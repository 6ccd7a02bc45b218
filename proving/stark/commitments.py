"""Openings of mixed-height Merkle trees, checked over any arithmetic, all queries at once.

A tree commits to matrices whose rows are evaluations in bit-reversed order. Its levels have 2^L, 2^(L-2), ... nodes, L
the log rows of the tallest matrix; a matrix joins at the level of its size, or at the level of twice its size where
each of its rows is written under two nodes. Nothing forces the two copies to agree: to the protocol a matrix is a word
on the whole index space of its level, and the DEEP quotient on the table's own domain is what shows it to be a lifted
polynomial (``docs/security.md``, "Lifting").
"""

from __future__ import annotations

import numpy as np

from proving.hash import DIGEST, RATE, Tag
from proving.stark.arithmetic import Arithmetic, V
from proving.stark.errors import OpeningRefused
from proving.stark.proof import TreeOpening
from proving.stark.shape import TreeShape


def hash_rows(arithmetic: Arithmetic[V], rows: V) -> V:
    """Hash every row of ``(queries, length)`` as one message with tag LEAF, giving ``(queries, 4)``."""
    queries, length = arithmetic.shape(rows)
    padding = -length % RATE
    if padding:
        zeros = arithmetic.constant(np.zeros((queries, padding), dtype=np.uint64))
        rows = arithmetic.concatenate([rows, zeros], 1)
    start = arithmetic.constant(np.array([Tag.LEAF, length, 0, 0], dtype=np.uint64))
    digests = arithmetic.broadcast(start, (queries, DIGEST))
    for position in range(0, length + padding, RATE):
        block = arithmetic.take(rows, (slice(None), slice(position, position + RATE)))
        digests = arithmetic.compress(arithmetic.concatenate([digests, block], 1))
    return digests


def check_opening(arithmetic: Arithmetic[V], tree: TreeShape, cap: V, opening: TreeOpening[V], index_bits: V) -> None:
    """Refuse unless the rows are those that the cap commits to at the indices.

    Parameters
    ----------
    tree
        The tree's shape.
    cap
        ``(2^log_cap, 4)``.
    opening
        Rows and paths, one per query.
    index_bits
        ``(queries, log_rows)``, lowest first: the row of the tallest matrix.

    Raises
    ------
    OpeningRefused
        A path does not end in the cap.
    """
    digests = _level(arithmetic, tree, opening, 0, None)
    for level in range(1, tree.depth + 1):
        digits = [
            arithmetic.take(index_bits, (slice(None), slice(bit, bit + 1))) for bit in (2 * level - 2, 2 * level - 1)
        ]
        siblings = arithmetic.take(opening.path, (slice(None), level - 1))
        node = arithmetic.compress(_children(arithmetic, digests, siblings, digits[0], digits[1]))
        digests = _level(arithmetic, tree, opening, level, node)
    place = arithmetic.take(index_bits, (slice(None), slice(2 * tree.depth, tree.log_rows)))
    arithmetic.require_equal(digests, arithmetic.lookup(cap, place), OpeningRefused)


def _level(arithmetic: Arithmetic[V], tree: TreeShape, opening: TreeOpening[V], level: int, node: V | None) -> V:
    """Return the digests of a level: the node over the children, joined by the matrices that enter here."""
    log_size = tree.log_rows - 2 * level
    parts = [] if node is None else [node]
    for log_rows in (log_size, log_size - 1):
        entering = [row for row, matrix in zip(opening.rows, tree.matrices, strict=True) if matrix.log_rows == log_rows]
        if entering:
            parts.append(hash_rows(arithmetic, arithmetic.concatenate(entering, 1)))
    if len(parts) == 1:
        return parts[0]
    queries = arithmetic.shape(parts[0])[0]
    tail = np.zeros((queries, RATE - DIGEST * len(parts) + DIGEST), dtype=np.uint64)
    tail[:, RATE - DIGEST * len(parts)] = Tag.JOIN
    return arithmetic.compress(arithmetic.concatenate([*parts, arithmetic.constant(tail)], 1))


def _children(arithmetic: Arithmetic[V], own: V, siblings: V, low: V, high: V) -> V:
    """Return the four children ``(queries, 16)``: own digest at position low + 2 high, siblings around it in order."""
    first, second, third = (arithmetic.take(siblings, (slice(None), place)) for place in range(3))
    choose = arithmetic.select
    children = [
        choose(high, first, choose(low, first, own)),
        choose(high, second, choose(low, own, first)),
        choose(high, choose(low, third, own), second),
        choose(high, choose(low, own, third), third),
    ]
    return arithmetic.concatenate(children, 1)
