"""A backend in a hundred lines of NumPy: slow, readable, and a twin that the others must equal bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from proving.backend import native_air
from proving.backend.interface import PRIME, DeepTerm, HostArray, Opening
from proving.field import extension, goldilocks
from proving.hash import Tag, compress, hash_rows

T = TypeVar("T")


def reverse_bits(count: int) -> np.ndarray[Any, np.dtype[np.intp]]:
    """The bit-reversal permutation of 0 .. count - 1."""
    order = np.zeros(1, dtype=np.intp)
    while len(order) < count:
        order = np.concatenate([2 * order, 2 * order + 1])
    return order


def powers(base: int, count: int) -> HostArray:
    result = [1]
    for _ in range(count - 1):
        result.append(result[-1] * base % PRIME)
    return np.array(result, dtype=np.uint64)


def transform(columns: HostArray, root: int) -> HostArray:
    """Evaluate coefficients ``(c, n)`` at 1, root, root^2, ...: the textbook radix-2 recursion."""
    size = columns.shape[1]
    if size == 1:
        return columns
    square = root * root % PRIME
    even, odd = transform(columns[:, 0::2], square), transform(columns[:, 1::2], square)
    odd = goldilocks.multiply(odd, powers(root, size // 2))
    return np.concatenate([goldilocks.add(even, odd), goldilocks.subtract(even, odd)], axis=1)


def log2(size: int) -> int:
    return size.bit_length() - 1


class ReferenceTree:
    def __init__(self, matrices: Sequence[HostArray], cap_log: int) -> None:
        self.matrices = list(matrices)
        self.log_rows = max(log2(matrix.shape[1]) for matrix in matrices)
        self.depth = max(0, (self.log_rows - cap_log) // 2)
        self.levels: list[HostArray] = []
        for level in range(self.depth + 1):
            log_size = self.log_rows - 2 * level
            parts = [compress(self.levels[-1].reshape(-1, 16))] if level else []
            for log_rows in (log_size, log_size - 1):
                entering = [matrix.T for matrix in matrices if log2(matrix.shape[1]) == log_rows]
                if entering:
                    digests = hash_rows(Tag.LEAF, np.concatenate(entering, axis=1))
                    parts.append(np.repeat(digests, 1 << (log_size - log_rows), axis=0))
            if len(parts) > 1:
                block = np.zeros((1 << log_size, 16), dtype=np.uint64)
                joined = np.concatenate(parts, axis=1)
                block[:, : joined.shape[1]] = joined
                block[:, 12] = Tag.JOIN
                parts = [compress(block)]
            self.levels.append(parts[0])

    @property
    def cap(self) -> HostArray:
        return self.levels[-1]

    def open(self, indices: HostArray) -> Opening:
        rows = [m[:, (indices >> np.uint64(self.log_rows - log2(m.shape[1]))).astype(np.intp)].T for m in self.matrices]
        path = np.zeros((len(indices), self.depth, 3, 4), dtype=np.uint64)
        for query, index in enumerate(int(i) for i in indices):
            for level in range(self.depth):
                place = index >> (2 * level)
                siblings = [4 * (place // 4) + child for child in range(4) if child != place % 4]
                path[query, level] = self.levels[level][siblings]
        return Opening([np.ascontiguousarray(row) for row in rows], path)


class ReferenceBackend:
    name = "reference"

    def together(self, work: Callable[[], T]) -> T:
        """Run the work."""
        return work()

    def upload(self, host: HostArray) -> HostArray:
        return host

    def download(self, array: HostArray) -> HostArray:
        return array

    def lde(self, trace: HostArray, log_blowup: int, shift: int) -> HostArray:
        size = trace.shape[1]
        inverse = pow(goldilocks.root_of_unity(log2(size)), -1, PRIME)
        scaled = goldilocks.multiply(transform(trace, inverse), np.array(pow(size, -1, PRIME), dtype=np.uint64))
        return self.coset_evaluate(scaled, log_blowup, shift)

    def coset_interpolate(self, values: HostArray, shift: int) -> HostArray:
        size = values.shape[1]
        natural = values[:, reverse_bits(size)]
        inverse = pow(goldilocks.root_of_unity(log2(size)), -1, PRIME)
        scale = goldilocks.multiply(
            powers(pow(shift, -1, PRIME), size), np.array(pow(size, -1, PRIME), dtype=np.uint64)
        )
        return goldilocks.multiply(transform(natural, inverse), scale)

    def coset_evaluate(self, coefficients: HostArray, log_blowup: int, shift: int) -> HostArray:
        count, size = coefficients.shape
        padded = np.zeros((count, size << log_blowup), dtype=np.uint64)
        padded[:, :size] = goldilocks.multiply(coefficients, powers(shift, size))
        values = transform(padded, goldilocks.root_of_unity(log2(size << log_blowup)))
        return np.ascontiguousarray(values[:, reverse_bits(size << log_blowup)])

    def commit(self, matrices: Sequence[HostArray], cap_log: int, hashing: object = None) -> ReferenceTree:
        assert hashing is None
        return ReferenceTree(matrices, cap_log)

    def open_at(self, lde: HostArray, log_blowup: int, shift: int, point: HostArray) -> HostArray:
        coefficients = self.coset_interpolate(lde, shift)
        return self._combine(coefficients, extension.powers(point, coefficients.shape[1]))

    def linear_combination(self, lde: HostArray, coefficients: HostArray) -> HostArray:
        return np.ascontiguousarray(self._combine(np.ascontiguousarray(lde.T), coefficients).T)

    def deep_quotient(self, terms: Sequence[DeepTerm], log_rows: int, shift: int) -> HostArray:
        size = 1 << log_rows
        points = goldilocks.multiply(
            powers(goldilocks.root_of_unity(log_rows), size)[reverse_bits(size)], np.array(shift, dtype=np.uint64)
        )
        total = np.zeros((size, 3), dtype=np.uint64)
        for point, value, vectors in terms:
            numerator = np.tile(goldilocks.negate(value), (size, 1))
            for own, vector in vectors.items():
                numerator = goldilocks.add(numerator, np.repeat(vector.T, 1 << (log_rows - own), axis=0))
            denominator = goldilocks.subtract(extension.embed(points), point)
            total = goldilocks.add(total, extension.multiply(numerator, extension.inverse(denominator)))
        return np.ascontiguousarray(total.T)

    def lift_sum(self, parts: Sequence[HostArray], log_rows: int) -> HostArray:
        total = np.zeros((3, 1 << log_rows), dtype=np.uint64)
        for part in parts:
            total = goldilocks.add(total, np.repeat(part, (1 << log_rows) // part.shape[1], axis=1))
        return total

    def split_blocks(self, coefficients: HostArray, blocks: int, size: int) -> HostArray:
        pieces = coefficients[:, : blocks * size].reshape(3, blocks, size).transpose(1, 0, 2)
        return np.ascontiguousarray(pieces.reshape(3 * blocks, size))

    def fold(self, values: HostArray, beta: HostArray, log_arity: int, shift: int) -> HostArray:
        size, arity = values.shape[1], 1 << log_arity
        coefficients = self.coset_interpolate(values, shift)
        folded = np.zeros((size // arity, 3), dtype=np.uint64)
        for power, weight in enumerate(extension.powers(beta, arity)):
            part = np.ascontiguousarray(coefficients[:, power::arity].T)
            folded = goldilocks.add(folded, extension.multiply(part, weight))
        return self.coset_evaluate(np.ascontiguousarray(folded.T), 0, pow(shift, arity, PRIME))

    def group(self, values: HostArray, log_arity: int) -> HostArray:
        rows = values.T.reshape(-1, 3 << log_arity)
        return np.ascontiguousarray(rows.T)

    def grind(self, state: HostArray, bits: int, hashing: object = None) -> int:
        assert hashing is None
        start = 0
        while True:
            blocks = np.zeros((4096, 16), dtype=np.uint64)
            blocks[:, :4] = state
            blocks[:, 4] = Tag.GRIND
            blocks[:, 5] = np.arange(start, start + 4096, dtype=np.uint64)
            found = np.flatnonzero((compress(blocks)[:, 0] & np.uint64((1 << bits) - 1)) == 0)
            if found.size:
                return start + int(found[0])
            start += 4096

    def bus_columns(
        self,
        program: Any,
        main: HostArray,
        preprocessed: HostArray | None,
        challenges: HostArray,
        publics: HostArray,
    ) -> tuple[HostArray, HostArray]:
        return native_air.bus_columns(program, main, preprocessed, challenges, publics)

    def quotient(self, program: Any, main_lde: HostArray, preprocessed_lde: HostArray | None, bus_lde: HostArray | None,
                 **rest: Any) -> HostArray:  # fmt: skip
        return native_air.quotient(program, main_lde, preprocessed_lde, bus_lde, **rest)

    @staticmethod
    def _combine(rows: HostArray, coefficients: HostArray) -> HostArray:
        total = np.zeros((rows.shape[0], 3), dtype=np.uint64)
        for column in range(rows.shape[1]):
            total = goldilocks.add(total, goldilocks.multiply(rows[:, column, None], coefficients[column]))
        return total
