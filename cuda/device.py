"""What a device does for the backend: memory, copies, launches. Two kinds: CUDA's driver, and thread emulation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T")

#: Bytes of one field element.
WORD = 8
#: Bytes of shared memory that every device gives a block without being asked for more.
SHARED = 48 << 10


class Device(Protocol):
    """A place with memory of its own that runs kernels in the order of their launches.

    Attributes
    ----------
    name
        For people: model and number.
    memory
        Bytes that a new pool may take, unless a budget says otherwise.
    granularity
        Sizes of allocations are rounded up to a multiple of this many bytes.
    grinding_wave
        Nonces tried between two looks at the result; a power of two of at least 128.
    kernels
        The names of what can be launched.
    """

    name: str
    memory: int
    granularity: int
    grinding_wave: int
    kernels: frozenset[str]

    def allocate(self, size: int) -> int:
        """Return the address of new memory of undefined content.

        Raises
        ------
        DeviceOutOfMemory
            The device has no such piece left.
        """
        ...

    def free(self, pointer: int) -> None:
        """Give memory back to the device."""
        ...

    def mark(self) -> Any:
        """Return a token for everything launched so far, for ``copy_in``."""
        ...

    def copy_in(self, pointer: int, host: npt.NDArray[np.uint64], after: Any) -> None:
        """Copy a contiguous host array to the device, after the work that the token stands for.

        The host array may change when the call returns; launches that follow see the copy.
        """
        ...

    def copy_out(self, host: npt.NDArray[np.uint64], pointer: int) -> None:
        """Copy from the device to a contiguous host array, after everything launched so far."""
        ...

    def launch(self, kernel: str, grid: tuple[int, int], block: int, arguments: Sequence[int], shared: int = 0) -> None:
        """Launch a kernel.

        Parameters
        ----------
        kernel
            The kernel's name.
        grid, block
            Blocks in x and y, and threads of a block.
        arguments
            The parameters, each one 64-bit word.
        shared
            Bytes of dynamic shared memory.

        Raises
        ------
        LaunchRefused, DeviceLost
            The launch is impossible, or the device failed.
        """
        ...

    def synchronize(self) -> None:
        """Wait for everything launched so far."""
        ...

    def together(self, work: Callable[[], T]) -> T:
        """Run work that makes many calls, where they cost least, and return what it returns."""
        ...

    def close(self) -> None:
        """Release the device."""
        ...
