"""The backend on the CPU where memory is short: extended columns are evaluated again by whatever reads them.

Its proofs are the native backend's, byte for byte.
"""

from __future__ import annotations

from collections.abc import Sequence

from proving.backend import native_air, native_transforms
from proving.backend.interface import HostArray, TreeHashing
from proving.backend.native import NativeBackend, linear_combination
from proving.backend.native_merkle import COMPRESSION, NativeTree
from proving.backend.native_vectors import VectorKernels, check_elements, check_matrix
from proving.backend.program import TableProgram
from proving.backend.streamed import Columns, Streamed, coset_shift, on_coset
from proving.native import memory

#: Extensions of fewer words are kept.
MIN_WORDS = 1 << 18


class StreamingBackend(VectorKernels):
    """Keeps the polynomials of columns in place of their extensions.

    Parameters
    ----------
    min_words
        Extensions of fewer words are kept.
    """

    def __init__(self, min_words: int = MIN_WORDS) -> None:
        self._kept = NativeBackend()
        self._min_words = min_words

    def within(self, kept: int) -> StreamingBackend:
        """Return this backend."""
        return self

    def lde(self, trace: HostArray, log_blowup: int, shift: int) -> Columns:
        """Extend columns from the subgroup to the coset; see the interface."""
        if trace.size << log_blowup < self._min_words:
            return self._kept.lde(trace, log_blowup, shift)
        return Streamed.of_trace(check_matrix(trace), log_blowup, shift)

    def coset_evaluate(self, coefficients: HostArray, log_blowup: int, shift: int) -> Columns:
        """Evaluate coefficients on the coset, bit-reversed; see the interface."""
        if coefficients.size << log_blowup < self._min_words:
            return self._kept.coset_evaluate(coefficients, log_blowup, shift)
        return Streamed(check_matrix(coefficients), log_blowup, shift)

    def commit(self, matrices: Sequence[Columns], cap_log: int, hashing: TreeHashing | None = None) -> NativeTree:
        """Commit to matrices in one mixed-height tree; see the interface."""
        checked = [matrix if isinstance(matrix, Streamed) else check_matrix(matrix) for matrix in matrices]
        return NativeTree(checked, cap_log, hashing or COMPRESSION)

    def open_at(self, lde: Columns, log_blowup: int, shift: int, point: HostArray) -> HostArray:
        """Evaluate every column's polynomial at an extension point; see the interface."""
        if not isinstance(lde, Streamed):
            return self._kept.open_at(lde, log_blowup, shift, point)
        # The first coset determines the polynomials.
        return self._kept.open_at(lde.coset(0), 0, shift, point)

    def linear_combination(self, lde: Columns, coefficients: HostArray) -> HostArray:
        """Sum columns with extension coefficients; see the interface. A sum's polynomial is that of the polynomials."""
        if not isinstance(lde, Streamed):
            return self._kept.linear_combination(lde, coefficients)
        polynomials = linear_combination(lde.coefficients, check_elements(coefficients, (lde.shape[0], 3)))
        return native_transforms.evaluate(polynomials, lde.log_blowup, lde.shift)

    def quotient(
        self,
        program: TableProgram,
        main_lde: Columns,
        preprocessed_lde: Columns | None,
        bus_lde: Columns | None,
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
        phases = main_lde, preprocessed_lde, bus_lde
        parts = 1 << log_blowup if any(isinstance(columns, Streamed) for columns in phases) else 1
        rows = 1 << log_height + log_blowup
        out = memory.empty((3, rows))
        for number in range(parts):
            main, preprocessed, bus = (
                None if columns is None else on_coset(columns, number, parts) for columns in phases
            )
            assert main is not None
            here = slice(number * rows // parts, (number + 1) * rows // parts)
            out[:, here] = native_air.quotient(
                program,
                main,
                preprocessed,
                bus,
                publics=publics,
                challenges=challenges,
                alpha_powers=alpha_powers,
                bus_sum=bus_sum,
                log_height=log_height,
                log_blowup=0 if parts > 1 else log_blowup,
                shift=coset_shift(shift, log_height + log_blowup, log_blowup, number),
            )
        return out
