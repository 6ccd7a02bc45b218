"""Arithmetic on arrays of BN254 field elements; the package's docstring says how they are laid out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ctypes import c_uint
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from proving.hash.bn254 import MODULUS
from proving.native import POINTER, SIZE, NativeFunction, function, memory
from runtime.errors import InvalidInput

#: ``(..., 4) uint64``, Montgomery form.
Elements: TypeAlias = npt.NDArray[np.uint64]

#: 64-bit limbs of an element, and its bytes.
LIMBS = 4
BYTES = 8 * LIMBS

_BINARY = [c_uint, POINTER, SIZE, POINTER, SIZE, POINTER, SIZE]
_UNARY = [c_uint, POINTER, POINTER, SIZE]
_add = function("hm_bn254_add", None, _BINARY)
_sub = function("hm_bn254_sub", None, _BINARY)
_mul = function("hm_bn254_mul", None, _BINARY)
_inv = function("hm_bn254_inv", None, _UNARY)
_enter = function("hm_bn254_enter", None, _UNARY)
_leave = function("hm_bn254_leave", None, _UNARY)
_from_u64 = function("hm_bn254_from_u64", None, _UNARY)
_first_unreduced = function("hm_bn254_first_unreduced", SIZE, [c_uint, POINTER, SIZE])
_powers = function("hm_bn254_powers", None, [c_uint, POINTER, POINTER, POINTER, SIZE])
_prefix_products = function("hm_bn254_prefix_products", None, _UNARY)


class NotCanonical(InvalidInput):
    """A number is not below the modulus of its field."""

    code = "not_canonical"
    default_remedy = "The data is damaged or was made by other software; fetch or make it again."


class Field:
    """One of the two prime fields; the instances are `FR` and `FQ`.

    Parameters
    ----------
    name : str
    modulus : int
    number : int
        What the kernels call it.
    """

    def __init__(self, name: str, modulus: int, number: int) -> None:
        self.name = name
        self.modulus = modulus
        self._number = number

    def __repr__(self) -> str:
        return self.name

    def encode(self, values: Iterable[int]) -> Elements:
        """Return integers below the modulus as elements ``(n, 4)``.

        Raises
        ------
        NotCanonical
            An integer is negative or not below the modulus.
        """
        listed = list(values)
        for value in listed:
            if not 0 <= value < self.modulus:
                raise NotCanonical(f"{value:#x} is not an element of {self.name}")
        packed = b"".join(value.to_bytes(BYTES, "little") for value in listed)
        return self._unary(_enter, np.frombuffer(packed, dtype="<u8").reshape(len(listed), LIMBS))

    def scalar(self, value: int) -> Elements:
        """Return one integer below the modulus as an element ``(4,)``; raises as :meth:`encode`."""
        element: Elements = self.encode([value])[0]
        return element

    def decode(self, elements: Elements) -> list[int]:
        """Return elements ``(n, 4)`` as integers."""
        packed = self.to_limbs(elements).astype("<u8").tobytes()
        return [int.from_bytes(packed[at : at + BYTES], "little") for at in range(0, len(packed), BYTES)]

    def from_limbs(self, limbs: npt.NDArray[np.uint64]) -> Elements:
        """Return plain numbers ``(..., 4)`` of little-endian limbs, below the modulus, as elements.

        Raises
        ------
        NotCanonical
            A number is not below the modulus.
        """
        self.check(limbs)
        return self._unary(_enter, limbs)

    def to_limbs(self, elements: Elements) -> npt.NDArray[np.uint64]:
        """Return elements ``(..., 4)`` as plain numbers of little-endian limbs, below the modulus."""
        return self._unary(_leave, elements)

    def from_bytes(self, data: bytes) -> Elements:
        """Return numbers of 32 bytes each, big-endian as in Ethereum, as elements ``(n, 4)``.

        Raises
        ------
        NotCanonical
            A number is not below the modulus.
        InvalidInput
            The length is not a multiple of 32.
        """
        if len(data) % BYTES:
            raise InvalidInput(f"{len(data)} bytes are not a whole number of field elements of {BYTES}")
        limbs = np.frombuffer(data, dtype=">u8").reshape(-1, LIMBS)[:, ::-1]
        return self.from_limbs(limbs.astype(np.uint64))

    def to_bytes(self, elements: Elements) -> bytes:
        """Return elements ``(..., 4)`` as 32 bytes each, big-endian."""
        return self.to_limbs(elements)[..., ::-1].astype(">u8").tobytes()

    def from_u64(self, values: npt.NDArray[np.uint64]) -> Elements:
        """Return numbers of any shape as elements of that shape and ``(4,)``."""
        values = np.ascontiguousarray(values, dtype=np.uint64)
        result = memory.empty((*values.shape, LIMBS))
        _from_u64(self._number, values.ctypes.data, result.ctypes.data, values.size)
        return result

    def check(self, elements: npt.NDArray[np.uint64]) -> None:
        """Refuse an array ``(..., 4)`` with a number that is not below the modulus.

        Raises
        ------
        NotCanonical
            There is one.
        """
        array = _contiguous(elements)
        place = _first_unreduced(self._number, array.ctypes.data, array.size // LIMBS)
        if place < array.size // LIMBS:
            value = sum(int(limb) << (64 * i) for i, limb in enumerate(array.reshape(-1, LIMBS)[place]))
            raise NotCanonical(f"number {place} is {value:#x}, not an element of {self.name}", place=place)

    def add(self, left: Elements, right: Elements) -> Elements:
        """Add element by element; one element ``(4,)`` goes with any shape."""
        return self._binary(_add, left, right)

    def subtract(self, left: Elements, right: Elements) -> Elements:
        """Subtract element by element; one element ``(4,)`` goes with any shape."""
        return self._binary(_sub, left, right)

    def multiply(self, left: Elements, right: Elements) -> Elements:
        """Multiply element by element; one element ``(4,)`` goes with any shape."""
        return self._binary(_mul, left, right)

    def negate(self, elements: Elements) -> Elements:
        """Return the negatives."""
        return self._binary(_sub, np.zeros(LIMBS, dtype=np.uint64), elements)

    def inverse(self, elements: Elements) -> Elements:
        """Return the inverses; zero for zero, so a caller for whom zero is an error checks first."""
        return self._unary(_inv, elements)

    def powers(self, base: Elements, count: int, first: Elements | None = None) -> Elements:
        """Return ``first, first * base, first * base^2, ...`` as ``(count, 4)``; `first` is one by default."""
        start = self.scalar(1) if first is None else _contiguous(first)
        base = _contiguous(base)
        result = memory.empty((count, LIMBS))
        _powers(self._number, start.ctypes.data, base.ctypes.data, result.ctypes.data, count)
        return result

    def prefix_products(self, elements: Elements) -> Elements:
        """Return ``(n, 4)``: element i is the product of the first i of `elements` ``(n, 4)``, so the first is one."""
        return self._unary(_prefix_products, elements)

    def _unary(self, kernel: NativeFunction, array: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        array = _contiguous(array)
        result = memory.empty(array.shape)
        kernel(self._number, array.ctypes.data, result.ctypes.data, array.size // LIMBS)
        return result

    def _binary(self, kernel: NativeFunction, left: Elements, right: Elements) -> Elements:
        left, right = _contiguous(left), _contiguous(right)
        steps = 1, 1
        if left.shape != right.shape:
            single = left.shape == (LIMBS,), right.shape == (LIMBS,)
            if not any(single):
                raise ValueError(f"shapes {left.shape} and {right.shape} differ and neither is one element")
            steps = int(not single[0]), int(not single[1])
        shape: Sequence[int] = max(left.shape, right.shape, key=len)
        result = memory.empty(tuple(shape))
        arguments = (left.ctypes.data, steps[0], right.ctypes.data, steps[1], result.ctypes.data)
        kernel(self._number, *arguments, result.size // LIMBS)
        return result


def _contiguous(array: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    array = np.ascontiguousarray(array, dtype=np.uint64)
    if array.shape[-1:] != (LIMBS,):
        raise ValueError(f"elements have shape {array.shape}, expected (..., {LIMBS})")
    return array


#: The scalars: integers modulo the order r of the group.
FR = Field("Fr", MODULUS, 0)
#: The coordinates: integers modulo q.
FQ = Field("Fq", 0x30644E72E131A029B85045B68181585D97816A916871CA8D3C208C16D87CFD47, 1)
