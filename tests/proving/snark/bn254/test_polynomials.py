from __future__ import annotations

import numpy as np
import pytest

from proving.snark.bn254 import polynomials
from proving.snark.bn254.field import FR
from tests.proving.snark.bn254.numbers import numbers

R = FR.modulus


def horner(coefficients: list[int], point: int) -> int:
    value = 0
    for coefficient in reversed(coefficients):
        value = (value * point + coefficient) % R
    return value


def test_roots_have_their_order() -> None:
    for log_order in range(polynomials.TWO_ADICITY + 1):
        root = polynomials.root_of_unity(log_order)
        assert pow(root, 1 << log_order, R) == 1
        assert log_order == 0 or pow(root, 1 << (log_order - 1), R) == R - 1
    with pytest.raises(ValueError, match="29"):
        polynomials.root_of_unity(29)


@pytest.mark.parametrize("shift", [1, polynomials.GENERATOR, R - 1])
@pytest.mark.parametrize("log_size", range(11))
def test_values_are_those_of_the_polynomial(log_size: int, shift: int, each_isa: str) -> None:
    size = 1 << log_size
    coefficients = numbers(FR, log_size, size)
    points = [shift * pow(polynomials.root_of_unity(log_size), i, R) % R for i in range(size)]
    values = polynomials.values(FR.encode(coefficients), log_size, shift)
    chosen = range(size) if size <= 64 else range(0, size, size // 16 + 1)
    assert [FR.decode(values[i])[0] for i in chosen] == [horner(coefficients, points[i]) for i in chosen]
    assert FR.decode(polynomials.coefficients(values, shift)) == coefficients


@pytest.mark.parametrize("count", [0, 1, 3, 8, 509, 512, 1000])
def test_missing_coefficients_are_zero(count: int, each_isa: str) -> None:
    coefficients = FR.encode(numbers(FR, 5, count))
    padded = np.zeros((1024, 4), dtype=np.uint64)
    padded[:count] = coefficients
    for shift in (1, 7):
        values = polynomials.values(coefficients, 10, shift)
        assert np.array_equal(values, polynomials.values(padded, 10, shift))


def test_largest_elements_stay_canonical(each_isa: str) -> None:
    size = 1 << 12
    values = polynomials.values(FR.encode([R - 1] * size), 12)
    assert FR.decode(values[0])[0] == -size % R
    assert not values[1:].any()
    FR.check(values)
    FR.check(polynomials.coefficients(FR.encode([R - 1] * size), 5))


def test_a_large_transform_comes_back() -> None:
    coefficients = FR.powers(FR.scalar(3**90), 1 << 17)
    for shift in (1, 5):
        values = polynomials.values(coefficients, 17, shift)
        point = shift * pow(polynomials.root_of_unity(17), 12345, R) % R
        assert FR.decode(values[12345])[0] == polynomials.evaluate(coefficients, point)
        assert np.array_equal(polynomials.coefficients(values, shift), coefficients)


@pytest.mark.parametrize("count", [0, 1, 2, 1000, 9000])
def test_division_by_a_linear_factor(count: int, each_isa: str) -> None:
    coefficients = numbers(FR, 6, count)
    for point in (0, 1, R - 1, 2**200 + 3):
        quotient, remainder = polynomials.divide_by_linear(FR.encode(coefficients), point)
        assert remainder == horner(coefficients, point) == polynomials.evaluate(FR.encode(coefficients), point)
        found = FR.decode(quotient)
        assert found[-1:] == [0] * min(count, 1)
        product = [(below - point * here) % R for below, here in zip([0, *found], found, strict=False)]
        assert [(a + b) % R for a, b in zip(product, [remainder] + [0] * count, strict=False)] == coefficients


def test_wrong_arguments_are_refused() -> None:
    two = FR.encode([1, 2])
    with pytest.raises(ValueError, match="do not fit"):
        polynomials.values(two, 0)
    with pytest.raises(ValueError, match="shift is not zero"):
        polynomials.values(two, 1, R)
    with pytest.raises(ValueError, match="not between 0 and 28"):
        polynomials.values(two, 29)
    for count in (0, 3):
        with pytest.raises(ValueError, match="power of two"):
            polynomials.coefficients(np.zeros((count, 4), dtype=np.uint64))
