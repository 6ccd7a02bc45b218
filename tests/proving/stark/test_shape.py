from __future__ import annotations

import pytest

from proving.stark.errors import ShapeRefused
from proving.stark.proof import proof_words
from proving.stark.shape import FINAL_LOG_LENGTH, Phase
from tests.proving.stark import toy


def test_folding_ends_at_the_final_length_for_every_height() -> None:
    layout = toy.key(log_bound=20).layout
    for log_height in range(8, 21):
        shape = layout.shape((log_height, 6, 7))
        assert shape.final_length <= 1 << FINAL_LOG_LENGTH
        assert shape.final_length << sum(shape.folds) == 1 << log_height
        assert shape.final_length << 3 > 1 << FINAL_LOG_LENGTH
        expected = [log_height + 2 - 3 * (i + 1) for i in range(len(shape.folds))]
        assert [layer.log_rows for layer in shape.layers] == expected


def test_openings_cover_every_column_once_and_leaves_with_next_rows_twice() -> None:
    shape = toy.key().layout.shape((8, 6, 7))
    here = {(g.phase, g.table): g.columns for g in shape.openings if not g.next}
    following = {(g.phase, g.table): g.columns for g in shape.openings if g.next}
    assert here[Phase.PREPROCESSED, 2] == 2
    assert here[Phase.MAIN, 0] == following[Phase.MAIN, 0] == 3
    assert here[Phase.QUOTIENT, None] == 3 * (toy.key().layout.degree - 1)
    assert {table for phase, table in following if phase is Phase.MAIN} == {0}
    assert {table for phase, table in following if phase is Phase.BUS} == {0, 1, 2}
    assert shape.opened == sum(group.columns for group in shape.openings)


def test_tables_of_one_height_are_one_leaf() -> None:
    shape = toy.key().layout.shape((7, 7, 7))
    leaf = next(leaf for leaf in shape.leaves if leaf.phase is Phase.MAIN)
    assert (leaf.matrices, leaf.next) == ((0, 1, 2), True)
    assert {g.table for g in shape.openings if g.next and g.phase is Phase.MAIN} == {0, 1, 2}


@pytest.mark.parametrize("heights", [(8, 6, 7), (7, 7, 7), (12, 10, 7)])
def test_the_powers_of_the_batching_challenge_are_horners_along_each_leafs_blocks(heights: tuple[int, ...]) -> None:
    shape = toy.key().layout.shape(heights)
    exponents = list(shape.exponents)
    assert len(exponents) == len(set(exponents)) == shape.opened
    assert max(exponents) < shape.batched
    start = position = 0
    for following in (False, True):
        for leaf in shape.leaves:
            if not following or leaf.next:
                first = start + leaf.padded - 1
                assert exponents[position : position + leaf.columns] == [first - i for i in range(leaf.columns)]
                start, position = start + leaf.padded, position + leaf.columns
    assert (start, position) == (shape.batched, shape.opened)


def test_the_quotient_has_as_many_blocks_as_the_degree_needs() -> None:
    assert toy.key().layout.shape((8, 6, 7)).quotient_chunks == toy.key().layout.degree - 1
    assert toy.key(log_blowup=4).layout.shape((8, 6, 7)).quotient_chunks < 2**4


def test_heights_outside_the_bounds_are_refused() -> None:
    layout = toy.key().layout
    for heights in [(5, 6, 7), (13, 6, 7), (8, 5, 7), (8, 11, 7), (8, 6, 6), (8, 6, 8), (8, 6), (8, 6, 7, 6)]:
        with pytest.raises(ShapeRefused):
            layout.shape(heights)


def test_the_length_of_a_proof_follows_from_its_shape() -> None:
    key, _, proof = toy.proof()
    shape = key.layout.shape((8, 6, 7))
    assert 8 * proof_words(shape, key.parameters(toy.QUICK)) == len(proof)


def test_trees_are_at_most_four() -> None:
    assert list(toy.key().layout.shape((8, 6, 7)).trees) == list(Phase)
