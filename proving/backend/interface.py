"""The interface through which the prover computes.

Arrays live where they are computed (host or device) and are opaque to the prover: it only passes them on. Host arrays
are ``numpy.uint64``, canonical (below p), C-contiguous. A matrix is column-major: shape ``(columns, rows)``. A column
of extension elements is three consecutive base columns, ``(3, rows)``; single extension elements on the host are
``(3,)``.

The low-degree extension of a trace of height ``2^h`` with ``log_blowup`` b holds evaluations on the coset
``shift * <w>``, w of order ``2^(h+b)``, in bit-reversed order. With ``shift = 7^(2^(24-h))`` (:func:`coset_shift`)
the table of a lower height, lifted to the largest height ``2^H``, is read at ``index >> (H - h)``.

Seams for a device: arrays cross in ``upload`` and ``download`` only, and execution records in ``expand``, besides
single elements, Merkle caps, opened rows and nonces, which are small and come back as host arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from proving.backend.bn254 import Bn254Kernels
    from proving.backend.expansion import Expansion
    from proving.backend.program import TableProgram

T = TypeVar("T")

#: A host array of canonical field elements.
HostArray: TypeAlias = npt.NDArray[np.uint64]

#: An array where the backend computes; a :data:`HostArray` for the native backend.
Array: TypeAlias = Any

#: The field's order and the generator of its multiplicative group.
PRIME = 2**64 - 2**32 + 1
GENERATOR = 7

#: The largest log height of a table, and the exponent that fixes every coset's shift.
MAX_LOG_HEIGHT = 24


def coset_shift(log_height: int) -> int:
    """Return the shift of the evaluation coset of tables of height ``2^log_height``: ``7^(2^(24 - log_height))``.

    Raises
    ------
    ValueError
        When the height is not between 1 and ``2^24``.
    """
    if not 0 <= log_height <= MAX_LOG_HEIGHT:
        raise ValueError(f"log height {log_height} is not between 0 and {MAX_LOG_HEIGHT}")
    return pow(GENERATOR, 1 << (MAX_LOG_HEIGHT - log_height), PRIME)


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


@dataclass(frozen=True)
class Opening:
    """Rows of the matrices of one tree, with their Merkle paths.

    Attributes
    ----------
    rows
        Per matrix ``(queries, columns) uint64``: the row that the query's index maps to.
    path
        ``(queries, depth, 3, 4) uint64``: per level the three siblings in order.
    """

    rows: list[HostArray]
    path: HostArray


class TreeHashing(Protocol):
    """How another family than a backend's own hashes trees and work, on host arrays; digests are four words."""

    def hash_matrices(self, matrices: Sequence[HostArray]) -> HostArray:
        """Hash the concatenated rows of matrices ``(c_i, rows)``: ``(rows, 4)``."""
        ...

    def nodes(self, children: HostArray) -> HostArray:
        """Hash every four neighbours of ``(4 n, 4)``: ``(n, 4)``."""
        ...

    def join(self, parts: Sequence[tuple[HostArray, int]], count: int) -> HostArray:
        """Join the parts of nodes, digest ``i >> shift`` of each ``(digests, shift)`` for node i: ``(count, 4)``."""
        ...

    def grind(self, state: HostArray, bits: int) -> int:
        """Return the smallest nonce that shows work of so many bits on a transcript's state ``(4,)``."""
        ...


class Tree(Protocol):
    """A committed mixed-height Merkle tree."""

    @property
    def cap(self) -> HostArray:
        """The level of digests that is the commitment, ``(cap size, 4)``."""
        ...

    def open(self, indices: HostArray) -> Opening:
        """Open rows by their indices in the tallest matrix (bit-reversed order), ``(queries,)``."""
        ...


#: One point of a DEEP quotient: the point ``(3,)``, the value ``(3,)`` and the vectors ``(3, 2^log_rows)`` by log rows.
DeepTerm: TypeAlias = tuple[HostArray, HostArray, Mapping[int, Array]]


