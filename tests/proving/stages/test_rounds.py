"""The rounds of a batch cover every segment once, in order, and no deeper than they must."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proving.stages.rounds import Round, Step, tree
from proving.stages.statement import MAX_SEGMENTS

SEGMENTS = st.one_of(st.integers(1, 40), st.integers(1, 700), st.sampled_from([256, 257, 511, 512, 513]))


def covered(steps: list[Step], place: int) -> list[int]:
    """The segments below a step, from left to right."""
    step = steps[place]
    if step.round is Round.BASIC:
        return [step.index]
    return [segment for child in step.children for segment in covered(steps, child)]


@given(SEGMENTS)
def test_every_segment_is_covered_once_in_order(segments: int) -> None:
    steps = tree(segments)
    assert covered(steps, len(steps) - 1) == list(range(segments))


@given(SEGMENTS)
def test_every_proof_is_verified_once_and_made_before(segments: int) -> None:
    steps = tree(segments)
    used = Counter(child for step in steps for child in step.children)
    assert used == Counter(range(len(steps) - 1))
    assert all(child < place for place, step in enumerate(steps) for child in step.children)


@given(SEGMENTS)
def test_each_round_verifies_the_rounds_that_it_may(segments: int) -> None:
    steps = tree(segments)
    below = {
        Round.BASIC: [],
        Round.LEAF: [{Round.BASIC}],
        Round.NODE: [{Round.LEAF, Round.NODE}] * 2,
        Round.TIP: [{Round.LEAF, Round.NODE}],
        Round.SCHEDULER: [{Round.TIP}],
    }
    for step in steps:
        assert len(step.children) == len(below[step.round])
        for child, allowed in zip(step.children, below[step.round], strict=True):
            assert steps[child].round in allowed
            assert steps[child].depth < max(step.depth, 1) or step.round is Round.TIP
    counts = Counter(step.round for step in steps)
    wanted = {Round.BASIC: segments, Round.LEAF: segments, Round.NODE: segments - 1, Round.TIP: 1, Round.SCHEDULER: 1}
    assert counts == Counter(wanted)


@given(SEGMENTS)
def test_places_are_counted_and_the_depth_is_the_least(segments: int) -> None:
    steps = tree(segments)
    places: dict[tuple[Round, int], list[int]] = {}
    for step in steps:
        places.setdefault((step.round, step.depth), []).append(step.index)
    assert all(found == list(range(len(found))) for found in places.values())
    depths = {step.depth for step in steps if step.round is Round.NODE}
    assert depths == set(range(1, (segments - 1).bit_length() + 1))
    assert all(step.depth == 0 for step in steps if step.round is not Round.NODE)


def test_one_segment_needs_no_node() -> None:
    assert tree(1) == [
        Step(Round.BASIC, 0, 0),
        Step(Round.LEAF, 0, 0, (0,)),
        Step(Round.TIP, 0, 0, (1,), ""),
        Step(Round.SCHEDULER, 0, 0, (2,), ""),
    ]


def test_a_type_that_occurs_is_joined_on_its_own_and_tied_after_the_tip() -> None:
    assert tree(1, {"a": 2, "b": 1}) == [
        Step(Round.BASIC, 0, 0),
        Step(Round.LEAF, 0, 0, (0,)),
        Step(Round.BASIC, 0, 0, (), "a"),
        Step(Round.BASIC, 0, 1, (), "a"),
        Step(Round.LEAF, 0, 0, (2,), "a"),
        Step(Round.LEAF, 0, 1, (3,), "a"),
        Step(Round.NODE, 1, 0, (4, 5), "a"),
        Step(Round.BASIC, 0, 0, (), "b"),
        Step(Round.LEAF, 0, 0, (7,), "b"),
        Step(Round.TIP, 0, 0, (1,), ""),
        Step(Round.TIP, 1, 0, (9, 6), ""),
        Step(Round.TIP, 2, 0, (10, 8), ""),
        Step(Round.SCHEDULER, 0, 0, (11,), ""),
    ]


def test_a_type_that_occurs_has_a_proof() -> None:
    with pytest.raises(ValueError, match="one proof or more"):
        tree(1, {"a": 0})


def test_an_odd_one_moves_up_as_it_is() -> None:
    nodes = [(step.depth, step.index, step.children) for step in tree(5) if step.round is Round.NODE]
    assert nodes == [(1, 0, (5, 6)), (1, 1, (7, 8)), (2, 0, (10, 11)), (3, 0, (12, 9))]


def test_the_largest_batch_is_a_list_of_three_proofs_a_segment() -> None:
    assert len(tree(MAX_SEGMENTS)) == 3 * MAX_SEGMENTS + 1


@pytest.mark.parametrize("segments", [0, -1])
def test_no_segment_is_no_batch(segments: int) -> None:
    with pytest.raises(ValueError, match="one segment"):
        tree(segments)
