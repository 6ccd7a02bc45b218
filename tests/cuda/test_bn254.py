"""BN254's field and Poseidon2 on a device equal the native library."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from cuda import bn254
from cuda.arrays import DeviceArray, Memory
from cuda.backend import CudaBackend
from proving.snark.bn254 import poseidon2
from proving.snark.bn254.field import FQ, FR, Elements, Field
from tests.proving.snark.bn254.numbers import FIELDS, edges, numbers

BINARY = {"add": bn254.add, "subtract": bn254.subtract, "multiply": bn254.multiply}
NUMBERS = {FR: bn254.FR, FQ: bn254.FQ}

Binary = Callable[[Memory, int, DeviceArray, DeviceArray], DeviceArray]


def pairs_of_edges(field: Field) -> tuple[Elements, Elements]:
    """All pairs of edges, as elements."""
    chosen = edges(field)
    return field.encode(x for x in chosen for _ in chosen), field.encode(y for _ in chosen for y in chosen)


@pytest.mark.parametrize("operation", BINARY)
@pytest.mark.parametrize("field", FIELDS, ids=str)
def test_operations_equal_the_native_library_on_all_pairs_of_edges(
    backend: CudaBackend, field: Field, operation: str
) -> None:
    left, right = pairs_of_edges(field)
    result = BINARY[operation](backend.memory, NUMBERS[field], backend.upload(left), backend.upload(right))
    np.testing.assert_array_equal(backend.download(result), getattr(field, operation)(left, right))


@pytest.mark.parametrize("field", FIELDS, ids=str)
@pytest.mark.parametrize("count", [1, 127, 300])
def test_operations_on_random_numbers(backend: CudaBackend, field: Field, count: int) -> None:
    left, right = field.encode(numbers(field, count, count)), field.encode(numbers(field, count + 1, count))
    for name, operation in BINARY.items():
        result = operation(backend.memory, NUMBERS[field], backend.upload(left), backend.upload(right))
        np.testing.assert_array_equal(backend.download(result), getattr(field, name)(left, right))


@pytest.mark.parametrize("operation", BINARY)
def test_one_element_goes_with_many(backend: CudaBackend, operation: str) -> None:
    one, many = FR.encode(numbers(FR, 1, 1)), FR.encode(numbers(FR, 2, 5))
    for left, right in ((one, many), (many, one)):
        result = BINARY[operation](backend.memory, bn254.FR, backend.upload(left), backend.upload(right))
        single = one[0]
        expected = getattr(FR, operation)(*(single if array is one else array for array in (left, right)))
        np.testing.assert_array_equal(backend.download(result), expected)


@pytest.mark.parametrize("field", FIELDS, ids=str)
@pytest.mark.parametrize("count", [1, 127, 2048, 2100])
def test_inverses(backend: CudaBackend, field: Field, count: int) -> None:
    values = field.encode([0, *numbers(field, count, count)][:count])
    inverses = backend.download(bn254.invert(backend.memory, NUMBERS[field], backend.upload(values)))
    np.testing.assert_array_equal(inverses, field.inverse(values))


def test_scalars_are_in_montgomery_form() -> None:
    chosen = edges(FR)
    np.testing.assert_array_equal(bn254.scalars(chosen), FR.encode(chosen))


@pytest.mark.parametrize("count", [1, 127, 130])
def test_poseidon2_equals_the_native_library(backend: CudaBackend, count: int) -> None:
    chosen = edges(FR)
    states = FR.encode([*chosen[: 3 * count], *numbers(FR, count, 3 * count)][: 3 * count])
    permuted = backend.download(bn254.permute(backend.memory, backend.upload(states)))
    np.testing.assert_array_equal(permuted.reshape(-1, 3, 4), poseidon2.permute(states.reshape(-1, 3, 4)))


def test_what_is_not_elements_or_states_is_refused(backend: CudaBackend) -> None:
    words, elements = backend.upload(np.zeros((1, 3), np.uint64)), backend.upload(np.zeros((4, 4), np.uint64))
    with pytest.raises(ValueError, match="expected \\(count, 4\\)"):
        bn254.invert(backend.memory, bn254.FR, words)
    with pytest.raises(ValueError, match="not states of 3"):
        bn254.permute(backend.memory, elements)
    with pytest.raises(ValueError, match="neither is one"):
        bn254.add(backend.memory, bn254.FR, elements, backend.upload(np.zeros((3, 4), np.uint64)))
