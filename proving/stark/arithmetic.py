"""The arithmetic that the verifier is written over.

The verifier (:mod:`proving.stark.verifier`) and the circuits' constraint graphs use nothing but these methods, so that
one text verifies integers here and becomes a circuit when its values are circuit variables. Three rules follow:

- values are opaque *arrays* of base field elements; an extension element is a trailing axis of 3;
- shapes are known when the verifier is written down, values are not: no method returns a Python truth, and asking a
  circuit variable for one raises;
- a check is a method (:meth:`Arithmetic.require_equal`): on integers it raises, in a circuit it becomes a constraint.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from proving.field import extension, goldilocks
from proving.hash import DIGEST, RATE, WIDTH, Tag, compress, hash_rows
from proving.stark.errors import DivisionByZero, ProofRefused
from proving.stark.twiddles import inverse_twiddles

#: Base field elements, canonical, any shape; extension elements have a trailing axis of 3.
Words = npt.NDArray[np.uint64]
#: A NumPy basic or integer-array index that is known when the circuit is written down.
Index = Any

V = TypeVar("V")

_HALF = np.uint64(32)
_LOW_HALF = np.uint64(2**32 - 1)
_ZERO = np.zeros(3, dtype=np.uint64)
_HALF_OF_ONE = np.array((goldilocks.PRIME + 1) // 2, dtype=np.uint64)
_TWO_32 = np.array(2**32, dtype=np.uint64)


def _reduced(words: Words) -> Words:
    """Return words below 2^64 as canonical elements."""
    prime = np.uint64(goldilocks.PRIME)
    return np.where(words >= prime, words - prime, words)


class Arithmetic(Protocol[V]):
    """Array-valued field arithmetic, hashing and checks over values of type ``V``."""

    def constant(self, words: Words) -> V:
        """Return canonical words of any shape as a value."""
        ...

    def shape(self, value: V) -> tuple[int, ...]:
        """Return the shape."""
        ...

    def reshape(self, value: V, shape: tuple[int, ...]) -> V:
        """Return the same elements in C order under another shape."""
        ...

    def broadcast(self, value: V, shape: tuple[int, ...]) -> V:
        """Repeat along leading or unit axes, as ``numpy.broadcast_to``."""
        ...

    def concatenate(self, values: Sequence[V], axis: int) -> V:
        """Join along an existing axis."""
        ...

    def stack(self, values: Sequence[V], axis: int) -> V:
        """Join along a new axis."""
        ...

    def take(self, value: V, index: Index) -> V:
        """Index with constants, as ``value[index]``."""
        ...

    def add(self, a: V, b: V) -> V:
        """Add elementwise with broadcasting; right for base and for extension values alike."""
        ...

    def subtract(self, a: V, b: V) -> V:
        """Subtract elementwise with broadcasting; right for base and for extension values alike."""
        ...

    def multiply(self, a: V, b: V) -> V:
        """Multiply base elements, elementwise with broadcasting."""
        ...

    def sum(self, a: V, axis: int) -> V:
        """Add up along an axis; right for base and for extension values alike."""
        ...

    def extend(self, a: V) -> V:
        """Embed base elements ``(...)`` as extension elements ``(..., 3)``."""
        ...

    def ext_multiply(self, a: V, b: V) -> V:
        """Multiply extension elements ``(..., 3)``, with broadcasting over the leading axes."""
        ...

    def ext_scale(self, a: V, b: V) -> V:
        """Multiply extension elements ``(..., 3)`` by base elements ``(...)``."""
        ...

    def inverse(self, a: V) -> V:
        """Invert base elements; a zero is unsatisfiable, never zero."""
        ...

    def ext_inverse(self, a: V, error: type[ProofRefused] = DivisionByZero) -> V:
        """Invert extension elements; a zero is unsatisfiable, never zero."""
        ...

    def ext_combine(self, rows: V, coefficients: V) -> V:
        """Return ``sum_k rows[..., k] coefficients[k]``: base rows ``(..., c)``, extension coefficients ``(c, 3)``."""
        ...

    def ext_powers(self, a: V, count: int) -> V:
        """Return ``1, a, a^2, ...``: one extension element ``(3,)`` to ``(count, 3)``."""
        ...

    def compress(self, blocks: V) -> V:
        """Apply the compression function to blocks ``(..., 16)``, giving ``(..., 4)``."""
        ...

    def absorb(self, state: V, blocks: V) -> V:
        """Compress blocks ``(n, 12)`` one after the other into a chaining value ``(4,)``."""
        ...

    def hash_rows(self, rows: V) -> V:
        """Hash every row of ``(queries, length)`` as one message with tag LEAF, giving ``(queries, 4)``."""
        ...

    def hash_and_combine(self, rows: V, challenge: V) -> tuple[V, V]:
        """Hash every row as :meth:`hash_rows` does, and combine its elements with powers of a challenge.

        Parameters
        ----------
        rows
            ``(queries, length)``.
        challenge
            ``(3,)``.

        Returns
        -------
        tuple
            Digests ``(queries, 4)`` and ``sum_i row[i] challenge^(N - 1 - i)`` ``(queries, 3)``, N the length rounded
            up to whole blocks.
        """
        ...

    def climb(self, digests: V, siblings: V, digits: V) -> V:
        """Return parents in a 4-ary tree: ``(queries, 4)``.

        Parameters
        ----------
        digests
            ``(queries, 4)``: the children on the path.
        siblings
            ``(queries, 3, 4)``: the other children in their order.
        digits
            ``(queries, 2)``: bits of the child's place among the four, lowest first.
        """
        ...

    def fold(self, rows: V, inverse: V, bits: V, beta: V) -> tuple[V, V]:
        """Fold opened rows of a FRI layer; see :mod:`proving.stark.fri`.

        Parameters
        ----------
        rows
            ``(queries, 3 * 2^k)``: the values of one group, element by element.
        inverse
            ``(queries,)``: the inverse of the point at which each group is entered.
        bits
            ``(queries, k)``: the position of that point in its group, lowest first.
        beta
            The fold challenge ``(3,)``.

        Returns
        -------
        tuple
            The value at the position ``(queries, 3)``, and the folded value ``(queries, 3)``. Folding by 2^k with beta
            is folding k times by 2 with beta, beta^2, beta^4, ...
        """
        ...

    def bits(self, value: V, count: int) -> V:
        """Return the ``count`` lowest bits ``(..., count)`` of the unique representative below p, lowest first."""
        ...

    def select(self, bit: V, if_one: V, if_zero: V) -> V:
        """Choose elementwise by a bit, with broadcasting."""
        ...

    def lookup(self, table: V, bits: V) -> V:
        """Return ``table[index]``: table ``(2^k, ...)``, bits ``(queries, k)`` lowest first -> ``(queries, ...)``."""
        ...

    def require_equal(self, got: V, expected: V, error: type[ProofRefused]) -> None:
        """Refuse unless both values are equal everywhere (with broadcasting)."""
        ...


class IntegerArithmetic:
    """The arithmetic on plain integers: values are ``numpy.uint64`` arrays, checks raise at once.

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
        return goldilocks.add(_reduced(low), goldilocks.multiply(_reduced(high), _TWO_32))

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

    def compress(self, blocks: Words) -> Words:
        """Apply the compression function to every block."""
        return compress(blocks)

    def absorb(self, state: Words, blocks: Words) -> Words:
        """Compress blocks into a chaining value."""
        for block in blocks:
            state = compress(np.concatenate([state, block]))
        return state

    def hash_rows(self, rows: Words) -> Words:
        """Hash every row in one native pass."""
        return hash_rows(Tag.LEAF, rows)

    def hash_and_combine(self, rows: Words, challenge: Words) -> tuple[Words, Words]:
        """Hash every row in one native pass; combine all rows in one more."""
        length = rows.shape[1]
        padded = -(-length // RATE) * RATE
        powers = extension.powers(challenge, padded)[::-1]
        return self.hash_rows(rows), self.ext_combine(rows, powers[:length])

    def climb(self, digests: Words, siblings: Words, digits: Words) -> Words:
        """Put every digest among its siblings and compress."""
        own = (digits[:, 0] + np.uint64(2) * digits[:, 1]).astype(np.int64)
        places = np.arange(4)
        children = np.empty((digests.shape[0], 4, DIGEST), dtype=np.uint64)
        children[places != own[:, None]] = siblings.reshape(-1, DIGEST)
        children[np.arange(own.size), own] = digests
        return compress(children.reshape(-1, WIDTH))

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


class ExtensionVectors(Generic[V]):
    """The view of an arithmetic through which constraint graphs are evaluated: vectors of extension elements.

    Implements :class:`proving.stark.air.arithmetic.Arithmetic`.
    """

    def __init__(self, arithmetic: Arithmetic[V]) -> None:
        self._arithmetic = arithmetic

    def constant(self, values: Words) -> V:
        """Return known extension elements."""
        return self._arithmetic.constant(values)

    def add(self, a: V, b: V) -> V:
        """Add element by element."""
        return self._arithmetic.add(a, b)

    def sub(self, a: V, b: V) -> V:
        """Subtract element by element."""
        return self._arithmetic.subtract(a, b)

    def mul(self, a: V, b: V) -> V:
        """Multiply element by element."""
        return self._arithmetic.ext_multiply(a, b)

    def neg(self, a: V) -> V:
        """Negate element by element."""
        return self._arithmetic.subtract(self._arithmetic.constant(_ZERO), a)

    def inverse(self, a: V) -> V:
        """Invert element by element; a zero is unsatisfiable."""
        return self._arithmetic.ext_inverse(a)

    def gather(self, a: V, indices: npt.NDArray[np.intp]) -> V:
        """Return the elements at these indices, which may repeat."""
        return self._arithmetic.take(a, indices)

    def concatenate(self, parts: Sequence[V]) -> V:
        """Return one vector after the other."""
        return self._arithmetic.concatenate(parts, 0)
