"""Mixed-height Merkle trees on a device; the layout is that of ``proving.backend.native_merkle``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cuda.arrays import DeviceArray, Memory, check_matrix
from cuda.transforms import blocks
from proving.backend.interface import HostArray, Opening, log2_exact
from proving.backend.native_merkle import LOG_ARITY, tree_depth

#: Elements of a digest, and threads of a block of the hashing kernels.
DIGEST = 4
THREADS = 128


class DeviceTree:
    """A tree over column-major matrices ``(columns, 2^l)``, which it keeps for opening; see the interface.

    Raises
    ------
    ValueError
        When there is no matrix or one is too short to be reached below the cap.
    """

    def __init__(self, memory: Memory, matrices: Sequence[DeviceArray], cap_log: int) -> None:
        if not matrices:
            raise ValueError("a tree needs at least one matrix")
        self._memory = memory
        self._matrices = [check_matrix(matrix) for matrix in matrices]
        self._log_rows = [log2_exact(matrix.shape[1]) for matrix in matrices]
        self._log_height = max(self._log_rows)
        depth = tree_depth(self._log_height, cap_log)
        lowest = self._log_height - LOG_ARITY * depth - 1
        if min(self._log_rows) < lowest:
            raise ValueError(f"a matrix of 2^{min(self._log_rows)} rows does not reach the cap, 2^{lowest} are needed")
        # A level of n digests is the array (1, 4 n), digest by digest.
        self._levels: list[DeviceArray] = []
        for level in range(depth + 1):
            self._levels.append(self._build_level(self._log_height - LOG_ARITY * level))
        self._cap = memory.download(self._levels[-1], small=True).reshape(-1, DIGEST)

    def _build_level(self, log_size: int) -> DeviceArray:
        count = 1 << log_size
        parts: list[tuple[DeviceArray, int]] = []
        if self._levels:
            nodes = self._memory.empty(1, DIGEST * count)
            self._launch("compress_nodes", count, [self._levels[-1].pointer, nodes.pointer, count])
            parts.append((nodes, 0))
        for shift in (0, 1):
            found = [
                matrix
                for matrix, log_rows in zip(self._matrices, self._log_rows, strict=True)
                if log_rows == log_size - shift
            ]
            if found:
                parts.append((self._hash_rows(found, count >> shift), shift))
        if len(parts) == 1:
            return parts[0][0]
        joined = self._memory.empty(1, DIGEST * count)
        words = [word for part, shift in parts for word in (part.pointer, shift)]
        words += [0] * (6 - len(words))
        self._launch("join_parts", count, [*words, count, joined.pointer])
        return joined

    def _hash_rows(self, matrices: Sequence[DeviceArray], rows: int) -> DeviceArray:
        addresses = self._memory.upload_small([address for matrix in matrices for address in matrix.columns()])
        digests = self._memory.empty(1, DIGEST * rows)
        self._launch("hash_rows", rows, [addresses.pointer, addresses.size, rows, digests.pointer])
        return digests

    def _launch(self, kernel: str, threads: int, arguments: Sequence[int]) -> None:
        self._memory.device.launch(kernel, (blocks(threads, THREADS), 1), THREADS, arguments)

    @property
    def cap(self) -> HostArray:
        """The level of digests that is the commitment, ``(cap size, 4)``."""
        return self._cap

    def open(self, indices: HostArray) -> Opening:
        """Open rows by their indices in the tallest matrix, ``(queries,)``; see the interface."""
        at = np.asarray(indices, dtype=np.int64)
        if at.ndim != 1 or np.any(at < 0) or np.any(at >= 1 << self._log_height):
            raise ValueError(f"indices must be a vector of numbers below 2^{self._log_height}")
        queries, depth = len(at), len(self._levels) - 1
        widths = [matrix.shape[0] for matrix in self._matrices]
        if queries == 0:
            empty = np.empty((0, depth, 3, DIGEST), dtype=np.uint64)
            return Opening([np.empty((0, width), dtype=np.uint64) for width in widths], empty)
        memory = self._memory
        wanted = memory.upload_small(at.astype(np.uint64))
        addresses = memory.upload_small([address for matrix in self._matrices for address in matrix.columns()])
        found = memory.empty(queries, sum(widths) + 12 * depth)
        place, column = found.pointer, 0
        for width, log_rows in zip(widths, self._log_rows, strict=True):
            self._launch(
                "gather_rows",
                queries * width,
                [addresses.pointer + 8 * column, width, wanted.pointer, self._log_height - log_rows, queries, place],
            )
            column += width
            place += 8 * queries * width
        for level, digests in enumerate(self._levels[:-1]):
            self._launch(
                "gather_siblings",
                queries * 12,
                [digests.pointer, wanted.pointer, LOG_ARITY * level, queries, 12 * depth, place + 8 * 12 * level],
            )
        flat = memory.download(found, small=True).reshape(-1)
        rows, start = [], 0
        for width in widths:
            rows.append(flat[start : start + queries * width].reshape(queries, width))
            start += queries * width
        return Opening(rows, flat[start:].reshape(queries, depth, 3, DIGEST))
