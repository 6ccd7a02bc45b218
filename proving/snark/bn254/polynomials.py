"""Polynomials over Fr: transforms between coefficients and values, evaluation, division by X - z.

A polynomial of `n` coefficients is ``(n, 4)``, the lowest first. Its values on the coset ``shift <w>``, with w of order
2^k, are ``(2^k, 4)``, in the order of ``shift w^0, shift w^1, ...``. Transforms run on all threads of the pool.
"""

from __future__ import annotations

from ctypes import c_uint

import numpy as np

from proving.native import INT, POINTER, SIZE, function, memory
from proving.snark.bn254.field import FR, LIMBS, Elements

_ntt = function("hm_bn254_ntt", None, [POINTER, SIZE, POINTER, c_uint, INT, POINTER])
_divide = function("hm_bn254_divide_linear", None, [c_uint, POINTER, SIZE, POINTER, POINTER, POINTER])

#: 2^28 divides r - 1.
TWO_ADICITY = 28
#: The smallest generator of the multiplicative group: ``GENERATOR <w>`` is disjoint from every ``<w>``.
GENERATOR = 5


def root_of_unity(log_order: int) -> int:
    """Return the generator w of the subgroup of order ``2^log_order``.

    Raises
    ------
    ValueError
        There is no such subgroup.
    """
    if not 0 <= log_order <= TWO_ADICITY:
        raise ValueError(f"log order {log_order} is not between 0 and {TWO_ADICITY}")
    return pow(GENERATOR, (FR.modulus - 1) >> log_order, FR.modulus)


def values(coefficients: Elements, log_size: int, shift: int = 1) -> Elements:
    """Evaluate a polynomial of at most ``2^log_size`` coefficients on the coset ``shift <w>``.

    Parameters
    ----------
    coefficients : (n, 4) uint64
    log_size : int
        0 to 28.
    shift : int
        Not zero modulo r.

    Returns
    -------
    (2^log_size, 4) uint64

    Raises
    ------
    ValueError
        There are too many coefficients, the size is out of range, or the shift is zero.
    """
    return _transform(coefficients, log_size, shift, inverse=False)


def coefficients(points: Elements, shift: int = 1) -> Elements:
    """Interpolate: the inverse of :func:`values`.

    Parameters
    ----------
    points : (2^k, 4) uint64
        Values on ``shift <w>``.
    shift : int
        Not zero modulo r.

    Raises
    ------
    ValueError
        The number of values is not a power of two, is out of range, or the shift is zero.
    """
    log_size = len(points).bit_length() - 1
    if len(points) != 1 << max(log_size, 0):
        raise ValueError(f"{len(points)} values are not a power of two")
    return _transform(points, log_size, shift, inverse=True)


def _transform(array: Elements, log_size: int, shift: int, *, inverse: bool) -> Elements:
    if not 0 <= log_size <= TWO_ADICITY:
        raise ValueError(f"log size {log_size} is not between 0 and {TWO_ADICITY}")
    array = _polynomial(array)
    if len(array) > 1 << log_size:
        raise ValueError(f"{len(array)} coefficients do not fit into 2^{log_size} values")
    if shift % FR.modulus == 0:
        raise ValueError("a coset's shift is not zero")
    coset = FR.scalar(shift % FR.modulus)
    result = memory.empty((1 << log_size, LIMBS))
    _ntt(array.ctypes.data, len(array), result.ctypes.data, log_size, int(inverse), coset.ctypes.data)
    return result


def evaluate(polynomial: Elements, point: int) -> int:
    """Return the value of a polynomial ``(n, 4)`` at a point."""
    array, at, value = _polynomial(polynomial), FR.scalar(point % FR.modulus), np.empty(LIMBS, dtype=np.uint64)
    _divide(0, array.ctypes.data, len(array), at.ctypes.data, None, value.ctypes.data)
    return FR.decode(value)[0]


def divide_by_linear(polynomial: Elements, point: int) -> tuple[Elements, int]:
    """Divide by ``X - point``.

    Returns
    -------
    (n, 4) uint64, int
        The quotient, whose highest coefficient is zero, and the remainder, which is the value at the point.
    """
    array, at, value = _polynomial(polynomial), FR.scalar(point % FR.modulus), np.empty(LIMBS, dtype=np.uint64)
    quotient = memory.empty(array.shape)
    _divide(0, array.ctypes.data, len(array), at.ctypes.data, quotient.ctypes.data, value.ctypes.data)
    return quotient, FR.decode(value)[0]


def _polynomial(array: Elements) -> Elements:
    array = np.ascontiguousarray(array, dtype=np.uint64)
    if array.ndim != 2 or array.shape[1] != LIMBS:
        raise ValueError(f"a polynomial has shape {array.shape}, expected (n, {LIMBS})")
    return array
