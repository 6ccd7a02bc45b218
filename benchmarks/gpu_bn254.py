"""Measurements of the kernels over BN254 for `benchmarks.gpu`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.gpu_case import Case
from cuda import bn254
from cuda.arrays import DeviceArray, Memory
from proving.backend.interface import HostArray
from proving.hash.bn254 import WORDS
from proving.hash.bn254_constants import WIDTH

#: Instructions of a product, of a sum or difference, and of a permutation, counted in the sources.
PRODUCT, SUM, PERMUTATION = 312, 33, 88_000
#: Bytes of an element.
ELEMENT = 32.0


def cases(memory: Memory, log_size: int) -> list[Case]:
    """Return a measurement for every kernel over BN254, of about ``2^log_size`` words."""
    count = 1 << (log_size - 2)
    left, right = memory.upload(_elements(count)), memory.upload(_elements(count))
    states = memory.upload(_elements(count // WIDTH * WIDTH))
    permutations = count // WIDTH
    label = f"2^{log_size - 2}"

    def binary(operation: Callable[[Memory, int, DeviceArray, DeviceArray], DeviceArray]) -> Callable[[], object]:
        return lambda: operation(memory, bn254.FR, left, right)

    return [
        Case("bn254_add", label, binary(bn254.add), 3 * ELEMENT * count, float(SUM * count)),
        Case("bn254_subtract", label, binary(bn254.subtract), 3 * ELEMENT * count, float(SUM * count)),
        Case("bn254_multiply", label, binary(bn254.multiply), 3 * ELEMENT * count, float(PRODUCT * count)),
        Case(
            "bn254_invert",
            label,
            lambda: bn254.invert(memory, bn254.FR, left),
            5 * ELEMENT * count,
            27.0 * PRODUCT * count,
        ),
        Case(
            "bn254_poseidon2",
            f"{permutations} states",
            lambda: bn254.permute(memory, states),
            6 * ELEMENT * permutations,
            float(PERMUTATION * permutations),
        ),
    ]


def _elements(count: int) -> HostArray:
    """Return random elements: the highest word is below 2^61, so they are below both moduli."""
    words = np.random.default_rng(1).integers(0, 2**61, size=count * WORDS, dtype=np.uint64)
    return words.reshape(count, WORDS)
