"""The arithmetic on plain integers: what the verifier of proofs runs on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from proving.field import extension, goldilocks
from proving.hash import DIGEST, RATE, WIDTH, Tag, compress, hash_rows
from proving.stark.arithmetic import Index, Words
from proving.stark.errors import DivisionByZero, ProofRefused
from proving.stark.goldilocks_hashing import GoldilocksHashing
from proving.stark.twiddles import inverse_twiddles

_HALF = np.uint64(32)
_LOW_HALF = np.uint64(2**32 - 1)
_HALF_OF_ONE = np.array((goldilocks.PRIME + 1) // 2, dtype=np.uint64)
_TWO_32 = np.array(2**32, dtype=np.uint64)


def reduced(words: Words) -> Words:
    """Return words below 2^64 as canonical elements."""
    prime = np.uint64(goldilocks.PRIME)
    return np.where(words >= prime, words - prime, words)


class IntegerField:
    """All but the hashes: values are ``numpy.uint64`` arrays, checks raise at once.

    It runs on the same native kernels as the prover, one call per array.
    """

    def constant(self, words: Words) -> Words:
        """Return the words themselves."""
        return words

    def shape(self, value: Words) -> tuple[int, ...]:
        """Return the shape."""
        return value.shape

    def reshape(self, value: Words, shape: tuple[int, ...]) -> Words:
        """Return a view under another shape."""
        return value.reshape(shape)

    def broadcast(self, value: Words, shape: tuple[int, ...]) -> Words:
        """Repeat along leading or unit axes."""
        return np.broadcast_to(value, shape)

    def concatenate(self, values: Sequence[Words], axis: int) -> Words:
        """Join along an existing axis."""
        return np.concatenate(values, axis=axis)

    def stack(self, values: Sequence[Words], axis: int) -> Words:
        """Join along a new axis."""
        return np.stack(values, axis=axis)

    def take(self, value: Words, index: Index) -> Words:
        """Index with constants."""
        taken: Words = value[index]
        return taken

    def add(self, a: Words, b: Words) -> Words:
        """Add elementwise."""
        return goldilocks.add(a, b)

    def subtract(self, a: Words, b: Words) -> Words:
        """Subtract elementwise."""
        return goldilocks.subtract(a, b)

    def multiply(self, a: Words, b: Words) -> Words:
        """Multiply base elements."""
        return goldilocks.multiply(a, b)

    def sum(self, a: Words, axis: int) -> Words:
        """Add up along an axis, the two halves of the words apart so that nothing overflows."""
        low = (a & _LOW_HALF).sum(axis=axis, dtype=np.uint64)
        high = (a >> _HALF).sum(axis=axis, dtype=np.uint64)
        return goldilocks.add(reduced(low), goldilocks.multiply(reduced(high), _TWO_32))

    def extend(self, a: Words) -> Words:
        """Embed base elements as extension elements."""
        return extension.embed(a)

    def ext_multiply(self, a: Words, b: Words) -> Words:
        """Multiply extension elements."""
        return extension.multiply(a, b)

    def ext_scale(self, a: Words, b: Words) -> Words:
        """Multiply extension elements by base elements."""
        return extension.scale(a, b)

    def inverse(self, a: Words) -> Words:
        """Invert base elements; refuse a zero."""
        if not np.all(a):
            raise DivisionByZero
        return goldilocks.inverse(a)

    def ext_inverse(self, a: Words, error: type[ProofRefused] = DivisionByZero) -> Words:
        """Invert extension elements; refuse a zero."""
        if not np.all(np.any(a != 0, axis=-1)):
            raise error
        return extension.inverse(a)

    def ext_combine(self, rows: Words, coefficients: Words) -> Words:
        """Combine base rows with extension coefficients."""
        return self.sum(goldilocks.multiply(rows[..., None], coefficients), -2)

    def ext_powers(self, a: Words, count: int) -> Words:
        """Return the first powers by doubling: log2(count) array multiplications."""
        return extension.powers(a, count)

    def combine_rows(self, rows: Words, challenge: Words) -> Words:
        """Combine rows with powers of a challenge, as :meth:`Arithmetic.hash_and_combine` says."""
        length = rows.shape[1]
        padded = -(-length // RATE) * RATE
        powers = extension.powers(challenge, padded)[::-1]
        return self.ext_combine(rows, powers[:length])

    def place_children(self, digests: Words, siblings: Words, digits: Words) -> Words:
        """Put every digest ``(queries, 4)`` among its siblings: children ``(queries, 4, 4)``."""
        own = (digits[:, 0] + np.uint64(2) * digits[:, 1]).astype(np.int64)
        places = np.arange(4)
        children = np.empty((digests.shape[0], 4, DIGEST), dtype=np.uint64)
        children[places != own[:, None]] = siblings.reshape(-1, DIGEST)
        children[np.arange(own.size), own] = digests
        return children

    def fold(self, rows: Words, inverse: Words, bits: Words, beta: Words) -> tuple[Words, Words]:
        """Fold all rows, one pass for each halving."""
        queries, log_arity = bits.shape
        values = rows.reshape(queries, 1 << log_arity, 3)
        places = (bits << np.arange(log_arity, dtype=np.uint64)).sum(axis=1, dtype=np.uint64).astype(np.int64)
        picked = values[np.arange(queries), places]
        for position in range(log_arity):
            root = np.uint64(goldilocks.root_of_unity(position + 1))
            inverse = goldilocks.multiply(inverse, np.where(bits[:, position] != 0, root, np.uint64(1)))
        for step in range(log_arity, 0, -1):
            even, odd = values[:, ::2], values[:, 1::2]
            points = goldilocks.multiply(inverse[:, None], inverse_twiddles(step))
            slope = extension.scale(goldilocks.subtract(even, odd), points)
            total = goldilocks.add(goldilocks.add(even, odd), extension.multiply(slope, beta))
            values = goldilocks.multiply(total, _HALF_OF_ONE)
            inverse, beta = goldilocks.multiply(inverse, inverse), extension.multiply(beta, beta)
        return picked, values[:, 0]

    def bits(self, value: Words, count: int) -> Words:
        """Return the lowest bits; canonical values have one representative."""
        shifts = np.arange(count, dtype=np.uint64)
        return (value[..., None] >> shifts) & np.uint64(1)

    def select(self, bit: Words, if_one: Words, if_zero: Words) -> Words:
        """Choose elementwise."""
        return np.where(bit != 0, if_one, if_zero)

    def lookup(self, table: Words, bits: Words) -> Words:
        """Gather by the index that the bits spell."""
        weights = np.uint64(1) << np.arange(bits.shape[-1], dtype=np.uint64)
        index = (bits * weights).sum(axis=-1, dtype=np.uint64).astype(np.int64)
        found: Words = table[index]
        return found

    def require_equal(self, got: Words, expected: Words, error: type[ProofRefused]) -> None:
        """Raise ``error`` with the first pair that differs."""
        got, expected = np.broadcast_arrays(got, expected)
        different = np.flatnonzero((got != expected).reshape(-1))
        if different.size:
            first = int(different[0])
            raise error(expected=int(expected.reshape(-1)[first]), got=int(got.reshape(-1)[first]))


class IntegerArithmetic(IntegerField, GoldilocksHashing[Words]):
    """The arithmetic on plain integers under the family over Goldilocks; digests have a trailing axis of four."""

    def compress(self, blocks: Words) -> Words:
        """Apply the compression function to every block."""
        return compress(blocks)

    def chain(self, state: Words, blocks: Words) -> Words:
        """Compress blocks into a chaining value."""
        for block in blocks:
            state = compress(np.concatenate([state, block]))
        return state

    def hash_rows(self, rows: Words) -> Words:
        """Hash every row in one native pass."""
        return hash_rows(Tag.LEAF, rows)

    def hash_and_combine(self, rows: Words, challenge: Words) -> tuple[Words, Words]:
        """Hash every row in one native pass; combine all rows in one more."""
        return self.hash_rows(rows), self.combine_rows(rows, challenge)

    def climb(self, digests: Words, siblings: Words, digits: Words) -> Words:
        """Put every digest among its siblings and compress."""
        return compress(self.place_children(digests, siblings, digits).reshape(-1, WIDTH))
