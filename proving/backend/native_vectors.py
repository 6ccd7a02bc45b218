"""The native kernels on whole vectors and rows, which do not depend on how extended columns are held."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ctypes import c_uint
from typing import Any, TypeVar

import numpy as np

from proving.backend import native_air, native_expansion, native_transforms
from proving.backend.expansion import Expansion
from proving.backend.interface import PRIME, DeepTerm, HostArray, TreeHashing, log2_exact
from proving.backend.native_merkle import COMPRESSION
from proving.backend.program import TableProgram
from proving.native import POINTER, SIZE, UNSIGNED, function, memory

T = TypeVar("T")

_deep = function(
    "hm_deep_quotient", None, [POINTER, c_uint, UNSIGNED, SIZE, POINTER, POINTER, POINTER, POINTER, POINTER]
)
_lift_sum = function("hm_lift_sum", None, [POINTER, c_uint, SIZE, POINTER, POINTER])
_fold = function("hm_fold", None, [POINTER, POINTER, c_uint, POINTER, UNSIGNED])
_group = function("hm_group", None, [POINTER, POINTER, SIZE, c_uint])
_ext_mul = function("hm_ext_mul", None, [POINTER, POINTER, POINTER, SIZE])

#: The kernels on whole vectors need this many rows.
MIN_ROWS = 8


def check_matrix(array: Any, columns: int | None = None, min_rows: int = 1) -> HostArray:
    """Return the array as a contiguous ``(columns, rows) uint64`` matrix whose height is a power of two."""
    matrix: HostArray = np.ascontiguousarray(array)
    if matrix.dtype != np.uint64 or matrix.ndim != 2:
        raise ValueError(f"expected a matrix of uint64, got {matrix.dtype} of shape {matrix.shape}")
    if columns is not None and matrix.shape[0] != columns:
        raise ValueError(f"expected {columns} columns, got {matrix.shape[0]}")
    log2_exact(matrix.shape[1])
    if matrix.shape[1] < min_rows:
        raise ValueError(f"expected at least {min_rows} rows, got {matrix.shape[1]}")
    return matrix


def check_elements(array: Any, shape: tuple[int, ...]) -> HostArray:
    """Return the array as contiguous field elements of this shape."""
    result: HostArray = np.ascontiguousarray(array, dtype=np.uint64)
    if result.shape != shape:
        raise ValueError(f"expected field elements of shape {shape}, got {result.shape}")
    return result


class VectorKernels:
    """What every backend on the CPU computes alike, on all threads."""

    name = "native"
    bn254 = None

    def together(self, work: Callable[[], T]) -> T:
        """Run the work."""
        return work()

    def upload(self, host: HostArray) -> HostArray:
        """Return the array itself."""
        return np.ascontiguousarray(host)

    def download(self, array: HostArray) -> HostArray:
        """Return the array itself."""
        return array

    def expand(self, expansion: Expansion) -> dict[str, HostArray]:
        """Return traces by table; see the interface."""
        return native_expansion.expand(expansion)

    def coset_interpolate(self, values: HostArray, shift: int) -> HostArray:
        """Interpolate bit-reversed values on the coset; see the interface."""
        return native_transforms.interpolate(check_matrix(values), shift)

    def deep_quotient(self, terms: Sequence[DeepTerm], log_rows: int, shift: int) -> HostArray:
        """Sum the DEEP quotients of all terms; see the interface."""
        if log_rows < log2_exact(MIN_ROWS):
            raise ValueError(f"expected at least {MIN_ROWS} rows, got 2^{log_rows}")
        points = check_elements([point for point, _, _ in terms], (len(terms), 3))
        values = check_elements([value for _, value, _ in terms], (len(terms), 3))
        vectors: list[HostArray] = []
        log_sizes: list[int] = []
        starts = [0]
        for _, _, by_height in terms:
            for log_size, vector in by_height.items():
                if not 0 <= log_size <= log_rows or vector.shape != (3, 1 << log_size):
                    raise ValueError(f"a vector of shape {vector.shape} does not fit 2^{log_size} of 2^{log_rows} rows")
                vectors.append(check_matrix(vector, 3))
                log_sizes.append(log_size)
            starts.append(len(vectors))
        addresses = np.array([vector.ctypes.data for vector in vectors], dtype=np.uint64)
        sizes = np.array(log_sizes, dtype=np.uint64)
        bounds = np.array(starts, dtype=np.uint64)
        out = memory.empty((3, 1 << log_rows))
        _deep(
            out.ctypes.data, log_rows, shift, len(terms), points.ctypes.data, values.ctypes.data,
            bounds.ctypes.data, addresses.ctypes.data, sizes.ctypes.data,
        )  # fmt: skip
        return out

    def lift_sum(self, parts: Sequence[HostArray], log_rows: int) -> HostArray:
        """Add vectors of several heights; see the interface."""
        vectors = [check_matrix(part, 3) for part in parts]
        sizes = np.array([log2_exact(vector.shape[1]) for vector in vectors], dtype=np.uint64)
        if any(size > log_rows for size in sizes):
            raise ValueError(f"a vector of 2^{sizes.max()} rows does not fit 2^{log_rows} rows")
        addresses = np.array([vector.ctypes.data for vector in vectors], dtype=np.uint64)
        out = memory.empty((3, 1 << log_rows))
        _lift_sum(out.ctypes.data, log_rows, len(vectors), addresses.ctypes.data, sizes.ctypes.data)
        return out

    def split_blocks(self, coefficients: HostArray, blocks: int, size: int) -> HostArray:
        """Cut coefficients into blocks; see the interface."""
        lowest = check_matrix(coefficients, 3, min_rows=blocks * size)[:, : blocks * size]
        pieces = memory.empty((3 * blocks, size))
        pieces.reshape(blocks, 3, size)[...] = lowest.reshape(3, blocks, size).transpose(1, 0, 2)
        return pieces

    def fold(self, values: HostArray, beta: HostArray, log_arity: int, shift: int) -> HostArray:
        """Fold a FRI layer; see the interface. Folding by ``2^k`` is folding by two with beta, beta^2, beta^4, ..."""
        values = check_matrix(values, 3, min_rows=1 << log_arity)
        challenge = check_elements(beta, (3,))
        for _ in range(log_arity):
            log_size = log2_exact(values.shape[1])
            out = memory.empty((3, values.shape[1] // 2))
            _fold(values.ctypes.data, out.ctypes.data, log_size, challenge.ctypes.data, shift)
            values = out
            challenge = scale_all(challenge[np.newaxis, :], challenge)[0]
            shift = shift * shift % PRIME
        return values

    def group(self, values: HostArray, log_arity: int) -> HostArray:
        """Lay out a FRI layer as leaf rows; see the interface."""
        values = check_matrix(values, 3, min_rows=1 << log_arity)
        size = values.shape[1]
        out = memory.empty((3 << log_arity, size >> log_arity))
        _group(values.ctypes.data, out.ctypes.data, size, log_arity)
        return out

    def grind(self, state: HostArray, bits: int, hashing: TreeHashing | None = None) -> int:
        """Return the smallest nonce; see the interface."""
        return (hashing or COMPRESSION).grind(state, bits)

    def bus_columns(
        self,
        program: TableProgram,
        main: HostArray,
        preprocessed: HostArray | None,
        challenges: HostArray,
        publics: HostArray,
    ) -> tuple[HostArray, HostArray]:
        """Return a table's bus columns and bus sum; see the interface."""
        return native_air.bus_columns(program, main, preprocessed, challenges, publics)


def scale_all(values: HostArray, factor: HostArray) -> HostArray:
    """Multiply extension elements ``(count, 3)`` by one."""
    factors = np.ascontiguousarray(np.broadcast_to(factor, values.shape))
    out = memory.empty(values.shape)
    _ext_mul(values.ctypes.data, factors.ctypes.data, out.ctypes.data, values.shape[0])
    return out
