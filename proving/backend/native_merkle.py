"""Mixed-height Merkle trees on the CPU.

The levels have sizes ``2^L, 2^(L-2), 2^(L-4), ...``, L the log height of the tallest matrix. A node of a level of
``2^S`` indices combines what exists of: the compression of its four children one level down; the hash of row i of the
matrices of ``2^S`` rows; the hash of row ``i >> 1`` of the matrices of ``2^(S-1)`` rows. One part stands for itself;
several are joined as C(parts, zero padded to 12 || (JOIN, 0, 0, 0)).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from proving.backend.interface import HostArray, Opening, TreeHashing
from proving.backend.streamed import Columns, Streamed, hash_streamed
from proving.native import INT, POINTER, SIZE, UNSIGNED, function, memory

_hash_matrix = function("hm_hash_matrix16", None, [POINTER, SIZE, SIZE, POINTER])
_hash_columns = function("hm_hash_columns16", None, [POINTER, SIZE, SIZE, POINTER, SIZE, INT])
_compress = function("hm_compress16", None, [POINTER, POINTER, SIZE])
_join = function("hm_merkle_join", None, [POINTER, POINTER, SIZE, SIZE, POINTER])
_grind = function("hm_grind", UNSIGNED, [POINTER, UNSIGNED])

#: More zero bits than this are never ground; the search would not end.
MAX_GRINDING_BITS = 40

#: Columns of a block of the hash of a row.
RATE = 12
#: Log of the number of children of a node.
LOG_ARITY = 2


def tree_depth(log_rows: int, cap_log: int) -> int:
    """Return the number of levels below the cap of a tree over ``2^log_rows`` leaves."""
    return max(0, (log_rows - cap_log) // LOG_ARITY)


def addresses_of_columns(matrices: Sequence[HostArray]) -> HostArray:
    """Return where the columns of matrices begin, matrix after matrix."""
    return np.concatenate(
        [
            matrix.ctypes.data + np.arange(matrix.shape[0], dtype=np.uint64) * np.uint64(matrix.strides[0])
            for matrix in matrices
        ]
    )


class CompressionHashing:
    """Hashes trees with the compression over Goldilocks; see :class:`proving.backend.interface.TreeHashing`."""

    def hash_matrices(self, matrices: Sequence[HostArray]) -> HostArray:
        """Hash the concatenated rows of matrices of the same height: ``(rows, 4)``."""
        rows = matrices[0].shape[1]
        addresses = addresses_of_columns(matrices)
        digests = memory.empty((rows, 4))
        _hash_matrix(addresses.ctypes.data, len(addresses), rows, digests.ctypes.data)
        return digests

    def hash_streamed(self, matrices: Sequence[Columns]) -> HostArray:
        """Hash the concatenated rows of matrices of the same height that are not all kept: ``(rows, 4)``."""
        return hash_streamed(matrices, RATE, _absorb)

    def nodes(self, children: HostArray) -> HostArray:
        """Compress every four neighbours: ``(n, 4)``."""
        count = children.shape[0] >> LOG_ARITY
        nodes = memory.empty((count, 4))
        _compress(children.ctypes.data, nodes.ctypes.data, count)
        return nodes

    def join(self, parts: Sequence[tuple[HostArray, int]], count: int) -> HostArray:
        """Join the parts ``(digests, shift)`` of the nodes of one level: ``(count, 4)``."""
        addresses = np.array([digests.ctypes.data for digests, _ in parts], dtype=np.uint64)
        shifts = np.array([shift for _, shift in parts], dtype=np.uint64)
        joined = memory.empty((count, 4))
        _join(addresses.ctypes.data, shifts.ctypes.data, len(parts), count, joined.ctypes.data)
        return joined

    def grind(self, state: HostArray, bits: int) -> int:
        """Return the smallest nonce that shows the work."""
        if not 0 <= bits <= MAX_GRINDING_BITS:
            raise ValueError(f"cannot grind {bits} bits, at most {MAX_GRINDING_BITS}")
        state = np.ascontiguousarray(state, dtype=np.uint64)
        if state.shape != (4,):
            raise ValueError(f"expected a state of 4 elements, got shape {state.shape}")
        return int(_grind(state.ctypes.data, (1 << bits) - 1))


def _absorb(columns: Sequence[HostArray], digests: HostArray, length: int, resumed: bool) -> None:
    """Go on with the hash of rows of so many columns by these; see :func:`proving.backend.streamed.hash_streamed`."""
    addresses = addresses_of_columns(columns)
    _hash_columns(addresses.ctypes.data, len(addresses), len(digests), digests.ctypes.data, length, resumed)


#: What every backend hashes with by itself.
COMPRESSION = CompressionHashing()


def _level_sizes(matrices: Sequence[Columns], cap_log: int) -> list[int]:
    log_height = max(matrix.shape[1].bit_length() - 1 for matrix in matrices)
    return [1 << log_height - LOG_ARITY * level for level in range(tree_depth(log_height, cap_log) + 1)]


class NativeTree:
    """A tree over column-major matrices ``(columns, 2^l)``, which it keeps for opening.

    Parameters
    ----------
    matrices
        In the order in which the rows of matrices of one height are concatenated.
    cap_log
        The cap has ``2^cap_log`` digests, or ``2^(cap_log + 1)`` when L - cap_log is odd, or fewer when L is smaller.
    hashing
        The hash of leaves, nodes and joins.
    levels
        Digests ``(n, 4)`` of all levels of the same tree, made before; hashed when left out.

    Raises
    ------
    ValueError
        When there is no matrix or one is too short to be reached below the cap.
    """

    def __init__(
        self,
        matrices: Sequence[Columns],
        cap_log: int,
        hashing: TreeHashing = COMPRESSION,
        levels: HostArray | None = None,
    ) -> None:
        if not matrices:
            raise ValueError("a tree needs at least one matrix")
        self._matrices = list(matrices)
        self._hashing = hashing
        self._log_rows = [matrix.shape[1].bit_length() - 1 for matrix in matrices]
        self._log_height = max(self._log_rows)
        depth = tree_depth(self._log_height, cap_log)
        lowest = self._log_height - LOG_ARITY * depth - 1
        if min(self._log_rows) < lowest:
            raise ValueError(f"a matrix of 2^{min(self._log_rows)} rows does not reach the cap, 2^{lowest} are needed")
        if levels is not None:
            ends = np.cumsum(_level_sizes(matrices, cap_log))
            self._levels = np.split(levels, ends[:-1])
            return
        self._levels = []
        for level in range(depth + 1):
            self._levels.append(self._build_level(self._log_height - LOG_ARITY * level))

    @staticmethod
    def digests(matrices: Sequence[Columns], cap_log: int) -> int:
        """Return the number of digests of a tree over these matrices, all levels together."""
        return sum(_level_sizes(matrices, cap_log))

    @property
    def levels(self) -> list[HostArray]:
        """The digests of every level ``(n, 4)``, the widest first."""
        return self._levels

    def _build_level(self, log_size: int) -> HostArray:
        count = 1 << log_size
        parts: list[tuple[HostArray, int]] = []
        if self._levels:
            parts.append((self._hashing.nodes(self._levels[-1]), 0))
        for shift in (0, 1):
            found = [
                matrix
                for matrix, log_rows in zip(self._matrices, self._log_rows, strict=True)
                if log_rows == log_size - shift
            ]
            if found:
                parts.append((_hash(found, self._hashing), shift))
        return parts[0][0] if len(parts) == 1 else self._hashing.join(parts, count)

    @property
    def cap(self) -> HostArray:
        """The level of digests that is the commitment, ``(cap size, 4)``."""
        return self._levels[-1]

    def open(self, indices: HostArray) -> Opening:
        """Open rows by their indices in the tallest matrix, ``(queries,)``; see the interface."""
        at = np.asarray(indices, dtype=np.int64)
        if at.ndim != 1 or np.any(at < 0) or np.any(at >= 1 << self._log_height):
            raise ValueError(f"indices must be a vector of numbers below 2^{self._log_height}")
        rows = [
            _rows(matrix, at >> (self._log_height - log_rows))
            for matrix, log_rows in zip(self._matrices, self._log_rows, strict=True)
        ]
        path = np.empty((len(at), len(self._levels) - 1, 3, 4), dtype=np.uint64)
        offsets = np.arange(3)
        for level, digests in enumerate(self._levels[:-1]):
            index = at >> (LOG_ARITY * level)
            place = index & 3
            siblings = offsets + (offsets >= place[:, np.newaxis])
            path[:, level] = digests[(index - place)[:, np.newaxis] + siblings]
        return Opening(rows=rows, path=path)


def _hash(matrices: Sequence[Columns], hashing: TreeHashing) -> HostArray:
    """Hash the concatenated rows of matrices of the same height: ``(rows, 4)``."""
    if any(isinstance(matrix, Streamed) for matrix in matrices) and isinstance(hashing, CompressionHashing):
        return hashing.hash_streamed(matrices)
    # Another family's hash takes whole rows.
    return hashing.hash_matrices([matrix.whole() if isinstance(matrix, Streamed) else matrix for matrix in matrices])


def _rows(matrix: Columns, indices: HostArray) -> HostArray:
    if isinstance(matrix, Streamed):
        return matrix.rows(indices)
    return np.ascontiguousarray(matrix[:, indices].T)
