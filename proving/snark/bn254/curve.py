"""The group G1 of BN254, ``y^2 = x^3 + 3`` over Fq: arrays of points, sums, multiples, checks and byte encodings.

The order of the group is the prime r, so a point on the curve is in the subgroup.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from proving.native import POINTER, SIZE, function, memory
from proving.snark.bn254.field import BYTES, FQ, LIMBS, Elements
from runtime.errors import InvalidInput

#: ``(..., 8) uint64``: x and y in Montgomery form, zeros for infinity.
Points: TypeAlias = npt.NDArray[np.uint64]

#: Limbs and bytes of a point.
POINT_LIMBS = 2 * LIMBS
POINT_BYTES = 2 * BYTES

#: The most points of one sum.
MAX_POINTS = 1 << 30

_first_off_curve = function("hm_bn254_first_off_curve", SIZE, [POINTER, SIZE])
_add = function("hm_bn254_add_points", None, [POINTER, POINTER, POINTER, SIZE])
_multiply = function("hm_bn254_multiply_points", None, [POINTER, POINTER, POINTER, SIZE])
_multiply_base = function("hm_bn254_multiply_base", None, [POINTER, POINTER, POINTER, SIZE])
_msm = function("hm_bn254_msm", None, [POINTER, POINTER, SIZE, POINTER])


class NotOnCurve(InvalidInput):
    """A point is not on the curve."""

    code = "not_on_curve"
    default_remedy = "The data is damaged or was made by other software; fetch or make it again."


def encode(pairs: Iterable[tuple[int, int]]) -> Points:
    """Return affine points as an array ``(n, 8)``; (0, 0) is infinity.

    Raises
    ------
    NotCanonical
        A coordinate is not below q.
    NotOnCurve
        A point is not on the curve.
    """
    points = FQ.encode(coordinate for pair in pairs for coordinate in pair).reshape(-1, POINT_LIMBS)
    check(points)
    return points


def decode(points: Points) -> list[tuple[int, int]]:
    """Return points ``(n, 8)`` as affine coordinates; (0, 0) for infinity."""
    numbers = FQ.decode(_points(points).reshape(-1, LIMBS))
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def from_bytes(data: bytes) -> Points:
    """Return points of 64 bytes each, x and y big-endian as Ethereum's precompiles have them, as ``(n, 8)``.

    Raises
    ------
    NotCanonical
        A coordinate is not below q.
    NotOnCurve
        A point is not on the curve.
    InvalidInput
        The length is not a multiple of 64.
    """
    if len(data) % POINT_BYTES:
        raise InvalidInput(f"{len(data)} bytes are not a whole number of points of {POINT_BYTES}")
    points = FQ.from_bytes(data).reshape(-1, POINT_LIMBS)
    check(points)
    return points


def to_bytes(points: Points) -> bytes:
    """Return points ``(..., 8)`` as 64 bytes each, x and y big-endian; zeros for infinity."""
    return FQ.to_bytes(_points(points).reshape(-1, LIMBS))


def check(points: Points) -> None:
    """Refuse an array ``(..., 8)`` of canonical coordinates with a point that is not on the curve.

    Raises
    ------
    NotOnCurve
        There is one.
    """
    array = _points(points)
    count = array.size // POINT_LIMBS
    place = _first_off_curve(array.ctypes.data, count)
    if place < count:
        raise NotOnCurve(f"point {place} is not on the curve", place=place)


def is_infinity(points: Points) -> npt.NDArray[np.bool_]:
    """Tell for points ``(..., 8)`` which are infinity."""
    infinite: npt.NDArray[np.bool_] = np.logical_not(points.any(axis=-1))
    return infinite


def add(left: Points, right: Points) -> Points:
    """Add points ``(..., 8)`` one by one."""
    left, right = _points(left), _points(right)
    if left.shape != right.shape:
        raise ValueError(f"points have shapes {left.shape} and {right.shape}")
    result = memory.empty(left.shape)
    _add(left.ctypes.data, right.ctypes.data, result.ctypes.data, left.size // POINT_LIMBS)
    return result


def negate(points: Points) -> Points:
    """Return the negatives of points ``(..., 8)``."""
    result = _points(points).copy()
    result[..., LIMBS:] = FQ.negate(result[..., LIMBS:])
    return result


def multiply(points: Points, scalars: Elements) -> Points:
    """Multiply points ``(n, 8)`` by scalars ``(n, 4)`` of Fr one by one; for a few points of different bases."""
    points, scalars = _points(points), _scalars(scalars, points.shape[:-1])
    result = memory.empty(points.shape)
    _multiply(points.ctypes.data, scalars.ctypes.data, result.ctypes.data, points.size // POINT_LIMBS)
    return result


def multiply_base(base: Points, scalars: Elements) -> Points:
    """Multiply one point ``(8,)`` by many scalars ``(n, 4)`` of Fr, by a table of its multiples; ``(n, 8)``."""
    base = _points(base)
    if base.shape != (POINT_LIMBS,):
        raise ValueError(f"the base has shape {base.shape}, expected ({POINT_LIMBS},)")
    scalars = _scalars(scalars, scalars.shape[:-1])
    result = memory.empty((*scalars.shape[:-1], POINT_LIMBS))
    _multiply_base(base.ctypes.data, scalars.ctypes.data, result.ctypes.data, scalars.size // LIMBS)
    return result


def multiply_sum(points: Points, scalars: Elements) -> Points:
    """Return the sum of ``scalars[i] points[i]`` as one point ``(8,)``: a multi-scalar multiplication.

    Parameters
    ----------
    points : (n, 8) uint64
        At least as many as there are scalars; the first of them are used. Any points of the curve, equal ones and
        infinity too.
    scalars : (m, 4) uint64
        Of Fr, at most 2^30.

    Raises
    ------
    ValueError
        There are fewer points than scalars, or too many.
    """
    points, count = _points(points), len(scalars)
    if points.ndim != 2 or len(points) < count or count > MAX_POINTS:
        raise ValueError(f"{count} scalars need as many points, at most {MAX_POINTS}; there are {points.shape}")
    scalars = _scalars(scalars, (count,))
    result = np.zeros(POINT_LIMBS, dtype=np.uint64)
    if count:
        _msm(points.ctypes.data, scalars.ctypes.data, count, result.ctypes.data)
    return result


def _points(array: Points) -> Points:
    array = np.ascontiguousarray(array, dtype=np.uint64)
    if array.shape[-1:] != (POINT_LIMBS,):
        raise ValueError(f"points have shape {array.shape}, expected (..., {POINT_LIMBS})")
    return array


def _scalars(array: Elements, leading: Sequence[int]) -> Elements:
    array = np.ascontiguousarray(array, dtype=np.uint64)
    if array.shape != (*leading, LIMBS):
        raise ValueError(f"scalars have shape {array.shape}, expected {(*leading, LIMBS)}")
    return array
