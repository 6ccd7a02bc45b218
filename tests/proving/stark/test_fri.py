from __future__ import annotations

import numpy as np
import pytest

from proving.backend.interface import coset_shift
from proving.field.goldilocks import PRIME
from proving.stark import fri
from proving.stark.integers import IntegerArithmetic
from tests.proving.stark import toy

INTEGERS = IntegerArithmetic()


def layer(log_length: int, log_blowup: int) -> tuple[np.ndarray, np.ndarray, int]:  # type: ignore[type-arg]
    """Coefficients and values of a random polynomial on the coset of its height."""
    coefficients = np.random.default_rng(5).integers(0, PRIME, (3, 1 << log_length), dtype=np.uint64)
    shift = coset_shift(log_length)
    return coefficients, toy.backend().coset_evaluate(coefficients, log_blowup, shift), shift


def test_points_are_those_of_the_bit_reversed_coset() -> None:
    log_size, shift = 6, coset_shift(6)
    identity = np.zeros((1, 1 << log_size), dtype=np.uint64)
    identity[0, 1] = 1
    expected = toy.backend().coset_evaluate(identity, 0, shift)[0]
    bits = INTEGERS.bits(np.arange(1 << log_size, dtype=np.uint64), log_size)
    points = fri.domain_points(INTEGERS, bits, shift)
    assert np.array_equal(points, expected)


@pytest.mark.parametrize("log_arity", [1, 2, 3])
def test_a_folded_row_is_the_folded_layer(log_arity: int) -> None:
    _, values, shift = layer(5, 2)
    beta = np.array([3, 1, 4], dtype=np.uint64)
    backend = toy.backend()
    rows = np.ascontiguousarray(backend.group(values, log_arity).T)
    expected = backend.fold(values, beta, log_arity, shift).T
    for within in range(1 << log_arity):
        indices = (np.arange(rows.shape[0], dtype=np.uint64) << np.uint64(log_arity)) + np.uint64(within)
        bits = INTEGERS.bits(indices, 7)
        inverse = INTEGERS.inverse(fri.domain_points(INTEGERS, bits, shift))
        picked, folded = INTEGERS.fold(rows, inverse, bits[:, :log_arity], beta)
        assert np.array_equal(folded, expected)
        assert np.array_equal(picked, rows[:, 3 * within : 3 * within + 3])


def test_the_final_polynomial_is_evaluated_at_its_points() -> None:
    coefficients, values, shift = layer(4, 1)
    bits = INTEGERS.bits(np.arange(32, dtype=np.uint64), 5)
    points = fri.domain_points(INTEGERS, bits, shift)
    final = np.ascontiguousarray(coefficients.T)
    assert np.array_equal(fri.evaluate_final(INTEGERS, final, points), values.T)
