from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proving.snark.bn254.field import FR, Elements, Field, NotCanonical
from runtime.errors import InvalidInput
from tests.proving.snark.bn254.numbers import FIELDS, edges, elements, numbers

both = pytest.mark.parametrize("field", FIELDS, ids=str)


@both
def test_arithmetic_is_that_of_integers(field: Field, each_isa: str) -> None:
    special = edges(field)
    left = [a for a in special for _ in special] + numbers(field, 1, 3001)
    right = [b for _ in special for b in special] + numbers(field, 2, 3001)
    a, b, p = field.encode(left), field.encode(right), field.modulus
    assert field.decode(field.add(a, b)) == [(x + y) % p for x, y in zip(left, right, strict=True)]
    assert field.decode(field.subtract(a, b)) == [(x - y) % p for x, y in zip(left, right, strict=True)]
    assert field.decode(field.multiply(a, b)) == [x * y % p for x, y in zip(left, right, strict=True)]
    assert field.decode(field.negate(a)) == [-x % p for x in left]
    assert field.decode(field.inverse(a)) == [pow(x, -1, p) if x else 0 for x in left]


@both
def test_elements_are_canonical_in_montgomery_form(field: Field) -> None:
    values = edges(field)
    for value, limbs in zip(values, field.encode(values).tolist(), strict=True):
        stored = sum(limb << (64 * i) for i, limb in enumerate(limbs))
        assert stored == value * 2**256 % field.modulus


@both
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_conversions_come_back(field: Field, data: st.DataObject) -> None:
    values = data.draw(st.lists(elements(field), max_size=20))
    array = field.encode(values)
    assert field.decode(array) == values
    assert np.array_equal(field.from_limbs(field.to_limbs(array)), array)
    assert field.to_bytes(array) == b"".join(value.to_bytes(32, "big") for value in values)
    assert np.array_equal(field.from_bytes(field.to_bytes(array)), array)


@both
@pytest.mark.parametrize("excess", [0, 1, 2**256 - 1])
def test_numbers_not_below_the_modulus_are_refused(field: Field, excess: int) -> None:
    wrong = min(field.modulus + excess, 2**256 - 1)
    with pytest.raises(NotCanonical, match=f"{wrong:#x}"):
        field.encode([1, wrong])
    limbs = np.array([[1, 0, 0, 0], [wrong >> (64 * i) & (2**64 - 1) for i in range(4)]], dtype=np.uint64)
    with pytest.raises(NotCanonical, match="number 1 is"):
        field.from_limbs(limbs)
    with pytest.raises(NotCanonical, match="number 2 is"):
        field.from_bytes(bytes(64) + wrong.to_bytes(32, "big"))


@both
def test_negative_integers_and_odd_lengths_are_refused(field: Field) -> None:
    with pytest.raises(NotCanonical):
        field.encode([-1])
    with pytest.raises(InvalidInput, match="33 bytes"):
        field.from_bytes(bytes(33))


def test_one_element_goes_with_any_shape(each_isa: str) -> None:
    values = numbers(FR, 3, 24)
    array, three = FR.encode(values).reshape(2, 12, 4), FR.scalar(3)

    def flat(result: Elements) -> list[int]:
        assert result.shape == array.shape
        return FR.decode(result.reshape(-1, 4))

    assert flat(FR.multiply(array, three)) == [3 * value % FR.modulus for value in values]
    assert flat(FR.subtract(three, array)) == [(3 - value) % FR.modulus for value in values]
    with pytest.raises(ValueError, match="neither is one element"):
        FR.add(array, array[0])


def test_words_become_elements(each_isa: str) -> None:
    words = np.array([[0, 1], [2**64 - 1, 2**63]], dtype=np.uint64)
    array = FR.from_u64(words)
    assert array.shape == (2, 2, 4)
    assert FR.decode(array.reshape(-1, 4)) == words.ravel().tolist()


@pytest.mark.parametrize("count", [0, 1, 5, 1024, 5000])
def test_powers_and_prefix_products(count: int, each_isa: str) -> None:
    base, first = 2**200 + 7, 2**128 + 1
    expected = [first * pow(base, i, FR.modulus) % FR.modulus for i in range(count)]
    powers = FR.powers(FR.scalar(base), count, FR.scalar(first))
    assert FR.decode(powers) == expected
    assert FR.decode(FR.powers(FR.scalar(base), count)) == [pow(base, i, FR.modulus) for i in range(count)]
    values = numbers(FR, 4, count)
    values = [value or 1 for value in values]
    found = FR.decode(FR.prefix_products(FR.encode(values)))
    assert found[:10] == [math.prod(values[:i]) % FR.modulus for i in range(min(10, count))]
    assert all((a * v - b) % FR.modulus == 0 for a, v, b in zip(found, values, found[1:], strict=False))
