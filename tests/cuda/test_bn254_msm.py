"""Multi-scalar multiplication over BN254 on a device equals the native library's."""

from __future__ import annotations

import functools
import random

import numpy as np
import pytest

from cuda.backend import CudaBackend
from cuda.bn254_msm import ENTRIES, HALF_BITS, MAX_BITS, MIN_BITS, Bases, Windows, multiply_sum
from proving.snark.bn254 import curve
from proving.snark.bn254.curve import Points
from proving.snark.bn254.field import FR, Elements
from tests.proving.snark.bn254.numbers import edges, numbers

R = FR.modulus
INFINITY = np.zeros(8, dtype=np.uint64)


@functools.cache
def points(count: int) -> Points:
    [generator] = curve.encode([(1, 2)])
    return curve.multiply_base(generator, FR.encode(random.Random(count).randrange(R) for _ in range(count)))


def summed(backend: CudaBackend, bases: Points, scalars: Elements, windows: Windows | None = None) -> Points:
    resident = Bases.upload(backend.memory, bases)
    return multiply_sum(backend.memory, resident, backend.upload(scalars), windows)


@pytest.mark.parametrize("count", [1, 2, 31, 130])
def test_sums_equal_the_native_library(backend: CudaBackend, count: int) -> None:
    bases, scalars = points(count), FR.encode(numbers(FR, count, count))
    np.testing.assert_array_equal(summed(backend, bases, scalars), curve.multiply_sum(bases, scalars))


@pytest.mark.parametrize("bits", [MIN_BITS, 5, 8, 11])
def test_every_cut_gives_the_same_sum(backend: CudaBackend, bits: int) -> None:
    chosen = edges(FR)
    bases, scalars = points(len(chosen)), FR.encode(chosen)
    np.testing.assert_array_equal(summed(backend, bases, scalars, Windows(bits)), curve.multiply_sum(bases, scalars))


@pytest.mark.parametrize("number", [0, 1, R - 1, 2**253])
def test_one_scalar_for_all_fills_one_bucket_of_a_window(backend: CudaBackend, number: int) -> None:
    """A bucket of several pieces, whose heads are joined."""
    bases = points(4 * ENTRIES)
    scalars = FR.encode([number] * len(bases))
    np.testing.assert_array_equal(summed(backend, bases, scalars), curve.multiply_sum(bases, scalars))


def test_equal_and_opposite_points_and_infinity(backend: CudaBackend) -> None:
    p, q = points(2)
    bases = np.stack([p, p, curve.negate(p), INFINITY, q, curve.negate(q), p, q])
    for scalars in ([1] * 8, [5, 5, 5, 7, 1, 1, R - 5, 0], [R - 1, 1, 2, 3, 4, 4, R - 2, 1]):
        given = FR.encode(scalars)
        np.testing.assert_array_equal(summed(backend, bases, given), curve.multiply_sum(bases, given))


def test_equal_points_are_doubled_in_every_kernel(backend: CudaBackend) -> None:
    """Pieces, heads and windows with one and the same sum."""
    [p] = points(1)
    bases = np.stack([p] * (3 * ENTRIES))
    for scalars in ([1] * len(bases), [1, 2, 3] * ENTRIES):
        given = FR.encode(scalars)
        np.testing.assert_array_equal(summed(backend, bases, given), curve.multiply_sum(bases, given))


@pytest.mark.parametrize("scalars", [[3, R - 3], [0, 0]])
def test_sums_that_are_infinity(backend: CudaBackend, scalars: list[int]) -> None:
    [p] = points(1)
    np.testing.assert_array_equal(summed(backend, np.stack([p, p]), FR.encode(scalars)), INFINITY)
    np.testing.assert_array_equal(summed(backend, np.stack([INFINITY, INFINITY]), FR.encode([1, 2])), INFINITY)


def test_the_first_points_are_used(backend: CudaBackend) -> None:
    bases, scalars = points(31), FR.encode(numbers(FR, 9, 5))
    np.testing.assert_array_equal(summed(backend, bases, scalars), curve.multiply_sum(bases, scalars))


def test_too_many_scalars_or_none_are_refused(backend: CudaBackend) -> None:
    with pytest.raises(ValueError, match="3 scalars need as many points"):
        summed(backend, points(2), FR.encode([1, 2, 3]))
    with pytest.raises(ValueError, match="0 scalars"):
        summed(backend, points(2), FR.encode([]))


@pytest.mark.parametrize("bits", range(MIN_BITS, MAX_BITS + 1))
def test_digits_hold_every_half(bits: int) -> None:
    windows = Windows(bits)
    assert windows.count * bits >= HALF_BITS and windows.count <= 64
    # The highest digit of the largest biased half has a bucket.
    assert (2**126 - 1 + windows.bias) >> bits * (windows.count - 1) <= windows.buckets
    assert windows.bias + 2**126 <= 2**127


def test_large_sums_take_wide_windows() -> None:
    assert Windows.cheapest(2).bits < Windows.cheapest(1 << 12).bits < Windows.cheapest(1 << 20).bits <= MAX_BITS
