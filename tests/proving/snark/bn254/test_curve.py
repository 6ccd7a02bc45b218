from __future__ import annotations

import random
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proving.snark.bn254 import curve
from proving.snark.bn254.curve import NotOnCurve, Points
from proving.snark.bn254.field import FQ, FR, NotCanonical
from runtime.errors import InvalidInput
from tests.proving.snark.bn254 import numbers
from tests.proving.snark.bn254.numbers import INFINITY, G, Pair

R = FR.modulus
#: Logarithms of points that meet in additions: equal ones, opposite ones, infinity.
LOGARITHMS = (0, 1, R - 1, 2, 3, R - 3, 5, 2**127, 2**200 + 9)


@cache
def point(logarithm: int) -> Pair:
    return numbers.multiply(G, logarithm)


def one(points: Points) -> Pair:
    return curve.decode(points.reshape(1, 8))[0]


def multiples(logarithms: list[int]) -> Points:
    return curve.multiply_base(curve.encode([G])[0], FR.encode(logarithms))


def test_sums_are_those_of_the_group(each_isa: str) -> None:
    pairs = [(a, b) for a in LOGARITHMS for b in LOGARITHMS]
    left, right = (curve.encode(point(pair[side]) for pair in pairs) for side in (0, 1))
    assert curve.decode(curve.add(left, right)) == [numbers.add(point(a), point(b)) for a, b in pairs]
    assert curve.decode(curve.negate(left)) == [point(-a % R) for a, _ in pairs]


def test_multiples_are_those_of_the_group(each_isa: str) -> None:
    scalars = [0, 1, 2, 255, 256, 2**128, R - 1, R - 2, *numbers.numbers(FR, 1, 10)]
    expected = [point(scalar) for scalar in scalars]
    assert curve.decode(multiples(scalars)) == expected
    assert curve.decode(curve.multiply(curve.encode([G] * len(scalars)), FR.encode(scalars))) == expected
    nothing = curve.encode([INFINITY])
    assert not curve.multiply_base(nothing[0], FR.encode(scalars)).any()
    assert not curve.multiply(nothing, FR.encode([7])).any()


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 9, 33, 200])
def test_sum_of_multiples_is_that_of_the_group(count: int, each_isa: str) -> None:
    logarithms, scalars = numbers.numbers(FR, count, count), numbers.numbers(FR, count + 1, count)
    expected = point(sum(a * k for a, k in zip(logarithms, scalars, strict=True)) % R)
    assert one(curve.multiply_sum(multiples(logarithms), FR.encode(scalars))) == expected


#: Scalars, and logarithms of the points they multiply, that crowd the buckets.
CROWDS = {
    "one scalar": ([1], [3, 5, 7]),
    "minus one": ([R - 1], [3, 5, 7]),
    "zeros": ([0], [3, 5]),
    "small": ([0, 1, 2, 3], [3]),
    "one point": ([2**250 + 3, 5], [1]),
    "opposite points": ([2**77], [9, R - 9]),
    "opposite scalars": ([2**77, R - 2**77], [9]),
    "opposite in a row": ([1], [9] * 5 + [R - 9] * 5),
    "infinity": ([3, 2**200], [0]),
    "infinity among others": ([3, 3, 2**200], [0, 1, 0, R - 1, 4]),
    "images of the endomorphism": ([1], [1, 0xB3C4D79D41A917585BFC41088D8DAAA78B17EA66B99C90DD]),
}


@pytest.mark.parametrize("crowd", CROWDS)
@pytest.mark.parametrize("count", [10, 300, 20000])
def test_crowded_buckets_sum_up(crowd: str, count: int, each_isa: str) -> None:
    if count > 1000 and each_isa.endswith("emulated"):
        pytest.skip("the same code as with 300, slowly")
    some_scalars, some_logarithms = CROWDS[crowd]
    scalars = [some_scalars[i % len(some_scalars)] for i in range(count)]
    logarithms = [some_logarithms[i % len(some_logarithms)] for i in range(count)]
    points = multiples(some_logarithms)[np.arange(count) % len(some_logarithms)]
    expected = point(sum(a * k for a, k in zip(logarithms, scalars, strict=True)) % R)
    assert one(curve.multiply_sum(points, FR.encode(scalars))) == expected


def test_a_large_sum(each_isa: str) -> None:
    if each_isa.endswith("emulated"):
        pytest.skip("the same code as with fewer points, slowly")
    count = 1 << 15
    generator = random.Random(1)
    logarithms = [generator.randrange(R) for _ in range(count)]
    scalars = [generator.randrange(R) for _ in range(count)]
    expected = point(sum(a * k for a, k in zip(logarithms, scalars, strict=True)) % R)
    assert one(curve.multiply_sum(multiples(logarithms), FR.encode(scalars))) == expected


@given(st.lists(st.tuples(st.sampled_from(LOGARITHMS), numbers.elements(FR)), max_size=40))
@settings(max_examples=50, deadline=None)
def test_sums_of_points_that_meet(terms: list[tuple[int, int]]) -> None:
    points = curve.encode(point(logarithm) for logarithm, _ in terms)
    expected = point(sum(logarithm * scalar for logarithm, scalar in terms) % R)
    assert one(curve.multiply_sum(points, FR.encode(scalar for _, scalar in terms))) == expected


def test_spare_points_are_left_out_and_missing_ones_refused() -> None:
    points = multiples([1, 2, 3])
    assert one(curve.multiply_sum(points, FR.encode([5, 7]))) == point(19)
    assert one(curve.multiply_sum(points, FR.encode([]))) == INFINITY
    with pytest.raises(ValueError, match="4 scalars"):
        curve.multiply_sum(points, FR.encode([1] * 4))


def test_bytes_are_those_of_ethereum(each_isa: str) -> None:
    points = [G, INFINITY, point(2**200 + 9)]
    data = b"".join(coordinate.to_bytes(32, "big") for pair in points for coordinate in pair)
    assert curve.decode(curve.from_bytes(data)) == points
    assert curve.to_bytes(curve.encode(points)) == data
    assert curve.is_infinity(curve.encode(points)).tolist() == [False, True, False]


def test_points_off_the_curve_are_refused(each_isa: str) -> None:
    x, y = point(5)
    for wrong in ((x, y + 1), (x + 1, y), (0, 1), (1, 0), (y, x)):
        with pytest.raises(NotOnCurve, match="point 1500"):
            curve.encode([G] * 1500 + [wrong])
    with pytest.raises(NotCanonical):
        curve.encode([(x + FQ.modulus, y)])
    with pytest.raises(NotCanonical):
        curve.from_bytes((1).to_bytes(32, "big") + (FQ.modulus + 2).to_bytes(32, "big"))
    with pytest.raises(InvalidInput, match="63 bytes"):
        curve.from_bytes(bytes(63))
