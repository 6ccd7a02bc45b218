"""Openings of mixed-height Merkle trees, checked over any arithmetic, all queries at once.

A tree commits to matrices whose rows are evaluations in bit-reversed order. Its levels have 2^L, 2^(L-2), ... nodes, L
the log rows of the tallest matrix; a matrix joins at the level of its size, or at the level of twice its size where
each of its rows is written under two nodes. Nothing forces the two copies to agree: to the protocol a matrix is a word
on the whole index space of its level, and the DEEP quotient on the table's own domain is what shows it to be a lifted
polynomial (``docs/security.md``, "Lifting").
"""

from __future__ import annotations

from collections.abc import Mapping

from proving.stark.arithmetic import Arithmetic, V
from proving.stark.errors import OpeningRefused
from proving.stark.proof import TreeOpening
from proving.stark.shape import TreeShape


def leaf_rows(arithmetic: Arithmetic[V], tree: TreeShape, opening: TreeOpening[V], log_rows: int) -> V:
    """Return the rows of all matrices of one height side by side, ``(queries, columns)``: one message a query."""
    rows = [row for row, matrix in zip(opening.rows, tree.matrices, strict=True) if matrix.log_rows == log_rows]
    return rows[0] if len(rows) == 1 else arithmetic.concatenate(rows, 1)


def check_opening(
    arithmetic: Arithmetic[V], tree: TreeShape, cap: V, leaves: Mapping[int, V], path: V, index_bits: V
) -> None:
    """Refuse unless the leaves are those that the cap commits to at the indices.

    Parameters
    ----------
    tree
        The tree's shape.
    cap
        Digests ``(2^log_cap,)``.
    leaves
        By the log rows of their matrices: the digests ``(queries,)`` of :func:`leaf_rows`.
    path
        Digests ``(queries, depth, 3)``: the siblings, level by level.
    index_bits
        ``(queries, log_rows)``, lowest first: the row of the tallest matrix.

    Raises
    ------
    OpeningRefused
        A path does not end in the cap.
    """
    digests = _level(arithmetic, tree, leaves, 0, None)
    for level in range(1, tree.depth + 1):
        digits = arithmetic.take(index_bits, (slice(None), slice(2 * level - 2, 2 * level)))
        node = arithmetic.climb(digests, arithmetic.take(path, (slice(None), level - 1)), digits)
        digests = _level(arithmetic, tree, leaves, level, node)
    place = arithmetic.take(index_bits, (slice(None), slice(2 * tree.depth, tree.log_rows)))
    arithmetic.require_equal(digests, arithmetic.lookup(cap, place), OpeningRefused)


def _level(arithmetic: Arithmetic[V], tree: TreeShape, leaves: Mapping[int, V], level: int, node: V | None) -> V:
    """Return the digests of a level: the node over the children, joined by the leaves that enter here."""
    log_size = tree.log_rows - 2 * level
    parts = [] if node is None else [node]
    parts += [leaves[log_rows] for log_rows in (log_size, log_size - 1) if log_rows in leaves]
    return parts[0] if len(parts) == 1 else arithmetic.join(parts)
