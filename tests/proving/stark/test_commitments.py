from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from proving.field.goldilocks import PRIME
from proving.stark import commitments
from proving.stark.errors import OpeningRefused
from proving.stark.integers import IntegerArithmetic
from proving.stark.proof import TreeOpening
from proving.stark.shape import Matrix, TreeShape
from tests.proving.stark import toy

INTEGERS = IntegerArithmetic()
#: (columns, log rows) of the matrices, and the cap: every parity of levels, shared levels, a tree that is its cap.
TREES = [
    ([(3, 8)], 4),
    ([(3, 9)], 4),
    ([(1, 8), (13, 8), (12, 7), (2, 6), (30, 5)], 3),
    ([(5, 9), (1, 8), (2, 8), (24, 7), (4, 7)], 4),
    ([(3, 4)], 5),
    ([(3, 6), (3, 5)], 6),
]


def opened(matrices: list[tuple[int, int]], cap_log: int) -> tuple[TreeShape, np.ndarray, TreeOpening, np.ndarray]:  # type: ignore[type-arg]
    random = np.random.default_rng(3)
    values = [random.integers(0, PRIME, (columns, 1 << rows), dtype=np.uint64) for columns, rows in matrices]
    tree = toy.backend().commit(values, cap_log)
    shape = TreeShape(tuple(Matrix(None, columns, rows) for columns, rows in matrices), cap_log)
    indices = random.integers(0, 1 << shape.log_rows, 40, dtype=np.uint64)
    opening = tree.open(indices)
    for matrix, rows in zip(values, opening.rows, strict=True):
        place = indices >> np.uint64(shape.log_rows - matrix.shape[1].bit_length() + 1)
        assert np.array_equal(rows, matrix[:, place.astype(np.int64)].T)
    bits = INTEGERS.bits(indices, shape.log_rows)
    return shape, np.asarray(tree.cap), TreeOpening(tuple(opening.rows), opening.path), bits


def check(shape: TreeShape, cap: np.ndarray, opening: TreeOpening, bits: np.ndarray) -> None:  # type: ignore[type-arg]
    heights = {matrix.log_rows for matrix in shape.matrices}
    leaves = {log: INTEGERS.hash_rows(commitments.leaf_rows(INTEGERS, shape, opening, log)) for log in heights}
    commitments.check_opening(INTEGERS, shape, cap, leaves, opening.path, bits)


@pytest.mark.parametrize(("matrices", "cap_log"), TREES)
def test_honest_openings_lead_to_the_cap(matrices: list[tuple[int, int]], cap_log: int) -> None:
    shape, cap, opening, bits = opened(matrices, cap_log)
    assert cap.shape == (1 << shape.log_cap, 4)
    assert opening.path.shape == (40, shape.depth, 3, 4)
    check(shape, cap, opening, bits)


@pytest.mark.parametrize(("matrices", "cap_log"), TREES)
def test_every_changed_row_sibling_and_index_is_refused(matrices: list[tuple[int, int]], cap_log: int) -> None:
    shape, cap, opening, bits = opened(matrices, cap_log)
    for number in range(len(matrices)):
        rows = [row.copy() for row in opening.rows]
        rows[number][17, -1] ^= np.uint64(1)
        with pytest.raises(OpeningRefused):
            check(shape, cap, dataclasses.replace(opening, rows=tuple(rows)), bits)
    for level in range(shape.depth):
        path = opening.path.copy()
        path[5, level, 2, 3] ^= np.uint64(1)
        with pytest.raises(OpeningRefused):
            check(shape, cap, dataclasses.replace(opening, path=path), bits)
    for bit in range(shape.log_rows):
        other = bits.copy()
        other[9, bit] ^= np.uint64(1)
        with pytest.raises(OpeningRefused):
            check(shape, cap, opening, other)
