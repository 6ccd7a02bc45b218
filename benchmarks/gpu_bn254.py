"""Measurements of the kernels over BN254 for `benchmarks.gpu`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.gpu_case import Case
from cuda import bn254
from cuda.arrays import DeviceArray, Memory
from cuda.bn254_msm import Bases, Windows, multiply_sum
from cuda.bn254_transforms import TWO_ADICITY, Bn254Transforms, passes
from cuda.transforms import LOG_POWERS
from proving.backend.interface import HostArray
from proving.hash.bn254 import WORDS
from proving.hash.bn254_constants import WIDTH
from proving.snark.bn254 import curve

#: Instructions of a product, of a sum or difference, and of a permutation, counted in the sources.
PRODUCT, SUM, PERMUTATION = 312, 33, 88_000
#: Bytes of an element.
ELEMENT = 32.0
#: Bytes of a sum of points.
SUM_BYTES = 128
#: Where the group's points are generated from.
GENERATOR = (1, 2)


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
        *_transforms(memory, left, log_size - 2),
        *_sums(memory, log_size - 5),
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


def _transforms(memory: Memory, column: DeviceArray, log_size: int) -> list[Case]:
    """Every kernel of the transforms; the one by name includes the change of order, as no transform goes without."""
    transforms = Bn254Transforms(memory)
    size, label = 1 << log_size, f"2^{log_size}"
    twin = memory.empty(size, WORDS)
    tables = memory.upload(_elements(1 << max(log_size - LOG_POWERS, LOG_POWERS)))
    steps = memory.upload(_elements(TWO_ADICITY))
    powers = min(size, 1 << LOG_POWERS)

    def launch(kernel: str, threads: int, *arguments: int | DeviceArray) -> Callable[[], None]:
        words = [word if isinstance(word, int) else word.pointer for word in arguments]
        # The arrays are kept, not only their addresses.
        return lambda kept=arguments: memory.device.launch(kernel, (-(-threads // 128), 1), 128, words)  # type: ignore[misc]

    moved, scaling = 2 * ELEMENT * size, 2.0 * PRODUCT * size
    return [
        Case(
            "bn254_ntt",
            label,
            lambda: transforms.coefficients(column, log_size, 1),
            moved * (len(passes(log_size)) + 1),
            size * (log_size * (PRODUCT / 2 + SUM) + 2 * PRODUCT),
            256,
        ),
        Case(
            "bn254_fill_roots",
            label,
            launch("bn254_fill_roots", size, twin, size, steps),
            ELEMENT * size,
            size * log_size / 2 * PRODUCT,
        ),
        Case(
            "bn254_fill_powers",
            f"{powers}",
            launch("bn254_fill_powers", powers, twin, powers, steps, steps),
            ELEMENT * powers,
            24.0 * PRODUCT * powers,
        ),
        Case(
            "bn254_scale_powers",
            label,
            launch("bn254_scale_powers", size, column, twin, size, size, tables, tables),
            moved,
            scaling,
        ),
        Case(
            "bn254_reverse_scale",
            label,
            launch("bn254_reverse_scale", size, column, twin, log_size, tables, tables),
            moved,
            scaling,
        ),
    ]


def _sums(memory: Memory, log_size: int) -> list[Case]:
    """Multi-scalar multiplication; the one by name is the whole of it."""
    count = 1 << log_size
    [generator] = curve.encode([GENERATOR])
    elements = _elements(count)
    points, scalars = curve.multiply_base(generator, elements), memory.upload(elements)
    bases = Bases.upload(memory, points)
    cut = Windows.cheapest(2 * count)
    entries, buckets = cut.count * 2.0 * count, cut.count * cut.buckets
    return [
        Case("bn254_endomorphism", f"2^{log_size}", lambda: Bases.upload(memory, points), 3 * ELEMENT * count, 0.0),
        Case(
            "bn254_add_entries",
            f"2^{log_size}",
            lambda: multiply_sum(memory, bases, scalars),
            120 * entries + 2 * SUM_BYTES * buckets,
            (10.0 * PRODUCT + 7 * SUM) * entries + 4 * 14.0 * PRODUCT * buckets,
        ),
    ]


def _elements(count: int) -> HostArray:
    """Return random elements: the highest word is below 2^61, so they are below both moduli."""
    words = np.random.default_rng(1).integers(0, 2**61, size=count * WORDS, dtype=np.uint64)
    return words.reshape(count, WORDS)
