from __future__ import annotations

import pytest

from proving.stark.errors import ShapeRefused
from proving.stark.proof import outline, proof_words
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


def test_openings_cover_every_column_once_and_next_rows_where_used() -> None:
    shape = toy.key().layout.shape((8, 6, 7))
    here = {(g.phase, g.table): g.columns for g in shape.openings if not g.next}
    following = {(g.phase, g.table): g.columns for g in shape.openings if g.next}
    assert here[Phase.PREPROCESSED, 2] == (0, 1)
    assert here[Phase.MAIN, 0] == (0, 1, 2)
    assert here[Phase.QUOTIENT, None] == tuple(range(12))
    assert following[Phase.MAIN, 0] == (0, 1)
    assert {table for phase, table in following if phase is Phase.BUS} == {0, 1, 2}
    assert all(len(columns) == 3 for (phase, _), columns in following.items() if phase is Phase.BUS)
    assert shape.opened == sum(len(group.columns) for group in shape.openings)


def test_heights_outside_the_bounds_are_refused() -> None:
    layout = toy.key().layout
    for heights in [(5, 6, 7), (13, 6, 7), (8, 5, 7), (8, 11, 7), (8, 6, 6), (8, 6, 8), (8, 6), (8, 6, 7, 6)]:
        with pytest.raises(ShapeRefused):
            layout.shape(heights)


def test_the_length_of_a_proof_follows_from_its_shape() -> None:
    key, _, proof = toy.proof()
    shape = key.layout.shape((8, 6, 7))
    assert 8 * proof_words(shape, key.parameters(toy.QUICK)) == len(proof)


def test_the_outline_of_a_proof_adds_up_to_its_bytes() -> None:
    key, _, proof = toy.proof()
    sizes = outline(key.layout, key.parameters(toy.QUICK), proof)
    assert sum(sizes.values()) == len(proof)
    assert sizes["query nonce"] == 8
    assert sizes["bus sums"] == 3 * 3 * 8


def test_trees_are_at_most_four() -> None:
    assert list(toy.key().layout.shape((8, 6, 7)).trees) == list(Phase)
