"""Transforms of columns on the CPU; see :class:`proving.backend.interface.Backend`."""

from __future__ import annotations

from ctypes import c_uint

from proving.backend.interface import HostArray, log2_exact
from proving.native import POINTER, SIZE, UNSIGNED, function, memory

_lde = function("hm_lde", None, [POINTER, POINTER, SIZE, c_uint, c_uint, UNSIGNED])
_evaluate = function("hm_coset_evaluate", None, [POINTER, POINTER, SIZE, c_uint, c_uint, UNSIGNED])
_interpolate = function("hm_coset_interpolate", None, [POINTER, POINTER, SIZE, c_uint, UNSIGNED])


def lde(trace: HostArray, log_blowup: int, shift: int) -> HostArray:
    """Extend columns ``(c, n)`` from the subgroup to the coset, ``(c, n << log_blowup)``."""
    columns, rows = trace.shape
    out = memory.empty((columns, rows << log_blowup))
    _lde(trace.ctypes.data, out.ctypes.data, columns, log2_exact(rows), log_blowup, shift)
    return out


def interpolate(values: HostArray, shift: int) -> HostArray:
    """Return the coefficients ``(c, m)`` of bit-reversed values on the coset."""
    out = memory.empty(values.shape)
    _interpolate(values.ctypes.data, out.ctypes.data, values.shape[0], log2_exact(values.shape[1]), shift)
    return out


def evaluate(coefficients: HostArray, log_blowup: int, shift: int) -> HostArray:
    """Evaluate coefficients ``(c, n)`` on the coset, ``(c, n << log_blowup)`` bit-reversed."""
    columns, rows = coefficients.shape
    out = memory.empty((columns, rows << log_blowup))
    _evaluate(coefficients.ctypes.data, out.ctypes.data, columns, log2_exact(rows), log_blowup, shift)
    return out
