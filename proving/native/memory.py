"""Large arrays in memory that stays with the process.

A proof makes and drops arrays of gigabytes. Memory that goes back to the system in between is cleared page by page when
it is next touched, which costs a fifth of a proof; so arrays of at least a huge page come from one range of addresses
whose pages the process keeps. It holds no more than the most that was in use at once; :func:`release` gives back what
is free.
"""

from __future__ import annotations

import ctypes
import math
import weakref

import numpy as np
from numpy.typing import NDArray

from proving.native import POINTER, SIZE, function

#: Smaller arrays are NumPy's own.
MIN_BYTES = 1 << 21

#: The domain under which NumPy and these arrays appear in `tracemalloc` (numpy.lib.tracemalloc_domain).
_TRACE_DOMAIN = np.lib.tracemalloc_domain

_take = function("hm_memory_take", POINTER, [SIZE])
_give = function("hm_memory_give", None, [POINTER])
_release = function("hm_memory_release", None, [])
_clear = function("hm_memory_clear", None, [POINTER, SIZE])
_copy = function("hm_memory_copy", None, [POINTER, POINTER, SIZE])


class _Block:
    """Memory of one array, given back when no array refers to it any more."""

    def __init__(self, shape: tuple[int, ...], size: int) -> None:
        address = _take(size)
        if not address:
            raise MemoryError(f"no {size} bytes of address space are left for an array")
        self.__array_interface__ = {"shape": shape, "typestr": "<u8", "data": (address, False), "version": 3}
        ctypes.pythonapi.PyTraceMalloc_Track(
            ctypes.c_uint(_TRACE_DOMAIN), ctypes.c_void_p(address), ctypes.c_size_t(size)
        )
        weakref.finalize(self, _give_back, address).atexit = False


def _give_back(address: int) -> None:
    ctypes.pythonapi.PyTraceMalloc_Untrack(ctypes.c_uint(_TRACE_DOMAIN), ctypes.c_void_p(address))
    _give(address)


def empty(shape: tuple[int, ...]) -> NDArray[np.uint64]:
    """Return an uninitialised C-contiguous array.

    Raises
    ------
    MemoryError
        There is no room for it.
    """
    size = 8 * math.prod(shape)
    if size < MIN_BYTES:
        return np.empty(shape, dtype=np.uint64)
    return np.asarray(_Block(shape, size))


def zeros(shape: tuple[int, ...]) -> NDArray[np.uint64]:
    """Return an array of zeros, cleared on all threads; raises as :func:`empty`."""
    size = 8 * math.prod(shape)
    if size < MIN_BYTES:
        return np.zeros(shape, dtype=np.uint64)
    array = empty(shape)
    _clear(array.ctypes.data, size)
    return array


def copy(target: NDArray[np.uint64], source: NDArray[np.uint64]) -> None:
    """Copy a contiguous array to the beginning of another one, on all threads."""
    if not (source.flags.c_contiguous and target.flags.c_contiguous and source.nbytes <= target.nbytes):
        raise ValueError(f"{source.nbytes} contiguous bytes do not fit {target.nbytes}")
    _copy(target.ctypes.data, source.ctypes.data, source.nbytes)


def release() -> None:
    """Return the memory that no array uses to the system."""
    _release()
