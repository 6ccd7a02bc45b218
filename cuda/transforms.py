"""Transforms of columns on a device: the plan of passes, and the tables of roots and powers."""

from __future__ import annotations

from collections import OrderedDict

from cuda.arrays import DeviceArray, Memory
from cuda.device import WORD
from proving.backend.interface import PRIME

#: log2 of the words of a tile; layers of a pass, where there are several.
LOG_TILE = 12
MOST_LAYERS = 8
#: Words for the twiddles of a step: 15 powers of 16 twiddles.
TWIDDLE_WORDS = 240
#: Words of shared memory of a tile of a pass of several: padded, and the powers of one step or of two.
TILE_WORDS = (1 << LOG_TILE) + 256 + TWIDDLE_WORDS
#: log2 of the length of the lower table of powers (`kLogLow` in ntt.cu).
LOG_POWERS = 12
#: Tables of powers kept: a proof uses two per height.
CACHED_POWERS = 64


def passes(log_size: int) -> list[int]:
    """Return the layers of each pass of a transform of ``2^log_size`` words.

    What fits a tile takes one pass. More takes as few as there can be with at most eight layers each, two radix-16
    steps, of about the same number; those with fewer come first, so that rows of a strip are as far apart as a strip is
    long.
    """
    if log_size <= LOG_TILE:
        return [log_size]
    count = -(-log_size // MOST_LAYERS)
    return [(log_size + number) // count for number in range(count)]


def blocks(count: int, threads: int) -> int:
    """Return how many blocks of so many threads cover the count."""
    return max(1, -(-count // threads))


class Transforms:
    """Launches transforms; keeps the tables that they read on the device."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._roots: dict[bool, DeviceArray] = {}
        self._powers: OrderedDict[tuple[int, int, int], tuple[DeviceArray, DeviceArray]] = OrderedDict()

    def roots(self, log_size: int, *, inverse: bool) -> int:
        """Return the address of a table of at least ``2^log_size`` bit-reversed roots."""
        table = self._roots.get(inverse)
        if table is None or table.shape[1] < 1 << log_size:
            table = self._memory.empty(1, 1 << max(log_size, LOG_TILE))
            count = table.shape[1]
            self._memory.device.launch("fill_roots", (blocks(count, 256), 1), 256, [table.pointer, count, int(inverse)])
            self._roots[inverse] = table
        return table.pointer

    def forget(self) -> None:
        """Drop every table."""
        self._roots.clear()
        self._powers.clear()

    def transform(
        self, source: DeviceArray, target: DeviceArray, log_size: int, log_blocks: int, *, inverse: bool
    ) -> None:
        """Transform every column: natural order in, bit-reversed out.

        Each column of ``source`` becomes ``2^log_blocks`` blocks of the domain in ``target``.
        """
        direction = "inverse" if inverse else "forward"
        roots = self.roots(max(log_size + log_blocks, 1) - 1, inverse=inverse)
        units = source.shape[0] << log_blocks
        planned = passes(log_size)
        if len(planned) == 1:
            size = 1 << log_size
            self._memory.device.launch(
                f"ntt_{direction}",
                (units, 1),
                min(256, max(1, size >> 4)),
                [source.pointer, target.pointer, roots, log_size, log_blocks, log_blocks],
                shared=WORD * (size + (size >> 4) + TWIDDLE_WORDS),
            )
            return
        pointer, sharing, first = source.pointer, log_blocks, 0
        for layers in planned:
            self._memory.device.launch(
                f"ntt_tiles_{direction}",
                (units << (log_size - LOG_TILE), 1),
                256,
                [pointer, target.pointer, roots, log_size, first, layers, log_blocks, sharing],
                shared=WORD * TILE_WORDS,
            )
            pointer, sharing, first = target.pointer, 0, first + layers

    def reverse(self, source: DeviceArray, target: DeviceArray, log_size: int, base: int = 1, factor: int = 1) -> None:
        """Set ``target[i] = source[reversed i] * factor * base^i`` in every column."""
        low, high = self._powers_of(base, factor, log_size)
        self._memory.device.launch(
            "reverse_scale",
            (1 << max(0, log_size - 10), source.shape[0]),
            256,
            [source.pointer, target.pointer, log_size, low, high],
            shared=WORD * 32 * 33,
        )

    def scale(self, source: DeviceArray, target: DeviceArray, log_size: int, base: int) -> None:
        """Set ``target[i] = source[i] * base^i`` in every column."""
        low, high = self._powers_of(base, 1, log_size)
        self._memory.device.launch(
            "scale_powers",
            (blocks(1 << log_size, 256), source.shape[0]),
            256,
            [source.pointer, target.pointer, log_size, low, high],
        )

    def _powers_of(self, base: int, factor: int, log_size: int) -> tuple[int, int]:
        if base == 1 and factor == 1:
            return 0, 0
        key = (base, factor, log_size)
        tables = self._powers.get(key)
        if tables is None:
            low_size = 1 << min(log_size, LOG_POWERS)
            tables = (
                self._fill(low_size, base, factor),
                self._fill(1 << max(0, log_size - LOG_POWERS), pow(base, 1 << LOG_POWERS, PRIME), 1),
            )
            self._powers[key] = tables
            if len(self._powers) > CACHED_POWERS:
                self._powers.popitem(last=False)
        return tables[0].pointer, tables[1].pointer

    def _fill(self, count: int, base: int, factor: int) -> DeviceArray:
        table = self._memory.empty(1, count)
        self._memory.device.launch("fill_powers", (blocks(count, 256), 1), 256, [table.pointer, count, base, factor])
        return table
