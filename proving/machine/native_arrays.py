"""Arrays that a native object owns."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proving.native import NativeFunction


class NativeObject:
    """A handle to a native object, freed with the last array that views it."""

    def __init__(self, handle: int, free: NativeFunction, getter: NativeFunction) -> None:
        """`getter` is ``size_t getter(handle, which, const void** data)``, returning bytes."""
        self.handle = handle
        self._free = free
        self._getter = getter

    def __del__(self) -> None:
        """Free the native object."""
        self._free(self.handle)

    def view(self, which: int, dtype: Any, shape: tuple[int, ...]) -> NDArray[Any]:
        """Return array number `which`, read-only and without a copy; one dimension of `shape` may be -1."""
        address = ctypes.c_void_p()
        size = self._getter(self.handle, which, ctypes.addressof(address))
        if not size:
            return np.empty(tuple(max(n, 0) for n in shape), dtype=dtype)
        memory = (ctypes.c_char * size).from_address(address.value or 0)
        # NumPy keeps `memory`, and so the native object, for as long as an array views it.
        memory.owner = self
        result = np.frombuffer(memory, dtype=dtype).reshape(shape)
        result.flags.writeable = False
        return result

    def copy(self, which: int, dtype: Any, shape: tuple[int, ...]) -> NDArray[Any]:
        """Return a copy of array number `which`."""
        return self.view(which, dtype, shape).copy()
