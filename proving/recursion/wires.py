"""Wires: the values that a circuit's rows hand to each other.

A wire holds four base elements and has one writer. An extension element fills three of them, a digest all four, a base
element one; the rest is zero. A *scalar* names one element of a wire: ``4 * wire + component``. Arrays of scalars are
what the verifier computes with when it is written down as a circuit; they can be rearranged, never looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from proving.stark.arithmetic import Words

#: Wires or scalars, any shape.
Ids = npt.NDArray[np.int64]

#: Elements of a wire.
COMPONENTS = 4
#: Elements of an extension element.
EXTENSION = 3


@dataclass(frozen=True, eq=False)
class Wires:
    """An array of scalars; asking it for its truth or an element raises."""

    ids: Ids

    def _refuse(self, *_: object) -> NoReturn:
        raise TypeError("a wire's value is not known when its circuit is written down")

    __bool__ = __len__ = __iter__ = __int__ = __index__ = __float__ = __getitem__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = _refuse


class WireTable:
    """Allocates wires and interns constants.

    Attributes
    ----------
    count : wires so far
    constants : wire by its value, four words
    """

    def __init__(self) -> None:
        self.count = 0
        self.constants: dict[tuple[int, ...], int] = {}
        self._base: set[int] = set()
        self._base_ranges: list[tuple[int, int]] = []

    def allocate(self, count: int, *, base: bool = False) -> Ids:
        """Return new wires ``(count,)``; `base` ones hold nothing but a base element."""
        first = self.count
        self.count += count
        if base and count:
            self._base_ranges.append((first, self.count))
        return np.arange(first, self.count, dtype=np.int64)

    def constant(self, value: tuple[int, ...]) -> int:
        """Return the wire of a constant, four words."""
        found = self.constants.get(value)
        if found is None:
            found = int(self.allocate(1, base=not any(value[1:]))[0])
            self.constants[value] = found
        return found

    def scalars(self, words: Words) -> Ids:
        """Return the scalars of base constants of any shape."""
        distinct, place = np.unique(words, return_inverse=True)
        wires = np.array([self.constant((int(word), 0, 0, 0)) for word in distinct], dtype=np.int64)
        scalars: Ids = COMPONENTS * wires[place].reshape(words.shape)
        return scalars

    def is_base(self, wires: Ids) -> npt.NDArray[np.bool_]:
        """Tell which wires hold nothing but a base element."""
        found = np.zeros(wires.shape, dtype=bool)
        if self._base_ranges:
            starts, ends = np.array(self._base_ranges, dtype=np.int64).T
            place = np.searchsorted(starts, wires, side="right") - 1
            found = (place >= 0) & (wires < ends[np.maximum(place, 0)])
        return found

    def values(self) -> dict[int, tuple[int, ...]]:
        """Return the value of every constant by its wire."""
        return {wire: value for value, wire in self.constants.items()}


def components(wires: Ids, count: int) -> Ids:
    """Return the first scalars of wires: ``(...)`` to ``(..., count)``."""
    scalars: Ids = COMPONENTS * wires[..., None] + np.arange(count)
    return scalars
