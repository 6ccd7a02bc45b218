"""The vector instructions that fill a witness: each one works on whole arrays of variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proving.snark.bn254 import poseidon2
from proving.snark.bn254.field import FR, Elements
from proving.snark.circuit import Ids
from proving.snark.columns import Column


@dataclass(frozen=True)
class ConstantStep:
    """Variables get constants.

    Attributes
    ----------
    out
        ``(count,)``.
    constants
        ``(count, 4) uint64``.
    """

    out: Ids
    constants: Elements

    def fill(self, values: Elements) -> None:
        """See `Step`."""
        values[self.out] = self.constants


@dataclass(frozen=True)
class CombineStep:
    """``out = ab a b + cd c d + a a + b b + c c + d d + k`` in every lane.

    Attributes
    ----------
    out
        ``(lanes,)``.
    wires
        The variables ``a``, ``b``, ``c``, ``d`` as far as they are used, ``(lanes,)`` each.
    factors
        ``ab``, ``cd``, ``a``, ``b``, ``c``, ``d``, ``k``; left out where zero.
    """

    out: Ids
    wires: Mapping[str, Ids]
    factors: Mapping[str, int]

    def fill(self, values: Elements) -> None:
        """See `Step`."""
        wires = {name: Column(values[ids]) for name, ids in self.wires.items()}
        total = Column.constant(self.factors.get("k", 0), self.out.size)
        for name, factor in self.factors.items():
            if name != "k":
                first, *second = (wires[wire] for wire in name)
                total = total + (first * second[0] if second else first) * factor
        values[self.out] = total.array


@dataclass(frozen=True)
class LimbStep:
    """Variables get the limbs of others, lowest first.

    Attributes
    ----------
    value
        ``(lanes,)``.
    out
        ``(lanes, limbs)``.
    bits
        Of each limb, at most 32.
    """

    value: Ids
    out: Ids
    bits: int

    def fill(self, values: Elements) -> None:
        """See `Step`."""
        limbs = cut(FR.to_limbs(values[self.value]), self.bits, self.out.shape[1])
        values[self.out.reshape(-1)] = FR.from_u64(limbs.reshape(-1))


@dataclass(frozen=True)
class PermutationStep:
    """Poseidon2's states, row by row.

    Attributes
    ----------
    cells
        ``(rows + 1, 4, lanes)``: the variables of the gates' rows and of the row that holds the output; those of the
        first row's wires a, b, c are given. Wire d counts in rows of two partial rounds.
    """

    cells: Ids

    def fill(self, values: Elements) -> None:
        """See `Step`."""
        poseidon2.fill_rows(values, self.cells)


def cut(numbers: NDArray[np.uint64], bits: int, count: int) -> NDArray[np.uint64]:
    """Return the `count` lowest pieces of so many bits, at most 32, ``(lanes, count)``, of numbers ``(lanes, 4)``."""
    words = np.zeros((len(numbers), 5), dtype=np.uint64)
    words[:, :4] = numbers
    places = np.arange(count, dtype=np.uint64) * np.uint64(bits)
    word, shift = np.minimum(places // np.uint64(64), np.uint64(4)).astype(np.int64), places % np.uint64(64)
    above = np.minimum(word + 1, 4)
    # A shift by 64 is undefined; twice by half of it is not.
    high = words[:, above] << np.uint64(1) << (np.uint64(63) - shift)
    return np.ascontiguousarray((words[:, word] >> shift | high) & np.uint64((1 << bits) - 1))
