"""Elements and hashing of BN254 on a device: kernels on arrays as `proving.snark.bn254` lays them out.

Elements are ``(count, 4)`` words in Montgomery form. A field is named by the number that the native library's kernels
know it by.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from cuda.arrays import DeviceArray, Memory
from cuda.transforms import blocks
from proving.backend.interface import HostArray
from proving.hash.bn254 import MODULUS, WORDS
from proving.hash.bn254_constants import ROUND_CONSTANTS, WIDTH

#: The scalars, whose modulus is :data:`proving.hash.bn254.MODULUS`, and the coordinates of points.
FR, FQ = 0, 1
#: Elements that a thread inverts together (`kTogether` in bn254_field.cu).
TOGETHER = 16

_BLOCK = 128
_MONTGOMERY_BITS = 256


def scalars(values: Iterable[int]) -> HostArray:
    """Return integers modulo r as elements ``(count, 4)`` on the host; for tables of a few."""
    packed = b"".join(((value << _MONTGOMERY_BITS) % MODULUS).to_bytes(8 * WORDS, "little") for value in values)
    return np.frombuffer(packed, dtype="<u8").astype(np.uint64).reshape(-1, WORDS)


def add(memory: Memory, field: int, left: DeviceArray, right: DeviceArray) -> DeviceArray:
    """Add element by element; one element ``(1, 4)`` goes with any number."""
    return _binary(memory, "bn254_add", field, left, right)


def subtract(memory: Memory, field: int, left: DeviceArray, right: DeviceArray) -> DeviceArray:
    """Subtract element by element; one element ``(1, 4)`` goes with any number."""
    return _binary(memory, "bn254_subtract", field, left, right)


def multiply(memory: Memory, field: int, left: DeviceArray, right: DeviceArray) -> DeviceArray:
    """Multiply element by element; one element ``(1, 4)`` goes with any number."""
    return _binary(memory, "bn254_multiply", field, left, right)


def invert(memory: Memory, field: int, elements: DeviceArray) -> DeviceArray:
    """Invert every element, zero for zero."""
    count = _count(elements)
    inverses = memory.empty(count, WORDS)
    arguments = [field, elements.pointer, inverses.pointer, count]
    memory.device.launch("bn254_invert", (blocks(count, _BLOCK * TOGETHER), 1), _BLOCK, arguments)
    return inverses


def permute(memory: Memory, states: DeviceArray) -> DeviceArray:
    """Permute states of Poseidon2 over Fr, three elements each that lie one after the other, ``(3 count, 4)``.

    Raises
    ------
    ValueError
        The elements are not whole states.
    """
    elements = _count(states)
    if elements % WIDTH:
        raise ValueError(f"{elements} elements are not states of {WIDTH}")
    constants = memory.upload_small(scalars(constant for round_ in ROUND_CONSTANTS for constant in round_))
    permuted = memory.empty(elements, WORDS)
    count = elements // WIDTH
    arguments = [states.pointer, permuted.pointer, count, constants.pointer]
    memory.device.launch("bn254_poseidon2", (blocks(count, _BLOCK), 1), _BLOCK, arguments)
    return permuted


def _count(elements: DeviceArray) -> int:
    count, words = elements.shape
    if words != WORDS:
        raise ValueError(f"elements have shape {elements.shape}, expected (count, {WORDS})")
    return count


def _binary(memory: Memory, kernel: str, field: int, left: DeviceArray, right: DeviceArray) -> DeviceArray:
    counts = _count(left), _count(right)
    count = max(counts)
    if min(counts) not in (1, count):
        raise ValueError(f"{counts[0]} and {counts[1]} elements differ and neither is one")
    result = memory.empty(count, WORDS)
    operands = [word for array in (left, right) for word in (array.pointer, int(array.shape[0] == count))]
    memory.device.launch(kernel, (blocks(count, _BLOCK), 1), _BLOCK, [field, *operands, result.pointer, count])
    return result
