"""What the expansions of all circuits launch: zeroed tables, and kernels with a thread for each row or turn."""

from __future__ import annotations

from collections.abc import Sequence

from cuda.arrays import DeviceArray, Memory
from cuda.device import Device
from cuda.transforms import blocks

#: Words that a thread of `expand_nothing` writes (`kTogether` in segment.cu).
TOGETHER = 8
#: Rows of a compression in `main_vm` and in the chain of a basic circuit.
COMPRESSION_ROWS = 8


def zeroed(memory: Memory, columns: int, rows: int) -> DeviceArray:
    """Return an array of zeros."""
    array = memory.empty(columns, rows)
    launch(memory.device, "expand_nothing", blocks(array.size, TOGETHER), 256, [array.pointer, array.size])
    return array


def launch(device: Device, kernel: str, threads: int, block: int, arguments: Sequence[int]) -> None:
    """Launch so many threads, none where there are none."""
    if threads:
        device.launch(kernel, (blocks(threads, block), 1), block, arguments)
