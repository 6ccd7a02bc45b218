"""Transforms over BN254's scalar field on a device: natural order in and out, on any coset."""

from __future__ import annotations

import itertools
from collections import OrderedDict

from cuda.arrays import DeviceArray, Memory
from cuda.bn254 import scalars
from cuda.device import WORD
from cuda.transforms import LOG_POWERS, blocks
from proving.hash.bn254 import MODULUS, WORDS

#: 2^28 divides r - 1, and the smallest generator of the multiplicative group.
TWO_ADICITY = 28
GENERATOR = 5
#: log2 of the elements of a tile.
LOG_TILE = 10
#: Tables of powers kept: a proof uses two for each of five cosets.
CACHED_POWERS = 16

_BLOCK = 128


def passes(log_size: int) -> list[tuple[int, int]]:
    """Return the passes ``(first layer, layers)`` of a transform of ``2^log_size`` elements, as even as they can be."""
    count = max(1, -(-log_size // LOG_TILE))
    bounds = [log_size * at // count for at in range(count + 1)]
    return [(first, following - first) for first, following in itertools.pairwise(bounds) if first < following]


class Bn254Transforms:
    """Launches transforms; keeps the tables that they read on the device."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._roots: dict[bool, DeviceArray] = {}
        self._powers: OrderedDict[tuple[int, int, int], tuple[DeviceArray, DeviceArray]] = OrderedDict()

    def forget(self) -> None:
        """Drop every table."""
        self._roots.clear()
        self._powers.clear()

    def values(self, coefficients: DeviceArray, log_size: int, shift: int) -> DeviceArray:
        """Evaluate coefficients ``(n, 4)``, n at most ``2^log_size``, on ``shift <w>``: ``(2^log_size, 4)``."""
        given, size = coefficients.shape[0], 1 << log_size
        padded = self._memory.empty(size, WORDS)
        arguments = [coefficients.pointer, padded.pointer, given, size, *self._powers_of(shift, 1, log_size)]
        self._memory.device.launch("bn254_scale_powers", (blocks(size, _BLOCK), 1), _BLOCK, arguments)
        self._transform(padded, padded, log_size, inverse=False)
        return self._reversed(padded, log_size, 1, 1)

    def coefficients(self, values: DeviceArray, log_size: int, shift: int) -> DeviceArray:
        """Interpolate values ``(2^log_size, 4)`` on ``shift <w>``: the way back."""
        if log_size == 0:
            return values
        transformed = self._memory.empty(1 << log_size, WORDS)
        self._transform(values, transformed, log_size, inverse=True)
        return self._reversed(transformed, log_size, pow(shift, -1, MODULUS), pow(1 << log_size, -1, MODULUS))

    def _transform(self, source: DeviceArray, target: DeviceArray, log_size: int, *, inverse: bool) -> None:
        """Transform natural order into bit-reversed order; without a layer the target keeps what it has."""
        roots = self._roots_of(log_size, inverse=inverse)
        pointer = source.pointer
        for first, layers in passes(log_size):
            tile = 1 << layers
            self._memory.device.launch(
                "bn254_ntt",
                (1 << (log_size - layers), 1),
                max(1, tile >> 2),
                [pointer, target.pointer, roots, log_size, first, layers],
                shared=WORD * WORDS * (tile + (tile >> 4)),
            )
            pointer = target.pointer

    def _reversed(self, source: DeviceArray, log_size: int, base: int, factor: int) -> DeviceArray:
        target = self._memory.empty(1 << log_size, WORDS)
        arguments = [source.pointer, target.pointer, log_size, *self._powers_of(base, factor, log_size)]
        self._memory.device.launch("bn254_reverse_scale", (blocks(1 << log_size, _BLOCK), 1), _BLOCK, arguments)
        return target

    def _roots_of(self, log_size: int, *, inverse: bool) -> int:
        """Return the address of a table of at least ``2^(log_size - 1)`` bit-reversed roots."""
        table = self._roots.get(inverse)
        if table is None or table.shape[0] < 1 << max(log_size - 1, 0):
            count = 1 << max(log_size - 1, LOG_TILE)
            root = pow(GENERATOR, (MODULUS - 1) >> TWO_ADICITY, MODULUS)
            primitive = pow(root, -1, MODULUS) if inverse else root
            orders = range(2, TWO_ADICITY + 1)
            steps = self._memory.upload_small(
                scalars(pow(primitive, 1 << (TWO_ADICITY - order), MODULUS) for order in orders)
            )
            table = self._memory.empty(count, WORDS)
            arguments = [table.pointer, count, steps.pointer]
            self._memory.device.launch("bn254_fill_roots", (blocks(count, _BLOCK), 1), _BLOCK, arguments)
            self._roots[inverse] = table
        return table.pointer

    def _powers_of(self, base: int, factor: int, log_size: int) -> tuple[int, int]:
        """Return the addresses of the tables of ``factor base^i`` for i below ``2^log_size``; zeros for ones."""
        if base == 1 and factor == 1:
            return 0, 0
        key = (base, factor, log_size)
        tables = self._powers.get(key)
        if tables is None:
            low = self._fill(1 << min(log_size, LOG_POWERS), base, factor)
            high = self._fill(1 << max(0, log_size - LOG_POWERS), pow(base, 1 << LOG_POWERS, MODULUS), 1)
            tables = self._powers[key] = low, high
            if len(self._powers) > CACHED_POWERS:
                self._powers.popitem(last=False)
        return tables[0].pointer, tables[1].pointer

    def _fill(self, count: int, base: int, factor: int) -> DeviceArray:
        constants = self._memory.upload_small(scalars([base, factor]))
        table = self._memory.empty(count, WORDS)
        arguments = [table.pointer, count, constants.pointer, constants.pointer + WORD * WORDS]
        self._memory.device.launch("bn254_fill_powers", (blocks(count, _BLOCK), 1), _BLOCK, arguments)
        return table
