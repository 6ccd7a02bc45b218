"""The native backend: arrays are NumPy arrays, kernels are the C++ ones of ``proving.native``."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from ctypes import c_uint

import numpy as np

from proving.backend import native_air, native_transforms
from proving.backend.interface import PRIME, Backend, HostArray, TreeHashing, log2_exact
from proving.backend.native_merkle import COMPRESSION, NativeTree
from proving.backend.native_vectors import MIN_ROWS, VectorKernels, check_elements, check_matrix, scale_all
from proving.backend.program import TableProgram
from proving.native import POINTER, SIZE, UNSIGNED, function, memory
from runtime import limits

_weights = function("hm_barycentric_weights", None, [POINTER, c_uint, UNSIGNED, POINTER])
_weighted_sums = function("hm_weighted_sums", None, [POINTER, SIZE, SIZE, POINTER, SIZE, POINTER])
_combination = function("hm_linear_combination", None, [POINTER, SIZE, SIZE, POINTER, POINTER])
#: Sets of barycentric weights kept: a table's main, preprocessed and bus columns are opened at the same points.
CACHED_WEIGHTS = 2


class NativeBackend(VectorKernels):
    """Computes on the CPU with the kernels of this process's instruction set, on all threads.

    Parameters
    ----------
    lean
        What proves where memory does not hold all extended columns; without, this backend does.
    budget
        Bytes that a proof may take; 0 for three quarters of what is free.
    """

    def __init__(self, lean: Backend | None = None, budget: int = 0) -> None:
        self._lean = lean
        self._budget = budget
        self._cached: OrderedDict[tuple[int, int, bytes], HostArray] = OrderedDict()

    def within(self, kept: int) -> Backend:
        """Return the backend for a proof; see the interface."""
        if self._lean is None or kept <= (self._budget or limits.memory().available * 3 // 4):
            return self
        return self._lean

    def lde(self, trace: HostArray, log_blowup: int, shift: int) -> HostArray:
        """Extend columns from the subgroup to the coset; see the interface."""
        return native_transforms.lde(check_matrix(trace), log_blowup, shift)

    def coset_evaluate(self, coefficients: HostArray, log_blowup: int, shift: int) -> HostArray:
        """Evaluate coefficients on the coset, bit-reversed; see the interface."""
        return native_transforms.evaluate(check_matrix(coefficients), log_blowup, shift)

    def commit(self, matrices: Sequence[HostArray], cap_log: int, hashing: TreeHashing | None = None) -> NativeTree:
        """Commit to matrices in one mixed-height tree; see the interface."""
        return NativeTree([check_matrix(matrix) for matrix in matrices], cap_log, hashing or COMPRESSION)

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
        lde = check_matrix(lde)
        point = check_elements(point, (3,))
        log_rows = log2_exact(lde.shape[1]) - log_blowup
        if log_rows < log2_exact(MIN_ROWS):
            raise ValueError(f"cannot open a table of fewer than {MIN_ROWS} rows")
        weights = self._barycentric_weights(log_rows, shift, point)
        columns, stride = lde.shape
        sums = memory.empty((columns, 3))
        _weighted_sums(lde.ctypes.data, columns, stride, weights.ctypes.data, 1 << log_rows, sums.ctypes.data)
        return scale_all(sums, _barycentric_factor(point, log_rows, shift))

    def linear_combination(self, lde: HostArray, coefficients: HostArray) -> HostArray:
        """Sum columns with extension coefficients; see the interface."""
        lde = check_matrix(lde, min_rows=MIN_ROWS)
        return linear_combination(lde, check_elements(coefficients, (lde.shape[0], 3)))

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


def linear_combination(columns: HostArray, coefficients: HostArray) -> HostArray:
    """Sum columns ``(c, rows)`` with extension coefficients ``(c, 3)``: ``(3, rows)``."""
    count, rows = columns.shape
    out = memory.empty((3, rows))
    _combination(columns.ctypes.data, count, rows, coefficients.ctypes.data, out.ctypes.data)
    return out


def _barycentric_factor(point: HostArray, log_rows: int, shift: int) -> HostArray:
    """Return (z^n - s^n) / (n s^n) for n = 2^log_rows."""
    power = point[np.newaxis, :]
    for _ in range(log_rows):
        power = scale_all(power, power[0])
    vanishing = pow(shift, 1 << log_rows, PRIME)
    divisor = pow(vanishing << log_rows, -1, PRIME)
    numerator = [(int(power[0, 0]) - vanishing) % PRIME, int(power[0, 1]), int(power[0, 2])]
    return np.array([value * divisor % PRIME for value in numerator], dtype=np.uint64)
