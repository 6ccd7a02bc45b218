"""Copies of arrays that a native object owns."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proving.native import NativeFunction


def copy_array(getter: NativeFunction, handle: int, which: int, dtype: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    """Copy array number `which` of a native object.

    Parameters
    ----------
    getter
        ``size_t getter(handle, which, const void** data)``, returning bytes.
    shape
        Of the result; one dimension may be -1.
    """
    address = ctypes.c_void_p()
    size = getter(handle, which, ctypes.addressof(address))
    result = np.empty(size // np.dtype(dtype).itemsize, dtype=dtype)
    if size:
        ctypes.memmove(result.ctypes.data, address, size)
    return result.reshape(shape)
