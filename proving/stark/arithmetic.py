"""The arithmetic that the verifier is written over.

The verifier (:mod:`proving.stark.verifier`) and the circuits' constraint graphs use nothing but these methods, so that
one text verifies integers here and becomes a circuit when its values are circuit variables. Four rules follow:

- values are opaque *arrays* of base field elements; an extension element is a trailing axis of 3;
- digests are values of the layer's hash family. Whether they have a trailing axis of their own, as four words have, is
  the arithmetic's affair: whoever uses it indexes the axes before that, and does nothing but hash, absorb, look up and
  compare them;
- shapes are known when the verifier is written down, values are not: no method returns a Python truth, and asking a
  circuit variable for one raises;
- a check is a method (:meth:`Arithmetic.require_equal`): on integers it raises, in a circuit it becomes a constraint.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from proving.stark.errors import DivisionByZero, ProofRefused

#: Base field elements, canonical, any shape; extension elements have a trailing axis of 3.
Words = npt.NDArray[np.uint64]
#: A NumPy basic or integer-array index that is known when the circuit is written down.
Index = Any

V = TypeVar("V")


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

    def hash_rows(self, rows: V) -> V:
        """Hash every row of ``(queries, length)`` as one message, giving digests ``(queries,)``."""
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
            Digests ``(queries,)`` and ``sum_i row[i] challenge^(N - 1 - i)`` ``(queries, 3)``, N the length rounded up
            to a multiple of 12.
        """
        ...

    def climb(self, digests: V, siblings: V, digits: V) -> V:
        """Return parents in a 4-ary tree: digests ``(queries,)``.

        Parameters
        ----------
        digests
            ``(queries,)`` digests: the children on the path.
        siblings
            ``(queries, 3)`` digests: the other children in their order.
        digits
            ``(queries, 2)``: bits of the child's place among the four, lowest first.
        """
        ...

    def join(self, parts: Sequence[V]) -> V:
        """Return the digests ``(queries,)`` of two or three digests of each query, ``(queries,)`` each."""
        ...

    def start(self) -> V:
        """Return the state of a transcript that has seen nothing: one digest."""
        ...

    def absorb(self, state: V, words: V) -> V:
        """Return the state after a message of base elements ``(n,)``, n at least 1."""
        ...

    def absorb_digests(self, state: V, digests: V) -> V:
        """Return the state after a message of digests ``(m,)``, m at least 1."""
        ...

    def challenges(self, state: V, first: int, count: int) -> V:
        """Return extension elements ``(count, 3)`` from outputs after a state, with the numbers from ``first`` up."""
        ...

    def indices(self, state: V, first: int, count: int, bits: int) -> V:
        """Return the lowest ``bits`` bits of as many outputs, ``(count, bits)``, lowest first."""
        ...

    def work(self, state: V, nonce: V, bits: int) -> V:
        """Return the state after a nonce ``(1,)``; refuse unless its lowest ``bits`` bits are zero."""
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

    def select(self, bit: V, if_one: V, if_zero: V) -> V:
        """Choose elementwise by a bit, with broadcasting."""
        ...

    def lookup(self, table: V, bits: V) -> V:
        """Return ``table[index]``: table ``(2^k, ...)``, bits ``(queries, k)`` lowest first -> ``(queries, ...)``."""
        ...

    def require_equal(self, got: V, expected: V, error: type[ProofRefused]) -> None:
        """Refuse unless both values are equal everywhere (with broadcasting)."""
        ...
