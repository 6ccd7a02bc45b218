from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from proving.backend.native import NativeBackend
from proving.hash import Tag, compress, hash_rows
from proving.hash.reference import merkle as reference
from tests.proving.elements import random_elements

pytestmark = pytest.mark.usefixtures("each_isa")

BACKEND = NativeBackend()

#: (columns, log rows) of the matrices, and the cap's logarithm.
SHAPES = [
    ([(3, 4)], 0),
    ([(13, 5)], 1),
    ([(2, 4), (30, 3)], 0),
    ([(5, 3), (4, 6), (1, 5), (12, 6)], 1),
    ([(2, 7), (3, 6), (4, 5), (5, 4)], 2),
    ([(2, 2)], 4),
    ([(1, 3), (2, 3), (1, 2)], 3),
]


def matrices_of(shapes: list[tuple[int, int]]) -> list[npt.NDArray[np.uint64]]:
    return [random_elements(10 * k, columns, 1 << log_rows) for k, (columns, log_rows) in enumerate(shapes)]


def as_lists(matrices: list[npt.NDArray[np.uint64]]) -> list[list[list[int]]]:
    return [[[int(x) for x in column] for column in matrix] for matrix in matrices]


@pytest.mark.parametrize(("shapes", "cap_log"), SHAPES)
def test_cap_rows_and_paths_equal_the_reference(shapes: list[tuple[int, int]], cap_log: int) -> None:
    matrices = matrices_of(shapes)
    tallest = max(log_rows for _, log_rows in shapes)
    levels = reference.build_tree(as_lists(matrices), cap_log)
    tree = BACKEND.commit(matrices, cap_log)
    assert tree.cap.tolist() == levels[-1]
    indices = np.array([0, 1, (1 << tallest) - 1, (1 << tallest) // 3])
    opening = tree.open(indices)
    for query, index in enumerate(indices):
        assert opening.path[query].tolist() == reference.open_path(levels, int(index))
        for matrix, rows, (_, log_rows) in zip(matrices, opening.rows, shapes, strict=True):
            assert rows[query].tolist() == matrix[:, index >> (tallest - log_rows)].tolist()


def root_of_opening(rows: npt.NDArray[np.uint64], path: npt.NDArray[np.uint64], index: int) -> list[int]:
    """Walk one opening of a tree over one matrix up to the cap."""
    digest = hash_rows(Tag.LEAF, rows[np.newaxis, :])[0]
    for siblings in path:
        children = np.insert(siblings, index % 4, digest, axis=0)
        digest = compress(children.reshape(16))
        index //= 4
    return [int(x) for x in digest]


def test_an_opening_leads_to_the_cap_and_a_changed_one_does_not() -> None:
    matrix = random_elements(1, 14, 256)
    tree = BACKEND.commit([matrix], 2)
    opening = tree.open(np.array([77]))
    rows, path = opening.rows[0][0], opening.path[0]
    expected = tree.cap[77 >> 6].tolist()
    assert root_of_opening(rows, path, 77) == expected
    assert root_of_opening(rows, path, 76) != expected
    assert root_of_opening(rows, path[:, ::-1], 77) != expected
    for changed in range(len(rows)):
        forged = rows.copy()
        forged[changed] ^= np.uint64(1)
        assert root_of_opening(forged, path, 77) != expected
    for level, sibling, lane in np.ndindex(path.shape):
        forged = path.copy()
        forged[level, sibling, lane] ^= np.uint64(1)
        assert root_of_opening(rows, forged, 77) != expected


def test_columns_do_not_move_between_matrices() -> None:
    matrices = matrices_of([(4, 4), (4, 3)])
    caps = {
        tuple(BACKEND.commit(parts, 0).cap.ravel().tolist())
        for parts in (matrices, [matrices[0][:3], matrices[1]], [matrices[0], matrices[1][:3]], [matrices[0]])
    }
    assert len(caps) == 4


def test_impossible_trees_and_openings_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        BACKEND.commit([], 0)
    with pytest.raises(ValueError, match="does not reach"):
        BACKEND.commit(matrices_of([(1, 6), (1, 2)]), 4)
    tree = BACKEND.commit(matrices_of([(1, 4)]), 0)
    for bad in (16, -1):
        with pytest.raises(ValueError, match="indices"):
            tree.open(np.array([bad]))


@pytest.mark.parametrize("bits", [0, 1, 5, 8])
def test_grinding_finds_the_smallest_nonce(bits: int) -> None:
    state = random_elements(bits, 4)
    assert BACKEND.grind(state, bits) == reference.grind([int(x) for x in state], bits)
