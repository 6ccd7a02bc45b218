"""Goldilocks arithmetic inside a circuit over BN254's scalar field.

Sums and products are taken over the integers. Only when one could exceed the limit are its operands reduced
(`proving.snark.representatives`), and of these only what is too long.

The methods have the names and meanings of `proving.stark.arithmetic.Arithmetic`, as far as they concern base elements.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from proving.field.goldilocks import PRIME
from proving.snark.circuit import UNUSED, Ids
from proving.snark.errors import CircuitRefused
from proving.snark.hints import InvertStep
from proving.snark.points import SCALAR_MODULUS
from proving.snark.representatives import CANONICAL, WORD, WORD_BITS, Numbers, Representatives
from proving.snark.steps import LimbStep
from proving.stark.errors import DivisionByZero, ProofRefused


class NonNative(Representatives):
    """Writes Goldilocks arithmetic into a circuit."""

    # Shapes

    def shape(self, value: Numbers) -> tuple[int, ...]:
        """Return the shape."""
        return value.ids.shape

    def reshape(self, value: Numbers, shape: tuple[int, ...]) -> Numbers:
        """Return the same numbers under another shape."""
        return Numbers(value.ids.reshape(shape), value.bound)

    def broadcast(self, value: Numbers, shape: tuple[int, ...]) -> Numbers:
        """Repeat along leading or unit axes."""
        return Numbers(np.broadcast_to(value.ids, shape), value.bound)

    def concatenate(self, values: Sequence[Numbers], axis: int) -> Numbers:
        """Join along an existing axis."""
        return Numbers(np.concatenate([value.ids for value in values], axis), max(value.bound for value in values))

    def stack(self, values: Sequence[Numbers], axis: int) -> Numbers:
        """Join along a new axis."""
        return Numbers(np.stack([value.ids for value in values], axis), max(value.bound for value in values))

    def take(self, value: Numbers, index: Any) -> Numbers:
        """Index with constants."""
        return Numbers(np.asarray(value.ids[index], dtype=np.int64), value.bound)

    def bits(self, value: Numbers, count: int) -> Numbers:
        """Return the ``count`` lowest bits ``(..., count)`` of the unique representative below p, lowest first."""
        return self.made(self.low_bits(self.canonical(value).ids, WORD_BITS, count), 1)

    def low_bits(self, values: Ids, bits: int, count: int) -> Ids:
        """Return the ``count`` lowest bits ``(..., count)`` of numbers of at most so many bits, no more than 128."""
        flat = values.reshape(-1)
        out = self.builder.new(flat.size * count)
        self.builder.step(LimbStep(flat, out.reshape(-1, count), 1))
        self.builder.assert_boolean(out)
        low = self.builder.weighted_sum(out.reshape(-1, count), [1 << place for place in range(count)])
        shifted = pow(2, -count, SCALAR_MODULUS)
        high = self.builder.define({"a": flat, "b": low}, {"a": shifted, "b": -shifted})
        equation = {"b": low, "d": flat}, {"a": 1 << count, "b": 1, "d": -1}
        self.builder.limbs(high, -(-(bits - count) // self.builder.table_bits), equation)
        return out.reshape(*values.shape, count)

    def require_equal(self, got: Numbers, expected: Numbers, error: type[ProofRefused]) -> None:
        """Allow only numbers that are equal modulo p."""
        x, y = (ids.reshape(-1) for ids in np.broadcast_arrays(got.ids, expected.ids))
        if max(got.bound, expected.bound) <= CANONICAL:
            self.builder.assert_equal(x, y)
            return
        got, expected, multiple = self._difference(got, expected)
        x, y = (ids.reshape(-1) for ids in np.broadcast_arrays(got.ids, expected.ids))
        difference = self.builder.combine({"a": x, "b": y}, {"a": 1, "b": -1, "k": multiple})
        quotient = self.quotient(difference, got.bound + multiple, self.builder.new(0))
        wires, factors = self.multiple(quotient)
        self.builder.gate({**wires, "a": difference}, {**factors, "a": -1})

    # Arithmetic

    def add(self, a: Numbers, b: Numbers) -> Numbers:
        """Add elementwise with broadcasting."""
        a, b = self.tight(a), self.tight(b)
        if a.bound + b.bound > self.limit:
            a, b = self.reduce(a, self.limit // 2), self.reduce(b, self.limit // 2)
        x, y = np.broadcast_arrays(a.ids, b.ids)
        out = np.where(y == self._zero, x, np.where(x == self._zero, y, UNUSED))
        self._fill(out, x, y, {"a": 1, "b": 1})
        return self.made(out, a.bound + b.bound)

    def subtract(self, a: Numbers, b: Numbers) -> Numbers:
        """Subtract elementwise with broadcasting: a multiple of p keeps the difference from being negative."""
        a, b, multiple = self._difference(a, b)
        x, y = np.broadcast_arrays(a.ids, b.ids)
        out = np.where(y == self._zero, x, UNUSED)
        self._fill(out, x, y, {"a": 1, "b": -1, "k": multiple})
        return self.made(out, a.bound + multiple)

    def multiply(self, a: Numbers, b: Numbers) -> Numbers:
        """Multiply elementwise with broadcasting."""
        a, b = self._factors(a, b, 1)
        x, y = np.broadcast_arrays(a.ids, b.ids)
        out = np.where(x == self._one, y, np.where(y == self._one, x, UNUSED))
        out = np.where((x == self._zero) | (y == self._zero), self._zero, out)
        self._fill(out, x, y, {"ab": 1})
        return self.made(out, max(a.bound * b.bound, a.bound, b.bound))

    def sum(self, a: Numbers, axis: int) -> Numbers:
        """Add up along an axis."""
        terms = a.ids.shape[axis]
        a = self.reduce(a, max(WORD, self.limit // terms))
        moved = np.moveaxis(a.ids, axis, -1)
        if terms == 1:
            return Numbers(moved[..., 0], a.bound)
        total = self.builder.weighted_sum(moved.reshape(-1, terms), [1] * terms)
        return self.made(total.reshape(moved.shape[:-1]), terms * a.bound)

    def sum_of_products(self, a: Numbers, b: Numbers) -> Numbers:
        """Return the sum of products along the last axis, with broadcasting; products with the constant 0 cost nothing.

        Sums of the same products are written down once.
        """
        shape = np.broadcast_shapes(a.ids.shape, b.ids.shape)
        terms = shape[-1]
        a, b = self._factors(a, b, terms)
        x, y = (np.broadcast_to(value.ids, shape).reshape(-1, terms) for value in (a, b))
        lanes, places = np.unique(np.concatenate([x, y], axis=1), axis=0, return_inverse=True)
        x, y = lanes[:, :terms], lanes[:, terms:]
        out = np.full(len(lanes), self._zero)
        counted = (x != self._zero) & (y != self._zero)
        patterns, pattern = np.unique(counted, axis=0, return_inverse=True)
        for number, used in enumerate(patterns):
            if used.any():
                own = pattern.reshape(-1) == number
                out[own] = self._products(x[own][:, used], y[own][:, used])
        bound = max(terms * a.bound * b.bound, a.bound, b.bound)
        return self.made(out[places.reshape(-1)].reshape(shape[:-1]), bound)

    def inverse(self, a: Numbers) -> Numbers:
        """Invert base elements; a zero has no witness."""
        a = self.reduce(a)
        inverse = self.inverse_hint(a.ids[..., None])
        inverse = Numbers(inverse.ids[..., 0], inverse.bound)
        self.require_equal(self.multiply(a, inverse), self.constant(np.array(1, dtype=np.uint64)), DivisionByZero)
        return inverse

    def inverse_hint(self, elements: Ids) -> Numbers:
        """Return words that the witness's program makes the inverses of elements ``(..., 1 or 3)``."""
        out = self.builder.new(elements.size)
        coordinates = elements.shape[-1]
        self.builder.step(InvertStep(elements.reshape(-1, coordinates), out.reshape(-1, coordinates)))
        self.builder.limbs(out, self._limbs)
        return self.made(out.reshape(elements.shape), WORD)

    def select(self, bit: Numbers, if_one: Numbers, if_zero: Numbers) -> Numbers:
        """Choose elementwise by a bit, with broadcasting."""
        if bit.bound != 1:
            raise CircuitRefused("What selects is no bit.")
        shape = np.broadcast_shapes(bit.ids.shape, if_one.ids.shape, if_zero.ids.shape)
        chooses, one, zero = (np.broadcast_to(v.ids, shape).reshape(-1) for v in (bit, if_one, if_zero))
        wires = {"a": chooses, "b": one, "c": chooses, "d": zero}
        factors = {"ab": 1, "cd": -1, "d": 1}
        out = self.builder.define(wires, factors)
        self.builder.group([(wires, {"q_ab": 1, "q_cd": -1, "q_d": 1, "q_n": -1}), ({"a": out}, {})])
        return Numbers(out.reshape(shape), max(if_one.bound, if_zero.bound))

    # Inside

    def _factors(self, a: Numbers, b: Numbers, terms: int) -> tuple[Numbers, Numbers]:
        """Return two factors, reduced as far as a sum of `terms` products needs to stay below the limit."""
        a, b = self.tight(a), self.tight(b)
        if terms * WORD * WORD > self.limit:
            raise CircuitRefused(f"A sum of {terms} products cannot be reduced.")
        if a.bound < b.bound:
            return self._factors(b, a, terms)[::-1]
        if terms * WORD * b.bound > self.limit:
            b = self.reduce(b, self.limit // (terms * WORD))
        return (self.reduce(a, self.limit // (terms * b.bound)) if terms * a.bound * b.bound > self.limit else a), b

    def _difference(self, a: Numbers, b: Numbers) -> tuple[Numbers, Numbers, int]:
        """Return both, reduced where needed, and the least multiple of p that is not below the second's bound."""
        a, b = self.tight(a), self.tight(b)
        if a.bound + b.bound + PRIME > self.limit:
            most = (self.limit - PRIME) // 2
            a, b = self.reduce(a, most), self.reduce(b, most)
        return a, b, -(-b.bound // PRIME) * PRIME

    def _fill(self, out: Ids, x: Ids, y: Ids, factors: dict[str, int]) -> None:
        """Set what is left of an array of variables to combinations, the same ones once."""
        left = out == UNUSED
        if left.any():
            pairs, places = np.unique(np.stack([x[left], y[left]], axis=1), axis=0, return_inverse=True)
            out[left] = self.builder.combine({"a": pairs[:, 0], "b": pairs[:, 1]}, factors)[places.reshape(-1)]

    def _products(self, x: Ids, y: Ids) -> Ids:
        """Return sums of products ``(lanes, terms)``; single products with the constant 1 cost nothing."""
        if x.shape[1] > 1:
            return self.builder.sum_of_products(x, y)
        out = np.where(x == self._one, y, np.where(y == self._one, x, UNUSED))[:, 0]
        self._fill(out, x[:, 0], y[:, 0], {"ab": 1})
        return out
