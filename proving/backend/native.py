"""The native backend: arrays are NumPy arrays, kernels are the C++ ones of ``proving.native``."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable, Sequence
from ctypes import c_uint
from typing import Any, TypeVar

import numpy as np

from proving.backend import native_air, native_expansion
from proving.backend.expansion import Expansion
from proving.backend.interface import PRIME, DeepTerm, HostArray, TreeHashing
from proving.backend.native_merkle import COMPRESSION, NativeTree
from proving.backend.program import TableProgram
from proving.native import POINTER, SIZE, UNSIGNED, function, memory

T = TypeVar("T")

_lde = function("hm_lde", None, [POINTER, POINTER, SIZE, c_uint, c_uint, UNSIGNED])
_evaluate = function("hm_coset_evaluate", None, [POINTER, POINTER, SIZE, c_uint, c_uint, UNSIGNED])
_interpolate = function("hm_coset_interpolate", None, [POINTER, POINTER, SIZE, c_uint, UNSIGNED])
_weights = function("hm_barycentric_weights", None, [POINTER, c_uint, UNSIGNED, POINTER])
_weighted_sums = function("hm_weighted_sums", None, [POINTER, SIZE, SIZE, POINTER, SIZE, POINTER])
_combination = function("hm_linear_combination", None, [POINTER, SIZE, SIZE, POINTER, POINTER])
_deep = function(
    "hm_deep_quotient", None, [POINTER, c_uint, UNSIGNED, SIZE, POINTER, POINTER, POINTER, POINTER, POINTER]
)
_lift_sum = function("hm_lift_sum", None, [POINTER, c_uint, SIZE, POINTER, POINTER])
_fold = function("hm_fold", None, [POINTER, POINTER, c_uint, POINTER, UNSIGNED])
_group = function("hm_group", None, [POINTER, POINTER, SIZE, c_uint])

#: The kernels on whole vectors need this many rows.
MIN_ROWS = 8

#: Sets of barycentric weights kept: a table's main, preprocessed and bus columns are opened at the same points.
CACHED_WEIGHTS = 2


def log2_exact(size: int) -> int:
    """Return the logarithm of a power of two.

    Raises
    ------
    ValueError
        When the size is not a power of two.
    """
    if size < 1 or size & (size - 1):
        raise ValueError(f"{size} is not a power of two")
    return size.bit_length() - 1


def _matrix(array: Any, columns: int | None = None, min_rows: int = 1) -> HostArray:
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


def _elements(array: Any, shape: tuple[int, ...]) -> HostArray:
    result: HostArray = np.ascontiguousarray(array, dtype=np.uint64)
    if result.shape != shape:
        raise ValueError(f"expected field elements of shape {shape}, got {result.shape}")
    return result


class NativeBackend:
    """Computes on the CPU with the kernels of this process's instruction set, on all threads."""

    name = "native"
    bn254 = None

    def __init__(self) -> None:
        self._cached: OrderedDict[tuple[int, int, bytes], HostArray] = OrderedDict()

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

    def lde(self, trace: HostArray, log_blowup: int, shift: int) -> HostArray:
        """Extend columns from the subgroup to the coset; see the interface."""
        trace = _matrix(trace)
        columns, rows = trace.shape
        out = memory.empty((columns, rows << log_blowup))
        _lde(trace.ctypes.data, out.ctypes.data, columns, log2_exact(rows), log_blowup, shift)
        return out

    def coset_interpolate(self, values: HostArray, shift: int) -> HostArray:
        """Interpolate bit-reversed values on the coset; see the interface."""
        values = _matrix(values)
        out = memory.empty(values.shape)
        _interpolate(values.ctypes.data, out.ctypes.data, values.shape[0], log2_exact(values.shape[1]), shift)
        return out

    def coset_evaluate(self, coefficients: HostArray, log_blowup: int, shift: int) -> HostArray:
        """Evaluate coefficients on the coset, bit-reversed; see the interface."""
        coefficients = _matrix(coefficients)
        columns, rows = coefficients.shape
        out = memory.empty((columns, rows << log_blowup))
        _evaluate(coefficients.ctypes.data, out.ctypes.data, columns, log2_exact(rows), log_blowup, shift)
        return out

    def commit(self, matrices: Sequence[HostArray], cap_log: int, hashing: TreeHashing | None = None) -> NativeTree:
        """Commit to matrices in one mixed-height tree; see the interface."""
        return NativeTree([_matrix(matrix) for matrix in matrices], cap_log, hashing or COMPRESSION)

    def _barycentric_weights(self, log_rows: int, shift: int, point: HostArray) -> HostArray:
        key = (log_rows, shift, point.tobytes())
        weights = self._cached.get(key)
        if weights is None:
            weights = memory.empty((3, 1 << log_rows))
            _weights(weights.ctypes.data, log_rows, shift, point.ctypes.data)
            self._cached[key] = weights
            if len(self._cached) > CACHED_WEIGHTS:
                self._cached.popitem(last=False)
        else:
            self._cached.move_to_end(key)
        return weights

    def open_at(self, lde: HostArray, log_blowup: int, shift: int, point: HostArray) -> HostArray:
        """Evaluate every column's polynomial at an extension point; see the interface.

        In bit-reversed order the first ``n`` rows of the extension are the coset ``shift * <w_n>``, which determines
        polynomials of degree below n: p(z) = (z^n - s^n) / (n s^n) * sum p(x) x / (z - x).
        """
        lde = _matrix(lde)
        point = _elements(point, (3,))
        columns, stride = lde.shape
        log_rows = log2_exact(stride) - log_blowup
        if log_rows < log2_exact(MIN_ROWS):
            raise ValueError(f"cannot open a table of fewer than {MIN_ROWS} rows")
        weights = self._barycentric_weights(log_rows, shift, point)
        sums = memory.empty((columns, 3))
        _weighted_sums(lde.ctypes.data, columns, stride, weights.ctypes.data, 1 << log_rows, sums.ctypes.data)
        return _scale_all(sums, _barycentric_factor(point, log_rows, shift))

    def linear_combination(self, lde: HostArray, coefficients: HostArray) -> HostArray:
        """Sum columns with extension coefficients; see the interface."""
        lde = _matrix(lde, min_rows=MIN_ROWS)
        columns, rows = lde.shape
        coefficients = _elements(coefficients, (columns, 3))
        out = memory.empty((3, rows))
        _combination(lde.ctypes.data, columns, rows, coefficients.ctypes.data, out.ctypes.data)
        return out

    def deep_quotient(self, terms: Sequence[DeepTerm], log_rows: int, shift: int) -> HostArray:
        """Sum the DEEP quotients of all terms; see the interface."""
        if log_rows < log2_exact(MIN_ROWS):
            raise ValueError(f"expected at least {MIN_ROWS} rows, got 2^{log_rows}")
        points = _elements([point for point, _, _ in terms], (len(terms), 3))
        values = _elements([value for _, value, _ in terms], (len(terms), 3))
        vectors: list[HostArray] = []
        log_sizes: list[int] = []
        starts = [0]
        for _, _, by_height in terms:
            for log_size, vector in by_height.items():
                if not 0 <= log_size <= log_rows or vector.shape != (3, 1 << log_size):
                    raise ValueError(f"a vector of shape {vector.shape} does not fit 2^{log_size} of 2^{log_rows} rows")
                vectors.append(_matrix(vector, 3))
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
        vectors = [_matrix(part, 3) for part in parts]
        sizes = np.array([log2_exact(vector.shape[1]) for vector in vectors], dtype=np.uint64)
        if any(size > log_rows for size in sizes):
            raise ValueError(f"a vector of 2^{sizes.max()} rows does not fit 2^{log_rows} rows")
        addresses = np.array([vector.ctypes.data for vector in vectors], dtype=np.uint64)
        out = memory.empty((3, 1 << log_rows))
        _lift_sum(out.ctypes.data, log_rows, len(vectors), addresses.ctypes.data, sizes.ctypes.data)
        return out

    def split_blocks(self, coefficients: HostArray, blocks: int, size: int) -> HostArray:
        """Cut coefficients into blocks; see the interface."""
        lowest = _matrix(coefficients, 3, min_rows=blocks * size)[:, : blocks * size]
        pieces = memory.empty((3 * blocks, size))
        pieces.reshape(blocks, 3, size)[...] = lowest.reshape(3, blocks, size).transpose(1, 0, 2)
        return pieces

    def fold(self, values: HostArray, beta: HostArray, log_arity: int, shift: int) -> HostArray:
        """Fold a FRI layer; see the interface. Folding by ``2^k`` is folding by two with beta, beta^2, beta^4, ..."""
        values = _matrix(values, 3, min_rows=1 << log_arity)
        challenge = _elements(beta, (3,))
        for _ in range(log_arity):
            log_size = log2_exact(values.shape[1])
            out = memory.empty((3, values.shape[1] // 2))
            _fold(values.ctypes.data, out.ctypes.data, log_size, challenge.ctypes.data, shift)
            values = out
            challenge = _scale_all(challenge[np.newaxis, :], challenge)[0]
            shift = shift * shift % PRIME
        return values

    def group(self, values: HostArray, log_arity: int) -> HostArray:
        """Lay out a FRI layer as leaf rows; see the interface."""
        values = _matrix(values, 3, min_rows=1 << log_arity)
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

    def quotient(
        self,
        program: TableProgram,
        main_lde: HostArray,
        preprocessed_lde: HostArray | None,
        bus_lde: HostArray | None,
        *,
        publics: HostArray,
        challenges: HostArray,
        alpha_powers: HostArray,
        bus_sum: HostArray,
        log_height: int,
        log_blowup: int,
        shift: int,
    ) -> HostArray:
        """Return a table's combined constraints over the vanishing polynomial; see the interface."""
        return native_air.quotient(
            program,
            main_lde,
            preprocessed_lde,
            bus_lde,
            publics=publics,
            challenges=challenges,
            alpha_powers=alpha_powers,
            bus_sum=bus_sum,
            log_height=log_height,
            log_blowup=log_blowup,
            shift=shift,
        )


_ext_mul = function("hm_ext_mul", None, [POINTER, POINTER, POINTER, SIZE])


@functools.cache
def default_backend() -> NativeBackend:
    """Return this process's backend for whoever brings none: what keys hold for it is held once."""
    return NativeBackend()


def _scale_all(values: HostArray, factor: HostArray) -> HostArray:
    """Multiply extension elements ``(count, 3)`` by one."""
    factors = np.ascontiguousarray(np.broadcast_to(factor, values.shape))
    out = memory.empty(values.shape)
    _ext_mul(values.ctypes.data, factors.ctypes.data, out.ctypes.data, values.shape[0])
    return out


def _barycentric_factor(point: HostArray, log_rows: int, shift: int) -> HostArray:
    """Return (z^n - s^n) / (n s^n) for n = 2^log_rows."""
    power = point[np.newaxis, :]
    for _ in range(log_rows):
        power = _scale_all(power, power[0])
    vanishing = pow(shift, 1 << log_rows, PRIME)
    divisor = pow(vanishing << log_rows, -1, PRIME)
    numerator = [(int(power[0, 0]) - vanishing) % PRIME, int(power[0, 1]), int(power[0, 2])]
    return np.array([value * divisor % PRIME for value in numerator], dtype=np.uint64)
