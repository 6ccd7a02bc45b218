"""Permutations of field elements behind one interface: the family and the width are parameters of a layer."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from proving.backend.interface import HostArray
from proving.hash.poseidon import Poseidon
from proving.native import POINTER, SIZE, function

__all__ = ["POSEIDON2_WIDTHS", "Permutation", "Poseidon", "Poseidon2"]

_poseidon2 = function("hm_poseidon2", None, [POINTER, POINTER, SIZE, SIZE])

#: Widths of Plonky3's published instances over Goldilocks.
POSEIDON2_WIDTHS = (8, 12, 16)


class Permutation(Protocol):
    """A permutation of ``width`` canonical elements."""

    @property
    def width(self) -> int:
        """The number of elements of a state."""
        ...

    def permute(self, batch: HostArray) -> HostArray:
        """Permute states ``(..., width)``."""
        ...


class Poseidon2:
    """Poseidon2, Plonky3's instance of the given width, by the native kernel.

    Raises
    ------
    ValueError
        When there is no instance of the width.
    """

    def __init__(self, width: int) -> None:
        if width not in POSEIDON2_WIDTHS:
            raise ValueError(f"no Poseidon2 instance of width {width}; there are {POSEIDON2_WIDTHS}")
        self.width = width

    def permute(self, batch: HostArray) -> HostArray:
        """Permute states ``(..., width)``."""
        states = np.ascontiguousarray(batch, dtype=np.uint64)
        if states.shape[-1:] != (self.width,):
            raise ValueError(f"states have shape {states.shape}, expected (..., {self.width})")
        permuted = np.empty_like(states)
        _poseidon2(states.ctypes.data, permuted.ctypes.data, states.size // self.width, self.width)
        return permuted
