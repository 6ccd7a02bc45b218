from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proving.field import extension, goldilocks
from proving.field.reference import arithmetic as reference
from tests.proving.elements import EDGES, PRIME, elements, random_elements

pytestmark = pytest.mark.usefixtures("each_isa")

per_isa = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
extension_elements = st.tuples(elements, elements, elements)


def test_base_operations_on_all_pairs_of_edges() -> None:
    left, right = np.array(list(itertools.product(EDGES, EDGES)), dtype=np.uint64).T
    pairs = [(int(a), int(b)) for a, b in zip(left, right, strict=True)]
    assert goldilocks.add(left, right).tolist() == [(a + b) % PRIME for a, b in pairs]
    assert goldilocks.subtract(left, right).tolist() == [(a - b) % PRIME for a, b in pairs]
    assert goldilocks.multiply(left, right).tolist() == [a * b % PRIME for a, b in pairs]


@per_isa
@given(st.lists(st.tuples(elements, elements), min_size=1, max_size=40))
def test_base_operations(pairs: list[tuple[int, int]]) -> None:
    left, right = np.array(pairs, dtype=np.uint64).T
    assert goldilocks.add(left, right).tolist() == [(a + b) % PRIME for a, b in pairs]
    assert goldilocks.subtract(left, right).tolist() == [(a - b) % PRIME for a, b in pairs]
    assert goldilocks.multiply(left, right).tolist() == [a * b % PRIME for a, b in pairs]


@per_isa
@given(st.lists(elements, min_size=1, max_size=20))
def test_inverses_and_negatives(values: list[int]) -> None:
    array = np.array(values, dtype=np.uint64)
    assert goldilocks.inverse(array).tolist() == [reference.inverse(a) for a in values]
    assert goldilocks.negate(array).tolist() == [-a % PRIME for a in values]


def test_inverses_of_more_elements_than_one_run_with_zeros_between() -> None:
    values = random_elements(3, 5000, edges=0.4)
    product = goldilocks.multiply(values, goldilocks.inverse(values))
    assert np.array_equal(product, (values != 0).astype(np.uint64))


@per_isa
@given(st.lists(st.tuples(extension_elements, extension_elements), min_size=1, max_size=12))
def test_extension_operations(pairs: list[tuple[reference.Ext, reference.Ext]]) -> None:
    left, right = (np.array([pair[side] for pair in pairs], dtype=np.uint64) for side in (0, 1))

    def as_tuples(array: np.ndarray) -> list[tuple[int, ...]]:
        return [tuple(row) for row in array.tolist()]

    assert as_tuples(extension.add(left, right)) == [reference.ext_add(a, b) for a, b in pairs]
    assert as_tuples(extension.subtract(left, right)) == [reference.ext_sub(a, b) for a, b in pairs]
    assert as_tuples(extension.multiply(left, right)) == [reference.ext_mul(a, b) for a, b in pairs]
    assert as_tuples(extension.inverse(left)) == [reference.ext_inverse(a) for a, _ in pairs]
    assert as_tuples(extension.power(left, 11)) == [reference.ext_pow(a, 11) for a, _ in pairs]


def test_extension_is_a_field_of_the_stated_polynomial() -> None:
    x = np.array([0, 1, 0], dtype=np.uint64)
    cube = extension.power(x, 3)
    assert cube.tolist() == extension.add(x, extension.constant(1)).tolist()


def test_powers() -> None:
    base = random_elements(1, 3)
    powers = extension.powers(base, 11)
    assert powers.shape == (11, 3)
    for k in range(11):
        assert tuple(powers[k].tolist()) == reference.ext_pow(tuple(base.tolist()), k)


def test_broadcasting_and_scaling() -> None:
    values = random_elements(4, 6, 3)
    factor = random_elements(5, 6)
    assert np.array_equal(extension.scale(values, factor), extension.multiply(values, extension.embed(factor)))
    assert np.array_equal(goldilocks.multiply(values, np.array(1, dtype=np.uint64)), values)


def test_integers_become_elements() -> None:
    assert goldilocks.elements([-1, PRIME, 2**70]).tolist() == [PRIME - 1, 0, 2**70 % PRIME]
    assert goldilocks.elements(np.array([2**64 - 1], dtype=np.uint64)).tolist() == [2**32 - 2]
    assert not goldilocks.is_canonical(np.array([PRIME], dtype=np.uint64))
    assert goldilocks.is_canonical(np.array([PRIME - 1], dtype=np.uint64))


def test_roots_of_unity_have_their_order() -> None:
    for log_order in (0, 1, 5, 32):
        root = goldilocks.root_of_unity(log_order)
        assert pow(root, 1 << log_order, PRIME) == 1
        assert log_order == 0 or pow(root, 1 << (log_order - 1), PRIME) == PRIME - 1
    with pytest.raises(ValueError, match="log order"):
        goldilocks.root_of_unity(33)


def test_coset_shifts_are_squares_of_each_other() -> None:
    for log_height in range(24):
        assert goldilocks.coset_shift(log_height) == pow(goldilocks.coset_shift(log_height + 1), 2, PRIME)
    assert goldilocks.coset_shift(24) == 7
    with pytest.raises(ValueError, match="log height"):
        goldilocks.coset_shift(25)
