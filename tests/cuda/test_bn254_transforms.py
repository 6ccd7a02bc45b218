"""Transforms over BN254's scalar field on a device equal the native library's."""

from __future__ import annotations

import numpy as np
import pytest

from cuda.backend import CudaBackend
from cuda.bn254_transforms import CACHED_POWERS, LOG_TILE, Bn254Transforms, passes
from proving.snark.bn254 import polynomials
from proving.snark.bn254.field import FR, Elements
from tests.proving.snark.bn254.numbers import edges, numbers


def elements(count: int) -> Elements:
    """Random elements and edges among them."""
    return FR.encode([*edges(FR), *numbers(FR, count, count)][:count] if count > 64 else numbers(FR, count, count))


@pytest.mark.parametrize("shift", [1, 5, FR.modulus - 1])
@pytest.mark.parametrize("log_size", [0, 1, 2, 3, 6, 10, 11])
def test_transforms_equal_the_native_library(backend: CudaBackend, log_size: int, shift: int) -> None:
    transforms = Bn254Transforms(backend.memory)
    given = elements(1 << log_size)
    values = backend.download(transforms.values(backend.upload(given), log_size, shift))
    np.testing.assert_array_equal(values, polynomials.values(given, log_size, shift))
    coefficients = backend.download(transforms.coefficients(backend.upload(given), log_size, shift))
    np.testing.assert_array_equal(coefficients, polynomials.coefficients(given, shift))


@pytest.mark.parametrize("count", [1, 33, 127])
def test_a_polynomial_of_lower_degree_is_padded(backend: CudaBackend, count: int) -> None:
    given = elements(count)
    values = backend.download(Bn254Transforms(backend.memory).values(backend.upload(given), 7, 5))
    np.testing.assert_array_equal(values, polynomials.values(given, 7, 5))


@pytest.mark.parametrize("number", [0, FR.modulus - 1])
def test_constant_columns(backend: CudaBackend, number: int) -> None:
    given = FR.encode([number] * 64)
    coefficients = backend.download(Bn254Transforms(backend.memory).coefficients(backend.upload(given), 6, 1))
    np.testing.assert_array_equal(coefficients, FR.encode([number] + [0] * 63))


def test_powers_of_more_than_one_table(backend: CudaBackend) -> None:
    given = elements(1 << 13)
    values = backend.download(Bn254Transforms(backend.memory).values(backend.upload(given), 13, 5))
    np.testing.assert_array_equal(values, polynomials.values(given, 13, 5))


def test_one_object_transforms_many_sizes_and_cosets(backend: CudaBackend) -> None:
    transforms = Bn254Transforms(backend.memory)
    given = elements(1 << 11)
    for shift in range(1, CACHED_POWERS + 4):
        log_size = 11 if shift % 8 == 2 else shift % 5
        part = given[: 1 << log_size]
        coefficients = backend.download(transforms.coefficients(backend.upload(part), log_size, shift))
        np.testing.assert_array_equal(coefficients, polynomials.coefficients(part, shift))
    used = backend.pool.used
    transforms.forget()
    backend.pool.give_back()
    assert backend.pool.used < used


@pytest.mark.parametrize("log_size", range(29))
def test_passes_take_every_layer_once_and_fit_their_tiles(log_size: int) -> None:
    planned = passes(log_size)
    assert [layer for first, layers in planned for layer in range(first, first + layers)] == list(range(log_size))
    assert all(0 < layers <= LOG_TILE for _, layers in planned)
    assert len(planned) == -(-log_size // LOG_TILE)
