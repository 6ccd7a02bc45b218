"""The verifier's arithmetic on the SNARK's variables: it computes nothing and writes down what a circuit must show.

Implements :class:`proving.stark.arithmetic.Arithmetic` over :class:`proving.snark.nonnative.Numbers`. Elements of the
Goldilocks field are integers with bounds. A digest is an element of BN254's scalar field: a number with the bound
r - 1, with which no arithmetic is possible, and whose equality is that of variables.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from proving.field.goldilocks import PRIME, root_of_unity
from proving.hash import RATE, Tag
from proving.hash.bn254 import ARITY
from proving.snark import hashing
from proving.snark.circuit import Ids
from proving.snark.decomposition import pieces
from proving.snark.nonnative_extension import DEGREE, NonNativeExtension
from proving.snark.points import SCALAR_MODULUS
from proving.snark.representatives import Numbers
from proving.stark.bn254_integers import PIECE
from proving.stark.errors import DivisionByZero, ProofRefused

#: The bound of digests.
DIGEST_BOUND = SCALAR_MODULUS - 1


class SnarkArithmetic(NonNativeExtension):
    """Writes the verifier into a circuit."""

    # What comes from outside

    def given_digests(self, shape: tuple[int, ...]) -> Numbers:
        """Return digests that the prover is given: any elements."""
        count = int(np.prod(shape, dtype=np.int64))
        return Numbers(self.builder.input(count).reshape(shape), DIGEST_BOUND)

    def constant_digests(self, values: Sequence[int]) -> Numbers:
        """Return known digests."""
        ids = np.array([self.builder.constant(value) for value in values], dtype=np.int64)
        return Numbers(ids, DIGEST_BOUND)

    # Checks and choices

    def inverse(self, a: Numbers) -> Numbers:
        """Invert base elements; a zero has no witness."""
        with self.builder.counting("inverses"):
            return super().inverse(a)

    def ext_inverse(self, a: Numbers, error: type[ProofRefused] = DivisionByZero) -> Numbers:
        """Invert extension elements; a zero has no witness."""
        with self.builder.counting("inverses"):
            return super().ext_inverse(a, error)

    def require_equal(self, got: Numbers, expected: Numbers, error: type[ProofRefused] = ProofRefused) -> None:
        """Allow only equal digests, or numbers that are equal modulo p."""
        if DIGEST_BOUND in (got.bound, expected.bound):
            self.builder.assert_equal(*np.broadcast_arrays(got.ids, expected.ids))
            return
        super().require_equal(got, expected, error)

    def lookup(self, table: Numbers, bits: Numbers) -> Numbers:
        """Return ``table[index]``: table ``(2^k, ...)``, bits ``(queries, k)`` lowest first -> ``(queries, ...)``."""
        queries = bits.ids.shape[0]
        with self.builder.counting("choices"):
            return self._choose(self.broadcast(table, (queries, *table.ids.shape)), bits)

    def _choose(self, values: Numbers, bits: Numbers) -> Numbers:
        """Return one value of each query's own: values ``(queries, 2^k, ...)``, bits ``(queries, k)``."""
        for place in range(bits.ids.shape[1]):
            bit = self.reshape(self.take(bits, (slice(None), place)), (-1, *(1,) * (values.ids.ndim - 1)))
            even, odd = (self.take(values, (slice(None), slice(parity, None, 2))) for parity in (0, 1))
            values = self.select(bit, odd, even)
        return self.take(values, (slice(None), 0))

    # Hashes

    def hash_rows(self, rows: Numbers) -> Numbers:
        """Hash every row of ``(queries, length)`` as a leaf, giving ``(queries,)``."""
        return self._hash(Tag.LEAF, rows.ids.shape[1], self._packed(rows))

    def hash_and_combine(self, rows: Numbers, challenge: Numbers) -> tuple[Numbers, Numbers]:
        """Hash every row as :meth:`hash_rows` does, and combine its elements with powers of a challenge."""
        length = rows.ids.shape[1]
        powers = self.ext_powers(challenge, -(-length // RATE) * RATE)
        descending = self.take(powers, slice(None, None, -1))
        with self.builder.counting("combining"):
            combined = self.ext_combine(rows, self.take(descending, slice(0, length)))
        return self.hash_rows(rows), combined

    def climb(self, digests: Numbers, siblings: Numbers, digits: Numbers) -> Numbers:
        """Return parents in a 4-ary tree, ``(queries,)``.

        The witness's program places the children; that the one in the place of the digest is it binds the place.
        """
        placed = hashing.children(self.builder, digests.ids, siblings.ids, digits.ids)
        with self.builder.counting("choices"):
            own = self._choose(Numbers(placed, DIGEST_BOUND), digits)
        self.require_equal(own, digests)
        return self._hash(Tag.NODE, ARITY, placed)

    def join(self, parts: Sequence[Numbers]) -> Numbers:
        """Return the digests ``(queries,)`` of several digests each."""
        return self._hash(Tag.JOIN, len(parts), np.stack([part.ids for part in parts], axis=1))

    # Transcript

    def start(self) -> Numbers:
        """Return the transcript's first state."""
        return self.take(self.constant_digests([Tag.TRANSCRIPT]), 0)

    def absorb(self, state: Numbers, words: Numbers) -> Numbers:
        """Return the state after a message of words ``(n,)``."""
        packed = self._packed(self.reshape(words, (1, -1)))[0]
        return self._hash_one(Tag.TRANSCRIPT, words.ids.size, [state.ids, packed])

    def absorb_digests(self, state: Numbers, digests: Numbers) -> Numbers:
        """Return the state after a message of digests ``(m,)``."""
        return self._hash_one(Tag.DIGESTS, digests.ids.size, [state.ids, digests.ids])

    def challenges(self, state: Numbers, first: int, count: int) -> Numbers:
        """Return extension elements ``(count, 3)`` from the outputs after a state."""
        outputs = self._outputs(state, first, count)
        return self.made(pieces(self.builder, outputs, [PIECE] * DEGREE), (1 << PIECE) - 1)

    def indices(self, state: Numbers, first: int, count: int, bits: int) -> Numbers:
        """Return the lowest bits ``(count, bits)`` of the outputs after a state, lowest first."""
        return self.made(self._low_bits(self._outputs(state, first, count), bits), 1)

    def work(self, state: Numbers, nonce: Numbers, bits: int) -> Numbers:
        """Return the state after a nonce ``(1,)``; allow only one whose lowest bits are zero."""
        worked = self._hash_one(Tag.GRIND, 0, [state.ids, self.canonical(nonce).ids])
        if bits:
            low = self._low_bits(worked.ids.reshape(1), bits)
            self.builder.assert_equal(low, np.full_like(low, self._zero))
        return worked

    def _outputs(self, state: Numbers, first: int, count: int) -> Ids:
        with self.builder.counting("hashing"):
            numbers = range(first, first + count)
            return hashing.digests(self.builder, Tag.SQUEEZE, numbers, np.full((count, 1), state.ids))

    def _low_bits(self, elements: Ids, count: int) -> Ids:
        limb = self.builder.table_bits
        width = -(-(count + 1) // limb) * limb
        return self.low_bits(pieces(self.builder, elements, [width])[..., 0], width, count)

    def _packed(self, rows: Numbers) -> Ids:
        """Return canonical words ``(lanes, n)`` three to an element."""
        words = self.canonical(rows)
        with self.builder.counting("packing"):
            return hashing.pack(self.builder, words.ids)

    def _hash(self, tag: Tag, number: int, elements: Ids) -> Numbers:
        with self.builder.counting("hashing"):
            return Numbers(hashing.digests(self.builder, tag, [number] * len(elements), elements), DIGEST_BOUND)

    def _hash_one(self, tag: Tag, number: int, parts: Sequence[Ids]) -> Numbers:
        return self.take(self._hash(tag, number, np.concatenate([part.reshape(-1) for part in parts])[None]), 0)

    # Folds

    def fold(self, rows: Numbers, inverse: Numbers, bits: Numbers, beta: Numbers) -> tuple[Numbers, Numbers]:
        """Fold opened rows of a FRI layer: the value at the position, and the folded value.

        With y the challenge over the group's first point, the folded value is ``sum_k y^k g_k / arity``, where the g_k
        are the values' discrete Fourier transform, whose factors are small for up to eight values.
        """
        queries, log_arity = bits.ids.shape
        arity = 1 << log_arity
        values = self.reshape(rows, (queries, arity, DEGREE))
        with self.builder.counting("choices"):
            picked = self._choose(values, bits)
        with self.builder.counting("folds"):
            for place in range(log_arity):
                root = root_of_unity(place + 1)
                factor = self.builder.combine({"a": bits.ids[:, place]}, {"a": root - 1, "k": 1})
                inverse = self.multiply(inverse, Numbers(factor, root))
            y = self.reduce(self.ext_scale(beta, inverse))
            powers = self._scaled_powers(y, arity)
            transformed = self._transformed(values, log_arity)
            folded = self.ext_sum_of_products(powers, transformed)
        return picked, folded

    def _scaled_powers(self, y: Numbers, arity: int) -> Numbers:
        """Return ``y^k / arity``, ``(queries, arity, 3)``."""
        queries = y.ids.shape[0]
        scale = self.constant(np.array([[[pow(arity, -1, PRIME), 0, 0]]], dtype=np.uint64))
        powers = self.broadcast(scale, (queries, 1, DEGREE))
        while (known := powers.ids.shape[1]) < arity:
            times = self.reduce(self.ext_multiply(powers, self.reshape(y, (queries, 1, DEGREE))))
            powers = self.concatenate([powers, times], 1)
            if 2 * known < arity:
                y = self.reduce(self.ext_multiply(y, y))
        return powers

    def _transformed(self, values: Numbers, log_arity: int) -> Numbers:
        """Return ``g_k = sum_i w_i^(-k) v_i``, ``(queries, 2^log_arity, 3)``, w_i the place of value i in its group."""
        arity = 1 << log_arity
        places = [1]
        for place in range(log_arity):
            places += [point * root_of_unity(place + 1) % PRIME for point in places]
        found, bound = [], 0
        lanes = np.moveaxis(values.ids, 1, 2).reshape(-1, arity)
        for k in range(arity):
            factors = [_nearest_zero(pow(point, -k, PRIME)) for point in places]
            below = sum(-factor for factor in factors if factor < 0) * values.bound
            lift = -(-below // PRIME) * PRIME
            bound = max(bound, sum(factor for factor in factors if factor > 0) * values.bound + lift)
            found.append(self.builder.weighted_sum(lanes, factors, lift))
        ids = np.stack(found, axis=-1).reshape(-1, DEGREE, arity)
        return self.made(np.moveaxis(ids, 1, 2), bound)


def _nearest_zero(element: int) -> int:
    """Return the representative of a Goldilocks element with the least absolute value."""
    return element - PRIME if element > PRIME // 2 else element
