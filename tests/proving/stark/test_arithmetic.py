from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proving.field.goldilocks import PRIME
from proving.stark.arithmetic import Words
from proving.stark.errors import ChallengeRefused, DivisionByZero, FoldRefused
from proving.stark.integers import IntegerArithmetic

INTEGERS = IntegerArithmetic()
elements: st.SearchStrategy[int] = st.integers(0, PRIME - 1) | st.sampled_from([0, 1, 2**32 - 1, 2**32, PRIME - 1])


def fours(of: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(of, min_size=4, max_size=4)


def words(values: object) -> Words:
    return np.array(values, dtype=np.uint64)


def multiply(a: list[int], b: list[int]) -> list[int]:
    """Schoolbook product mod x^3 - x - 1."""
    product = [0] * 5
    for i in range(3):
        for j in range(3):
            product[i + j] += a[i] * b[j]
    for degree in (4, 3):
        product[degree - 2] += product[degree]
        product[degree - 3] += product[degree]
    return [value % PRIME for value in product[:3]]


@given(st.lists(st.lists(elements, min_size=2, max_size=2), min_size=1, max_size=40))
def test_sums_do_not_overflow(rows: list[list[int]]) -> None:
    expected = [sum(column) % PRIME for column in zip(*rows, strict=True)]
    assert INTEGERS.sum(words(rows), 0).tolist() == expected


@given(fours(elements), fours(st.lists(elements, min_size=3, max_size=3)))
def test_combine_is_the_weighted_sum(row: list[int], weights: list[list[int]]) -> None:
    expected = [sum(v * w[part] for v, w in zip(row, weights, strict=True)) % PRIME for part in range(3)]
    assert INTEGERS.ext_combine(words([row]), words(weights)).tolist() == [expected]


@given(st.lists(elements, min_size=3, max_size=3), st.integers(1, 20))
def test_powers_start_at_one(base: list[int], count: int) -> None:
    expected = [[1, 0, 0]]
    while len(expected) < count:
        expected.append(multiply(expected[-1], base))
    assert INTEGERS.ext_powers(words(base), count).tolist() == expected


@given(elements, st.integers(1, 64))
def test_bits_spell_the_canonical_value(value: int, count: int) -> None:
    bits = INTEGERS.bits(words([value]), count)[0].tolist()
    assert sum(bit << place for place, bit in enumerate(bits)) == value % (1 << count)


def test_lookup_reads_the_row_that_the_bits_spell() -> None:
    table = np.arange(16, dtype=np.uint64).reshape(8, 2)
    bits = words([[1, 0, 1], [0, 0, 0], [1, 1, 1]])
    assert INTEGERS.lookup(table, bits).tolist() == table[[5, 0, 7]].tolist()


def test_a_zero_is_not_inverted() -> None:
    with pytest.raises(DivisionByZero):
        INTEGERS.ext_inverse(words([[1, 0, 0], [0, 0, 0]]))
    with pytest.raises(ChallengeRefused):
        INTEGERS.ext_inverse(words([0, 0, 0]), ChallengeRefused)


def test_inverses_multiply_to_one() -> None:
    value = words([[3, 1, 4], [0, 0, 7]])
    assert INTEGERS.ext_multiply(value, INTEGERS.ext_inverse(value)).tolist() == [[1, 0, 0]] * 2


def test_a_difference_is_refused_with_both_sides() -> None:
    with pytest.raises(FoldRefused, match="expected 7, got 8") as caught:
        INTEGERS.require_equal(words([[1, 8]]), words([1, 7]), FoldRefused)
    assert (caught.value.expected, caught.value.got) == (7, 8)
