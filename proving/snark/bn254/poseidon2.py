"""Poseidon2 over Fr, width 3: the published instance, by the native kernel."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from proving.hash.bn254_constants import FULL_ROUNDS, PARTIAL_ROUNDS, ROUND_CONSTANTS, WIDTH
from proving.native import POINTER, SIZE, function, memory
from proving.snark.bn254.field import FR, LIMBS, Elements

#: Rows of a permutation in the SNARK, the one that holds its output among them.
_LAYOUT_ROWS = FULL_ROUNDS + PARTIAL_ROUNDS // 2 + 1

_permute = function("hm_bn254_poseidon2", None, [POINTER, POINTER, SIZE, POINTER])
_rows = function("hm_bn254_poseidon2_rows", None, [POINTER, POINTER, SIZE, POINTER])


@functools.cache
def _constants() -> Elements:
    return FR.encode(constant for round_ in ROUND_CONSTANTS for constant in round_)


def permute(states: Elements) -> Elements:
    """Permute states ``(..., 3, 4) uint64``."""
    states = np.ascontiguousarray(states, dtype=np.uint64)
    if states.shape[-2:] != (WIDTH, LIMBS):
        raise ValueError(f"states have shape {states.shape}, expected (..., {WIDTH}, {LIMBS})")
    permuted = memory.empty(states.shape)
    count = states.size // (WIDTH * LIMBS)
    _permute(states.ctypes.data, permuted.ctypes.data, count, _constants().ctypes.data)
    return permuted


def fill_rows(values: Elements, cells: npt.NDArray[np.int64]) -> None:
    """Permute states in place of variables, and keep the state of every row of the SNARK's layout.

    Parameters
    ----------
    values
        ``(variables, 4)``; changed.
    cells
        ``(37, 4, lanes)``: the variables of each row's wires; those of the first row's wires a, b, c are given.
    """
    if not values.flags.c_contiguous or cells.shape[:2] != (_LAYOUT_ROWS, WIDTH + 1):
        raise ValueError(f"cells of shape {cells.shape} are not those of {_LAYOUT_ROWS} rows")
    cells = np.ascontiguousarray(cells, dtype=np.int64)
    _rows(values.ctypes.data, cells.ctypes.data, cells.shape[2], _constants().ctypes.data)
