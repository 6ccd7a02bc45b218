"""Arithmetic on arrays of elements of F[x]/(x^3 - x - 1), shape ``(..., 3)``, by the native kernels."""

from __future__ import annotations

import numpy as np

from proving.backend.interface import HostArray
from proving.field import goldilocks
from proving.native import POINTER, SIZE, function

#: Degree of the extension.
DEGREE = 3

_mul = function("hm_ext_mul", None, [POINTER, POINTER, POINTER, SIZE])
_inv = function("hm_ext_inv", None, [POINTER, POINTER, SIZE])

add = goldilocks.add
subtract = goldilocks.subtract
negate = goldilocks.negate


def embed(base: HostArray) -> HostArray:
    """Return base elements ``(...)`` as extension elements ``(..., 3)``."""
    result = np.zeros((*base.shape, DEGREE), dtype=np.uint64)
    result[..., 0] = base
    return result


def constant(value: int) -> HostArray:
    """Return an integer as one extension element ``(3,)``."""
    return np.array([value % goldilocks.PRIME, 0, 0], dtype=np.uint64)


def multiply(left: HostArray, right: HostArray) -> HostArray:
    """Multiply extension elements, with broadcasting over the leading axes."""
    if left.shape != right.shape:
        left, right = np.broadcast_arrays(left, right)
    left = np.ascontiguousarray(left, dtype=np.uint64)
    right = np.ascontiguousarray(right, dtype=np.uint64)
    result = np.empty_like(left)
    _mul(left.ctypes.data, right.ctypes.data, result.ctypes.data, left.size // DEGREE)
    return result


def scale(array: HostArray, base: HostArray) -> HostArray:
    """Multiply extension elements ``(..., 3)`` by base elements ``(...)``."""
    return goldilocks.multiply(array, base[..., np.newaxis])


def inverse(array: HostArray) -> HostArray:
    """Return the inverses; zero for zero, so a caller for whom zero is an error checks first."""
    array = np.ascontiguousarray(array, dtype=np.uint64)
    result = np.empty_like(array)
    _inv(array.ctypes.data, result.ctypes.data, array.size // DEGREE)
    return result


def power(array: HostArray, exponent: int) -> HostArray:
    """Raise extension elements to one non-negative power."""
    result = np.broadcast_to(constant(1), array.shape)
    base = array
    while exponent:
        if exponent & 1:
            result = multiply(result, base)
        base = multiply(base, base)
        exponent >>= 1
    return np.ascontiguousarray(result)


def powers(base: HostArray, count: int) -> HostArray:
    """Return 1, b, b^2, ..., ``(count, 3)``, of one element ``(3,)``."""
    result = np.zeros((max(count, 1), DEGREE), dtype=np.uint64)
    result[0, 0] = 1
    filled = 1
    step = base
    while filled < count:
        taken = min(filled, count - filled)
        result[filled : filled + taken] = multiply(result[:taken], step)
        filled += taken
        step = multiply(step, step)
    return result[:count]
