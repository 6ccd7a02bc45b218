"""Multi-scalar multiplication over BN254's group G1 on a device, by Pippenger's buckets."""

from __future__ import annotations

from dataclasses import dataclass

from cuda.arrays import DeviceArray, Memory
from cuda.device import WORD
from cuda.operations import prefix_sums
from cuda.transforms import blocks
from proving.backend.interface import HostArray
from proving.hash.bn254 import WORDS

#: Words of a point: affine, and in the extended coordinates that sums are kept in.
AFFINE_WORDS = 2 * WORDS
POINT_WORDS = 4 * WORDS
#: The most points of one sum: an entry names one of twice as many, and a sign, in 32 bits.
MAX_POINTS = 1 << 30

#: Digits of this many bits hold halves of less than 126 and the carry of the signs.
HALF_BITS = 127
#: The least and most bits of a digit: no more buckets than fit the cache.
MIN_BITS, MAX_BITS = 2, 17
#: Entries that a thread adds up, and buckets that a thread weighs.
ENTRIES, BUCKETS = 64, 8

_BLOCK, _POINT_BLOCK = 128, 64


@dataclass(frozen=True)
class Windows:
    """How halves are cut: into `count` digits of `bits` bits, from ``-2^(bits - 1)`` to ``2^(bits - 1)``."""

    bits: int

    @property
    def count(self) -> int:
        """Digits of a half."""
        return -(-HALF_BITS // self.bits)

    @property
    def buckets(self) -> int:
        """Buckets of a window."""
        return 1 << (self.bits - 1)

    @property
    def bias(self) -> int:
        """``2^(bits - 1)`` in every digit but the highest: added first, it makes plain digits of signed ones."""
        return sum(1 << (self.bits * (window + 1) - 1) for window in range(self.count - 1))

    @classmethod
    def cheapest(cls, halves: int) -> Windows:
        """Return the cheapest windows, counted in additions: one for each half, and about three for each bucket."""
        candidates = map(cls, range(MIN_BITS, MAX_BITS + 1))
        return min(candidates, key=lambda windows: windows.count * (halves + 3 * windows.buckets))


@dataclass(frozen=True)
class Bases:
    """Points on the device.

    Attributes
    ----------
    points
        ``(count, 8)``: affine, as the native library has them.
    images
        ``(count, 4)``: their x under the endomorphism.
    """

    points: DeviceArray
    images: DeviceArray

    @classmethod
    def upload(cls, memory: Memory, points: HostArray) -> Bases:
        """Copy points ``(count, 8)``, at least one, of the curve or infinity, and compute their images."""
        count = len(points)
        uploaded, images = memory.upload(points), memory.empty(count, WORDS)
        arguments = [uploaded.pointer, images.pointer, count]
        memory.device.launch("bn254_endomorphism", (blocks(count, _BLOCK), 1), _BLOCK, arguments)
        return cls(uploaded, images)


def multiply_sum(memory: Memory, bases: Bases, scalars: DeviceArray, windows: Windows | None = None) -> HostArray:
    """Return the sum of ``scalars[i] points[i]`` as one point ``(8,)``; zeros for infinity.

    Parameters
    ----------
    scalars
        ``(count, 4)`` of Fr, at least one and not more than there are points.
    windows
        How scalars are cut, by default the cheapest way.

    Raises
    ------
    ValueError
        There are no scalars, or too many.
    """
    count = scalars.shape[0]
    if not 0 < count <= min(bases.points.shape[0], MAX_POINTS):
        raise ValueError(
            f"{count} scalars need as many points, at most {MAX_POINTS}; there are {bases.points.shape[0]}"
        )
    cut = windows or Windows.cheapest(2 * count)
    sums = _Sums(memory, cut, count)
    sums.sort(scalars)
    sums.add(bases)
    result: HostArray = memory.download(sums.reduce(), small=True)[0]
    return result


class _Sums:
    """The buckets of one multiplication."""

    def __init__(self, memory: Memory, windows: Windows, count: int) -> None:
        self._memory, self._windows, self._halves = memory, windows, 2 * count
        self._buckets = windows.count * windows.buckets

    def sort(self, scalars: DeviceArray) -> None:
        """Place the entries of every bucket side by side."""
        memory, cut = self._memory, self._windows
        halves = memory.empty(self._halves, 2)
        count, bias = self._halves // 2, cut.bias
        arguments = [scalars.pointer, count, bias & (2**64 - 1), bias >> 64, halves.pointer]
        memory.device.launch("bn254_split_scalars", (blocks(count, _BLOCK), 1), _BLOCK, arguments)
        # One more than there are buckets, so that the last sum is the number of entries; the powers of one times zero.
        counts = memory.empty(1, self._buckets + 1)
        grid = (blocks(counts.size, _BLOCK), 1)
        memory.device.launch("fill_powers", grid, _BLOCK, [counts.pointer, counts.size, 1, 0])
        grid = (blocks(self._halves, _BLOCK), cut.count)
        digits = [halves.pointer, self._halves, cut.bits, cut.count]
        memory.device.launch("bn254_count_digits", grid, _BLOCK, [*digits, counts.pointer])
        self._begins = prefix_sums(memory, counts)
        self._entries = memory.empty(1, -(-cut.count * self._halves // 2))
        arguments = [*digits, self._begins.pointer, self._entries.pointer]
        memory.device.launch("bn254_place_digits", grid, _BLOCK, arguments)

    def add(self, bases: Bases) -> None:
        """Add up the points of every bucket."""
        memory = self._memory
        pieces = blocks(self._windows.count * self._halves, ENTRIES)
        self._sums = memory.empty(self._buckets, POINT_WORDS)
        heads = memory.empty(pieces, POINT_WORDS)
        memory.device.launch(
            "bn254_add_entries",
            (blocks(pieces, _BLOCK), 1),
            _BLOCK,
            [
                bases.points.pointer,
                bases.images.pointer,
                self._halves // 2,
                self._entries.pointer,
                self._begins.pointer,
                self._buckets,
                ENTRIES,
                self._sums.pointer,
                heads.pointer,
            ],
        )
        memory.device.launch(
            "bn254_join_heads",
            (blocks(self._buckets, _POINT_BLOCK), 1),
            _POINT_BLOCK,
            [self._begins.pointer, self._buckets, ENTRIES, heads.pointer, self._sums.pointer],
            shared=WORD * POINT_WORDS * _POINT_BLOCK,
        )

    def reduce(self) -> DeviceArray:
        """Return the sum of all buckets, each as often as its digit and window say, ``(1, 8)``."""
        memory, cut = self._memory, self._windows
        length = blocks(cut.buckets, BUCKETS * _POINT_BLOCK)
        partial = memory.empty(cut.count * length, POINT_WORDS)
        memory.device.launch(
            "bn254_reduce_buckets",
            (length, cut.count),
            _POINT_BLOCK,
            [self._begins.pointer, self._sums.pointer, cut.buckets, BUCKETS, partial.pointer],
            shared=WORD * POINT_WORDS * _POINT_BLOCK,
        )
        sums = memory.empty(cut.count, POINT_WORDS)
        memory.device.launch(
            "bn254_sum_partials",
            (cut.count, 1),
            _POINT_BLOCK,
            [partial.pointer, length, sums.pointer],
            shared=WORD * POINT_WORDS * _POINT_BLOCK,
        )
        result = memory.empty(1, AFFINE_WORDS)
        arguments = [sums.pointer, cut.count, cut.bits, result.pointer]
        memory.device.launch("bn254_join_windows", (1, 1), 1, arguments)
        return result
