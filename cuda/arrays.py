"""Arrays of field elements on a device, and the moves between them and the host."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cuda.device import WORD, Device
from cuda.memory import Piece, Pool
from cuda.traffic import Traffic
from proving.backend.interface import HostArray, log2_exact

#: CUDA's limit for blocks in y, hence for columns of one matrix.
MAX_COLUMNS = 65535


class DeviceArray:
    """A column-major matrix ``(columns, rows) uint64``, contiguous on the device; views share the piece."""

    __slots__ = ("piece", "pointer", "shape")

    def __init__(self, piece: Piece, pointer: int, shape: tuple[int, int]) -> None:
        self.piece = piece
        self.pointer = pointer
        self.shape = shape

    @property
    def size(self) -> int:
        """Elements."""
        return self.shape[0] * self.shape[1]

    def columns(self) -> list[int]:
        """Return the address of every column."""
        return [self.pointer + WORD * self.shape[1] * column for column in range(self.shape[0])]

    def view(self, first: int, count: int) -> DeviceArray:
        """Return neighbouring columns, in place."""
        return DeviceArray(self.piece, self.pointer + WORD * self.shape[1] * first, (count, self.shape[1]))


class Memory:
    """Allocates arrays and moves them, counting every byte."""

    def __init__(self, device: Device, pool: Pool, traffic: Traffic) -> None:
        self.device = device
        self.pool = pool
        self.traffic = traffic

    def empty(self, columns: int, rows: int) -> DeviceArray:
        """Return an array of undefined content."""
        piece = self.pool.allocate(WORD * columns * rows)
        return DeviceArray(piece, piece.pointer, (columns, rows))

    def upload(self, host: HostArray) -> DeviceArray:
        """Copy whole columns to the device."""
        return self._copy_in(host, small=False)

    def upload_small(self, values: Sequence[int] | HostArray) -> DeviceArray:
        """Copy addresses, scalars or indices to the device, as one column."""
        return self._copy_in(np.ascontiguousarray(values, dtype=np.uint64).reshape(1, -1), small=True)

    def upload_halves(self, values: npt.NDArray[np.uint32]) -> DeviceArray:
        """Copy words of 32 bits to the device, two in each word of one column; the last one may be half empty."""
        halves = np.ascontiguousarray(values, dtype=np.uint32).reshape(-1)
        whole = halves[: halves.size & ~1].view(np.uint64)
        array = self.empty(1, max(1, halves.size + 1 >> 1))
        parts = [whole, halves[-1:].astype(np.uint64)] if halves.size % 2 else [whole]
        start = array.pointer
        for part in parts:
            if part.size:
                self.device.copy_in(start, part, array.piece.after)
                self.traffic.count_in(part.nbytes, small=False)
            start += part.nbytes
        return array

    def download(self, array: DeviceArray, *, small: bool = False) -> HostArray:
        """Copy an array to the host."""
        host = np.empty(array.shape, dtype=np.uint64)
        self.device.copy_out(host, array.pointer)
        self.traffic.count_out(host.nbytes, small=small)
        return host

    def _copy_in(self, host: HostArray, *, small: bool) -> DeviceArray:
        array = self.empty(host.shape[0], host.shape[1])
        self.device.copy_in(array.pointer, host, array.piece.after)
        self.traffic.count_in(host.nbytes, small=small)
        return array


def check_matrix(array: object, columns: int | None = None, min_rows: int = 1) -> DeviceArray:
    """Return the array when it is a matrix on a device whose height is a power of two.

    Raises
    ------
    ValueError
        It is not, or it has another number of columns, or too few rows.
    """
    if not isinstance(array, DeviceArray):
        raise ValueError(f"expected an array on the device, got {type(array).__name__}")
    if columns is not None and array.shape[0] != columns:
        raise ValueError(f"expected {columns} columns, got {array.shape[0]}")
    if not 1 <= array.shape[0] <= MAX_COLUMNS:
        raise ValueError(f"expected 1 to {MAX_COLUMNS} columns, got {array.shape[0]}")
    log2_exact(array.shape[1])
    if array.shape[1] < min_rows:
        raise ValueError(f"expected at least {min_rows} rows, got {array.shape[1]}")
    return array
