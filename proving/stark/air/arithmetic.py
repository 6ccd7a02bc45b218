"""The arithmetic that the verifier's evaluation runs on.

The evaluation only adds, multiplies and rearranges *vectors of extension elements*. On `IntegerArithmetic` these are
arrays and the result is a number; on a recording arithmetic they are wires of a circuit. Nothing asks a value for its
truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from proving.backend.interface import HostArray
from proving.field import extension, goldilocks

Vector = TypeVar("Vector")
Indices = npt.NDArray[np.intp]


class Arithmetic(Protocol[Vector]):
    """Operations on vectors of extension elements; both operands of a binary operation have the same length."""

    def constant(self, values: HostArray) -> Vector:
        """The vector with these values, (k, 3) uint64."""
        ...

    def add(self, a: Vector, b: Vector) -> Vector:
        """Element by element."""
        ...

    def sub(self, a: Vector, b: Vector) -> Vector:
        """Element by element."""
        ...

    def mul(self, a: Vector, b: Vector) -> Vector:
        """Element by element."""
        ...

    def neg(self, a: Vector) -> Vector:
        """Element by element."""
        ...

    def inverse(self, a: Vector) -> Vector:
        """Element by element; a zero has no inverse and is refused."""
        ...

    def gather(self, a: Vector, indices: Indices) -> Vector:
        """The vector of a[i] for i in `indices`, which may repeat."""
        ...

    def concatenate(self, parts: Sequence[Vector]) -> Vector:
        """One vector after the other."""
        ...


class IntegerArithmetic:
    """Vectors as (k, 3) uint64 arrays."""

    def constant(self, values: HostArray) -> HostArray:
        """See `Arithmetic`."""
        return values

    def add(self, a: HostArray, b: HostArray) -> HostArray:
        """See `Arithmetic`."""
        return goldilocks.add(a, b)

    def sub(self, a: HostArray, b: HostArray) -> HostArray:
        """See `Arithmetic`."""
        return goldilocks.subtract(a, b)

    def mul(self, a: HostArray, b: HostArray) -> HostArray:
        """See `Arithmetic`."""
        return extension.multiply(a, b)

    def neg(self, a: HostArray) -> HostArray:
        """See `Arithmetic`."""
        return goldilocks.negate(a)

    def inverse(self, a: HostArray) -> HostArray:
        """See `Arithmetic`; raises ZeroDivisionError for a zero."""
        if not bool(a.any(axis=-1).all()):
            raise ZeroDivisionError("an extension element of a vector is zero")
        return extension.inverse(a)

    def gather(self, a: HostArray, indices: Indices) -> HostArray:
        """See `Arithmetic`."""
        return a[indices]

    def concatenate(self, parts: Sequence[HostArray]) -> HostArray:
        """See `Arithmetic`."""
        return np.concatenate(parts)


def powers(arithmetic: Arithmetic[Vector], base: Vector, count: int) -> Vector:
    """1, b, b^2, ... of the only element of `base`, `count` of them, in O(log count) operations."""
    result = arithmetic.constant(np.array([[1, 0, 0]], dtype=np.uint64))
    length, factor = 1, base
    while length < count:
        repeated = arithmetic.gather(factor, np.zeros(length, dtype=np.intp))
        result = arithmetic.concatenate([result, arithmetic.mul(result, repeated)])
        factor = arithmetic.mul(factor, factor)
        length *= 2
    return arithmetic.gather(result, np.arange(count, dtype=np.intp))


def total(arithmetic: Arithmetic[Vector], values: Vector, count: int) -> Vector:
    """The sum of all `count` elements, as a vector of length 1."""
    while count > 1:
        half = count // 2
        folded = arithmetic.add(
            arithmetic.gather(values, np.arange(half, dtype=np.intp)),
            arithmetic.gather(values, np.arange(half, 2 * half, dtype=np.intp)),
        )
        if count % 2:
            rest = arithmetic.gather(values, np.array([count - 1], dtype=np.intp))
            folded = arithmetic.concatenate([folded, rest])
        values, count = folded, half + count % 2
    return values


def base_vector(values: Any) -> HostArray:
    """Base integers (k,) as extension values (k, 3)."""
    return extension.embed(np.asarray(values, dtype=np.uint64))
