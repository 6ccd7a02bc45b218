from __future__ import annotations

import numpy as np
import pytest

from proving.hash import Tag, compress
from proving.stark.arithmetic import IntegerArithmetic, Words
from proving.stark.transcript import Transcript


def transcript() -> Transcript[Words]:
    return Transcript(IntegerArithmetic())


def words(*values: int) -> Words:
    return np.array(values, dtype=np.uint64)


def test_the_layout_is_the_documented_one() -> None:
    made = transcript()
    message = np.arange(100, 113, dtype=np.uint64)
    made.absorb(message)
    first = compress(words(Tag.TRANSCRIPT, 0, 0, 0, Tag.TRANSCRIPT, 13, *range(100, 110)))
    second = compress(np.concatenate([first, words(110, 111, 112, *[0] * 9)]))
    output = compress(np.concatenate([second, words(Tag.SQUEEZE, 0, *[0] * 10)]))
    assert made.challenge().tolist() == output[:3].tolist()
    following = compress(np.concatenate([second, words(Tag.SQUEEZE, 1, *[0] * 10)]))
    assert made.elements(4).tolist() == following.tolist()


def test_a_full_block_is_not_padded_with_another() -> None:
    made = transcript()
    made.absorb(np.arange(10, dtype=np.uint64))
    state = compress(words(Tag.TRANSCRIPT, 0, 0, 0, Tag.TRANSCRIPT, 10, *range(10)))
    assert made.ground_state().tolist() == state.tolist()


def test_work_binds_the_state_and_the_nonce() -> None:
    made = transcript()
    made.absorb(words(1))
    state = made.ground_state()
    expected = compress(np.concatenate([state, words(Tag.GRIND, 77, *[0] * 10)]))
    assert made.work(words(77)).tolist() == expected[:1].tolist()


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ([[1, 2]], [[1], [2], [0]]),
        ([[1, 2]], [[1, 2, 0]]),
        ([[]], [[0]]),
        ([[1], [2]], [[2], [1]]),
        ([list(range(10))], [[*range(10), 0]]),
    ],
)
def test_different_messages_give_different_challenges(left: list[list[int]], right: list[list[int]]) -> None:
    outputs = []
    for parts in (left, right):
        made = transcript()
        for part in parts:
            made.absorb(words(*part))
        outputs.append(made.challenge().tolist())
    assert outputs[0] != outputs[1]


def test_the_cut_into_calls_does_not_matter_but_challenges_between_do() -> None:
    whole, cut, apart = transcript(), transcript(), transcript()
    whole.absorb(words(1, 2, 3))
    cut.absorb(words(1))
    cut.absorb(words(2, 3))
    apart.absorb(words(1))
    apart.challenge()
    apart.absorb(words(2, 3))
    first = whole.challenge().tolist()
    assert first == cut.challenge().tolist()
    assert first != apart.challenge().tolist()


def test_challenges_drawn_together_differ() -> None:
    made = transcript()
    made.absorb(words(5))
    drawn = {tuple(made.challenge().tolist()) for _ in range(20)}
    assert len(drawn) == 20
