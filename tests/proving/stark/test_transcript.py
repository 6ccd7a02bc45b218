from __future__ import annotations

import numpy as np
import pytest

from proving.hash import Tag, compress
from proving.stark.arithmetic import Words
from proving.stark.integers import IntegerArithmetic
from proving.stark.transcript import Transcript


def transcript() -> Transcript[Words]:
    return Transcript(IntegerArithmetic())


def words(*values: int) -> Words:
    return np.array(values, dtype=np.uint64)


def test_the_layout_is_the_documented_one() -> None:
    made = transcript()
    message = np.arange(100, 113, dtype=np.uint64)
    made.absorb(message)
    header = compress(words(Tag.TRANSCRIPT, 0, 0, 0, Tag.TRANSCRIPT, 13, *[0] * 10))
    first = compress(np.concatenate([header, words(*range(100, 112))]))
    second = compress(np.concatenate([first, words(112, *[0] * 11)]))
    outputs = [compress(np.concatenate([second, words(Tag.SQUEEZE, k, *[0] * 10)])) for k in range(3)]
    assert made.challenge().tolist() == outputs[0][:3].tolist()
    indices = [[int(output[0]) >> bit & 1 for bit in range(20)] for output in outputs[1:]]
    assert made.indices(2, 20).tolist() == indices


def test_a_full_block_is_not_padded_with_another() -> None:
    made = transcript()
    made.absorb(np.arange(12, dtype=np.uint64))
    header = compress(words(Tag.TRANSCRIPT, 0, 0, 0, Tag.TRANSCRIPT, 12, *[0] * 10))
    assert made.state.tolist() == compress(np.concatenate([header, words(*range(12))])).tolist()


def test_work_binds_the_state_and_the_nonce() -> None:
    made = transcript()
    made.absorb(words(1))
    state = made.state
    expected = compress(np.concatenate([state, words(Tag.GRIND, 77, *[0] * 10)]))
    made.work(words(77), 0)
    assert made.state.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ([[1, 2]], [[1], [2], [0]]),
        ([[1, 2]], [[1, 2, 0]]),
        ([[]], [[0]]),
        ([[1], [2]], [[2], [1]]),
        ([[1, 2, 3]], [[1], [2, 3]]),
        ([list(range(24))], [list(range(12)), list(range(12, 24))]),
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


def test_challenges_drawn_together_differ() -> None:
    made = transcript()
    made.absorb(words(5))
    drawn = {tuple(made.challenge().tolist()) for _ in range(20)}
    assert len(drawn) == 20
