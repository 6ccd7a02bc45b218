"""Arithmetic on arrays of Goldilocks elements, p = 2^64 - 2^32 + 1, by the native kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from proving.backend.interface import GENERATOR, PRIME, HostArray, coset_shift
from proving.native import POINTER, SIZE, NativeFunction, function

__all__ = [
    "GENERATOR",
    "PRIME",
    "TWO_ADICITY",
    "add",
    "coset_shift",
    "elements",
    "inverse",
    "is_canonical",
    "multiply",
    "negate",
    "root_of_unity",
    "subtract",
]

#: 2^32 divides p - 1.
TWO_ADICITY = 32

_add = function("hm_field_add", None, [POINTER, POINTER, POINTER, SIZE])
_sub = function("hm_field_sub", None, [POINTER, POINTER, POINTER, SIZE])
_mul = function("hm_field_mul", None, [POINTER, POINTER, POINTER, SIZE])
_inv = function("hm_field_inv", None, [POINTER, POINTER, SIZE])


def root_of_unity(log_order: int) -> int:
    """Return the generator of the subgroup of order ``2^log_order``."""
    if not 0 <= log_order <= TWO_ADICITY:
        raise ValueError(f"log order {log_order} is not between 0 and {TWO_ADICITY}")
    return pow(GENERATOR, (PRIME - 1) >> log_order, PRIME)


def elements(values: npt.ArrayLike) -> HostArray:
    """Return integers of any size and sign as canonical field elements of the same shape."""
    array: npt.NDArray[Any] = np.asarray(values)
    if array.dtype == np.uint64:
        return np.where(array >= np.uint64(PRIME), array - np.uint64(PRIME), array)
    flat = [int(value) % PRIME for value in array.astype(object).ravel()]
    return np.array(flat, dtype=np.uint64).reshape(array.shape)


def is_canonical(array: HostArray) -> bool:
    """Tell whether every number is below p."""
    return bool(np.all(array < np.uint64(PRIME)))


def _binary(kernel: NativeFunction, left: HostArray, right: HostArray) -> HostArray:
    if left.shape != right.shape:
        left, right = np.broadcast_arrays(left, right)
    left = np.ascontiguousarray(left, dtype=np.uint64)
    right = np.ascontiguousarray(right, dtype=np.uint64)
    result = np.empty_like(left)
    kernel(left.ctypes.data, right.ctypes.data, result.ctypes.data, left.size)
    return result


def add(left: HostArray, right: HostArray) -> HostArray:
    """Add element by element, with broadcasting."""
    return _binary(_add, left, right)


def subtract(left: HostArray, right: HostArray) -> HostArray:
    """Subtract element by element, with broadcasting."""
    return _binary(_sub, left, right)


def multiply(left: HostArray, right: HostArray) -> HostArray:
    """Multiply element by element, with broadcasting."""
    return _binary(_mul, left, right)


def negate(array: HostArray) -> HostArray:
    """Return the negatives."""
    return np.where(array == 0, array, np.uint64(PRIME) - array)


def inverse(array: HostArray) -> HostArray:
    """Return the inverses; zero for zero, so a caller for whom zero is an error checks first."""
    array = np.ascontiguousarray(array, dtype=np.uint64)
    result = np.empty_like(array)
    _inv(array.ctypes.data, result.ctypes.data, array.size)
    return result
