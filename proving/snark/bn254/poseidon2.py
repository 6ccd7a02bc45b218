"""Poseidon2 over Fr, width 3: the published instance, by the native kernel."""

from __future__ import annotations

import functools

import numpy as np

from proving.native import POINTER, SIZE, function, memory
from proving.snark.bn254.field import FR, LIMBS, Elements
from proving.snark.bn254.poseidon2_constants import ROUND_CONSTANTS, WIDTH

_permute = function("hm_bn254_poseidon2", None, [POINTER, POINTER, SIZE, POINTER])


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
