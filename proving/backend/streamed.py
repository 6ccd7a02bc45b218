"""Extended columns that are not kept: their polynomials are, and are evaluated where values are read.

The evaluation coset of ``n << log_blowup`` points is ``1 << log_blowup`` cosets of the trace domain. In bit-reversed
order each of them is ``n`` neighbouring rows, again in bit-reversed order, so whatever works row by row, next rows
included, can be done on one after the other, in memory of the trace's size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from proving.backend.interface import GENERATOR, PRIME, HostArray, log2_exact
from proving.backend.native_transforms import evaluate, interpolate, lde
from proving.native import memory

#: Bytes of columns that are evaluated at a time, where the work does not need more of them together.
PIECE_BYTES = 64 << 20


@dataclass(frozen=True)
class Streamed:
    """Extended columns.

    Attributes
    ----------
    coefficients
        ``(c, n) uint64``, natural order.
    log_blowup, shift
        The coset that they are evaluated on.
    """

    coefficients: HostArray
    log_blowup: int
    shift: int

    @classmethod
    def of_trace(cls, trace: HostArray, log_blowup: int, shift: int) -> Streamed:
        """Return the extension of columns ``(c, n)`` in natural order on the subgroup."""
        return cls(interpolate(lde(trace, 0, shift), shift), log_blowup, shift)

    @property
    def shape(self) -> tuple[int, int]:
        """Columns, and rows of the extension."""
        columns, rows = self.coefficients.shape
        return columns, rows << self.log_blowup

    @property
    def cosets(self) -> int:
        """How many there are."""
        return 1 << self.log_blowup

    def coset(self, number: int, first: int = 0, last: int | None = None) -> HostArray:
        """Return columns ``first`` to ``last`` on the coset of this number, ``(columns, n)``."""
        shift = coset_shift(self.shift, log2_exact(self.shape[1]), self.log_blowup, number)
        return evaluate(self.coefficients[first:last], 0, shift)

    def whole(self) -> HostArray:
        """Return all of it, ``(c, n << log_blowup)``."""
        return evaluate(self.coefficients, self.log_blowup, self.shift)

    def rows(self, indices: HostArray) -> HostArray:
        """Return rows by index ``(k,)``: ``(k, c)``."""
        columns, height = self.coefficients.shape
        found = np.empty((len(indices), columns), dtype=np.uint64)
        for number in range(self.cosets):
            here = np.flatnonzero(indices // height == number)
            for first, last in pieces(columns, height, 1) if here.size else ():
                found[here, first:last] = self.coset(number, first, last)[:, indices[here] % height].T
        return found


def coset_shift(shift: int, log_rows: int, log_blowup: int, number: int) -> int:
    """Return the shift of the coset of the trace domain that stands at ``number`` among those of an extension."""
    backwards = int(f"{number:0{log_blowup}b}"[::-1], 2) if log_blowup else 0
    root = pow(GENERATOR, (PRIME - 1) >> log_rows, PRIME)
    return shift * pow(root, backwards, PRIME) % PRIME


#: What a tree is made over.
Columns = HostArray | Streamed


def pieces(columns: int, height: int, together: int) -> Iterator[tuple[int, int]]:
    """Cut columns into pieces of `PIECE_BYTES` on one coset, each but the last a multiple of ``together``."""
    size = max(1, PIECE_BYTES // (8 * height * together)) * together
    for first in range(0, columns, size):
        yield first, min(first + size, columns)


def on_coset(columns: Columns, number: int, cosets: int, first: int = 0, last: int | None = None) -> HostArray:
    """Return the rows of one coset, of columns ``first`` to ``last``, computed or cut out, contiguous."""
    if isinstance(columns, Streamed):
        return columns.coset(number, first, last)
    height = columns.shape[1] // cosets
    return np.ascontiguousarray(columns[first:last, number * height : (number + 1) * height])


def hash_streamed(
    matrices: Sequence[Columns], rate: int, absorb: Callable[[Sequence[HostArray], HostArray, int, bool], None]
) -> HostArray:
    """Hash the concatenated rows of matrices of one height, ``(rows, 4)``, coset by coset.

    Parameters
    ----------
    rate
        Columns of a block.
    absorb
        Goes on with the hash of rows of so many columns by whole blocks, ``(columns, digests, length, resumed)``.
    """
    rows, length = matrices[0].shape[1], sum(matrix.shape[0] for matrix in matrices)
    cosets = next(matrix.cosets for matrix in matrices if isinstance(matrix, Streamed))
    height = rows // cosets
    owners = [(matrix, column) for matrix in matrices for column in range(matrix.shape[0])]
    digests = memory.empty((rows, 4))
    for number in range(cosets):
        here = digests[number * height : (number + 1) * height]
        for first, last in pieces(length, height, rate):
            absorb(list(_read(owners[first:last], number, cosets)), here, length, first > 0)
    return digests


def _read(owners: Sequence[tuple[Columns, int]], number: int, cosets: int) -> Iterator[HostArray]:
    """Return columns on a coset, those of one matrix together."""
    start = 0
    while start < len(owners):
        matrix, first = owners[start]
        end = start
        while end < len(owners) and owners[end][0] is matrix and owners[end][1] == first + end - start:
            end += 1
        yield on_coset(matrix, number, cosets, first, first + end - start)
        start = end