class Backend(Protocol):
    """Whole-array kernels. Every implementation gives the same bits."""

    name: str

    @property
    def bn254(self) -> Bn254Kernels | None:
        """The backend's kernels over BN254; None where it has none of its own."""
        ...

    def together(self, work: Callable[[], T]) -> T:
        """Run work that makes many calls of this backend, perhaps in another thread, and return what it returns."""
        ...

    def within(self, kept: int) -> Backend:
        """Return the backend for a proof that takes so many bytes where all extended columns are kept.

        It is another one, whose proofs are the same, where memory does not hold them.
        """
        ...

    def upload(self, host: HostArray) -> Array:
        """Return the array where the backend computes. The host array must not change afterwards."""
        ...

    def download(self, array: Array) -> HostArray:
        """Return the array on the host."""
        ...

    def expand(self, expansion: Expansion) -> dict[str, Array]:
        """Return traces by table, expanded where the backend computes.

        Raises
        ------
        ExpansionRefused
            An instruction of a segment was not decoded, or is none.
        """
        ...

    def lde(self, trace: Array, log_blowup: int, shift: int) -> Array:
        """Extend columns: ``(c, n)`` natural order on the subgroup -> ``(c, n << log_blowup)`` on the coset."""
        ...

    def coset_interpolate(self, values: Array, shift: int) -> Array:
        """Interpolate: ``(c, m)`` bit-reversed values on the coset -> ``(c, m)`` coefficients in natural order."""
        ...

    def coset_evaluate(self, coefficients: Array, log_blowup: int, shift: int) -> Array:
        """Evaluate: ``(c, n)`` coefficients -> ``(c, n << log_blowup)`` bit-reversed values on the coset."""
        ...

    def commit(self, matrices: Sequence[Array], cap_log: int, hashing: TreeHashing | None = None) -> Tree:
        """Commit to matrices ``(c_i, 2^l_i)`` in one tree whose cap has at least ``2^cap_log`` digests.

        Without ``hashing`` its hash is the compression over Goldilocks.
        """
        ...

    def open_at(self, lde: Array, log_blowup: int, shift: int, point: HostArray) -> HostArray:
        """Evaluate every column's polynomial at an extension point outside the coset: ``(c, 3)``."""
        ...

    def linear_combination(self, lde: Array, coefficients: HostArray) -> Array:
        """Sum the columns with extension coefficients ``(c, 3)``: ``(c, rows)`` -> ``(3, rows)``."""
        ...

    def deep_quotient(self, terms: Sequence[DeepTerm], log_rows: int, shift: int) -> Array:
        """Sum ``(lifted vectors - value) / (x - point)`` over the terms, ``(3, 2^log_rows)``.

        x runs over ``shift * <w>`` in bit-reversed order; a vector of ``2^l`` rows is read at
        ``i >> (log_rows - l)``.
        """
        ...

    def lift_sum(self, parts: Sequence[Array], log_rows: int) -> Array:
        """Add vectors of several heights: ``(3, 2^l)`` each, read at ``i >> (log_rows - l)`` -> ``(3, 2^log_rows)``."""
        ...

    def split_blocks(self, coefficients: Array, blocks: int, size: int) -> Array:
        """Cut off the lowest blocks of coefficients: ``(3, m)`` -> ``(3 * blocks, size)``, the lowest first.

        What lies above them is left out.
        """
        ...

    def fold(self, values: Array, beta: HostArray, log_arity: int, shift: int) -> Array:
        """Fold a FRI layer ``(3, m)`` on ``shift * <w>``: f = sum X^j f_j(X^a) -> sum beta^j f_j, ``(3, m / a)``."""
        ...

    def group(self, values: Array, log_arity: int) -> Array:
        """Lay out a layer ``(3, m)`` as leaf rows ``(3 a, m / a)``: column ``3 k + i`` is coefficient i of value k."""
        ...

    def grind(self, state: HostArray, bits: int, hashing: TreeHashing | None = None) -> int:
        """Return the smallest nonce with C(state || (GRIND, nonce, 0...)) lane 0 ending in ``bits`` zero bits.

        With ``hashing`` it is what that says.
        """
        ...

    def bus_columns(
        self,
        program: TableProgram,
        main: Array,
        preprocessed: Array | None,
        challenges: HostArray,
        publics: HostArray,
    ) -> tuple[Array, HostArray]:
        """Return a table's bus columns ``(3 j, n)`` and its bus sum ``(3,)``."""
        ...

    def quotient(
        self,
        program: TableProgram,
        main_lde: Array,
        preprocessed_lde: Array | None,
        bus_lde: Array | None,
        *,
        publics: HostArray,
        challenges: HostArray,
        alpha_powers: HostArray,
        bus_sum: HostArray,
        log_height: int,
        log_blowup: int,
        shift: int,
    ) -> Array:
        """Return a table's combined constraints divided by the vanishing polynomial, ``(3, n << log_blowup)``."""
        ...
