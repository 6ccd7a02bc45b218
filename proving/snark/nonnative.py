"""Goldilocks arithmetic inside a circuit over BN254's scalar field.

A number is an integer that is right modulo the Goldilocks modulus p, and carries the largest that it can be. Sums and
products are taken over the integers; only when one could exceed `NonNative.limit` are its operands reduced, by hints
for quotient and remainder that are range-checked. Below the limit nothing wraps modulo r, so an equation between
variables is one between integers.

The methods have the names and meanings of `proving.stark.arithmetic.Arithmetic`, as far as they concern base elements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proving.field.goldilocks import PRIME
from proving.snark.builder import Builder
from proving.snark.circuit import UNUSED, Ids
from proving.snark.errors import CircuitRefused
from proving.snark.hints import DivideStep, InvertStep, RatioStep
from proving.snark.packing import WORD_BITS
from proving.snark.points import SCALAR_MODULUS
from proving.snark.steps import LimbStep

#: The largest canonical number, and the largest after a reduction.
CANONICAL = PRIME - 1
WORD = (1 << WORD_BITS) - 1
_HALF_BITS = WORD_BITS // 2
_HALF = (1 << _HALF_BITS) - 1


@dataclass(frozen=True)
class Numbers:
    """Integers in variables.

    Attributes
    ----------
    ids
        Their variables, any shape.
    bound
        None of them is greater.
    """

    ids: Ids
    bound: int


class _Memory:
    """Which variable stands for another one that it equals modulo p."""

    def __init__(self) -> None:
        self._found = np.full(0, UNUSED, dtype=np.int64)

    def missing(self, ids: Ids) -> Ids:
        """Return the variables among some that nothing is known of yet, each once."""
        self._grow(ids)
        return np.unique(ids[self._found[ids] == UNUSED])

    def put(self, ids: Ids, equal: Ids) -> None:
        """Remember."""
        self._grow(ids)
        self._found[ids] = equal

    def of(self, ids: Ids) -> Ids:
        """Return what was put for each."""
        return self._found[ids]

    def _grow(self, ids: Ids) -> None:
        longest = int(ids.max(initial=0)) + 1
        if longest > self._found.size:
            self._found = np.concatenate([self._found, np.full(longest, UNUSED)])


class NonNative:
    """Writes Goldilocks arithmetic into a circuit.

    Parameters
    ----------
    builder
        Its table's bits must divide 32.
    """

    def __init__(self, builder: Builder) -> None:
        if _HALF_BITS % builder.table_bits:
            raise CircuitRefused(f"Limbs of {builder.table_bits} bits do not make up 32.")
        self.builder = builder
        self._limbs = WORD_BITS // builder.table_bits
        # A reduction's quotient has so many limbs at most, or quotient times p plus remainder could exceed r.
        limbs = 1
        while ((1 << builder.table_bits * (limbs + 1)) - 1) * PRIME + WORD < SCALAR_MODULUS:
            limbs += 1
        #: The largest bound of a number that can still be reduced.
        self.limit = (PRIME << builder.table_bits * limbs) - 1
        self._reduced, self._canonical = _Memory(), _Memory()
        self._zero, self._one = builder.constant(0), builder.constant(1)

    # What comes from outside

    def given(self, shape: tuple[int, ...]) -> Numbers:
        """Return words that the prover is given, shown to be below p."""
        ids = self.builder.input(int(np.prod(shape, dtype=np.int64)))
        self._require_canonical(ids)
        return Numbers(ids.reshape(shape), CANONICAL)

    def constant(self, words: NDArray[np.uint64]) -> Numbers:
        """Return canonical words as constants."""
        distinct, places = np.unique(np.asarray(words, dtype=np.uint64), return_inverse=True)
        ids = np.array([self.builder.constant(int(word)) for word in distinct], dtype=np.int64)
        for memory in (self._reduced, self._canonical):
            memory.put(ids, ids)
        return Numbers(ids[places].reshape(np.shape(words)), int(distinct.max(initial=0)))

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

    # Representatives

    def reduce(self, value: Numbers) -> Numbers:
        """Return the same modulo p in 64 bits, not always below p; what has 64 bits stays as it is."""
        if value.bound <= WORD:
            return value
        missing = self._reduced.missing(value.ids)
        if missing.size:
            remainder = self.builder.new(missing.size)
            wires, factors = self._multiple(self._quotient(missing, value.bound, remainder))
            equation = {**wires, "d": missing}, {**factors, "a": 1, "d": -1}
            self.builder.limbs(remainder, self._limbs, equation)
            self._reduced.put(missing, remainder)
            self._reduced.put(remainder, remainder)
        return Numbers(self._reduced.of(value.ids), WORD)

    def canonical(self, value: Numbers) -> Numbers:
        """Return the unique representatives below p."""
        if value.bound <= CANONICAL:
            return value
        missing = self._canonical.missing(value.ids)
        if missing.size:
            remainder = self.builder.new(missing.size)
            wires, factors = self._multiple(self._quotient(missing, value.bound, remainder))
            self.builder.gate({**wires, "a": remainder, "d": missing}, {**factors, "a": 1, "d": -1})
            self._require_canonical(remainder)
            for memory in (self._reduced, self._canonical):
                memory.put(missing, remainder)
        return Numbers(self._canonical.of(value.ids), CANONICAL)

    def bits(self, value: Numbers, count: int) -> Numbers:
        """Return the ``count`` lowest bits ``(..., count)`` of the unique representative below p, lowest first."""
        return Numbers(self.low_bits(self.canonical(value).ids, WORD_BITS, count), 1)

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

    def require_equal(self, got: Numbers, expected: Numbers) -> None:
        """Allow only numbers that are equal modulo p."""
        x, y = (ids.reshape(-1) for ids in np.broadcast_arrays(got.ids, expected.ids))
        if max(got.bound, expected.bound) <= CANONICAL:
            self.builder.assert_equal(x, y)
            return
        got, expected, multiple = self._difference(got, expected)
        x, y = (ids.reshape(-1) for ids in np.broadcast_arrays(got.ids, expected.ids))
        difference = self.builder.combine({"a": x, "b": y}, {"a": 1, "b": -1, "k": multiple})
        quotient = self._quotient(difference, got.bound + multiple, self.builder.new(0))
        wires, factors = self._multiple(quotient)
        self.builder.gate({**wires, "a": difference}, {**factors, "a": -1})

    # Arithmetic

    def add(self, a: Numbers, b: Numbers) -> Numbers:
        """Add elementwise with broadcasting."""
        if a.bound + b.bound > self.limit:
            a, b = self.reduce(a), self.reduce(b)
        x, y = np.broadcast_arrays(a.ids, b.ids)
        out = np.where(y == self._zero, x, np.where(x == self._zero, y, UNUSED))
        self._fill(out, x, y, {"a": 1, "b": 1})
        return Numbers(out, a.bound + b.bound)

    def subtract(self, a: Numbers, b: Numbers) -> Numbers:
        """Subtract elementwise with broadcasting: a multiple of p keeps the difference from being negative."""
        a, b, multiple = self._difference(a, b)
        x, y = np.broadcast_arrays(a.ids, b.ids)
        out = np.where(y == self._zero, x, UNUSED)
        self._fill(out, x, y, {"a": 1, "b": -1, "k": multiple})
        return Numbers(out, a.bound + multiple)

    def multiply(self, a: Numbers, b: Numbers) -> Numbers:
        """Multiply elementwise with broadcasting."""
        a, b = self._factors(a, b, 1)
        x, y = np.broadcast_arrays(a.ids, b.ids)
        out = np.where(x == self._one, y, np.where(y == self._one, x, UNUSED))
        out = np.where((x == self._zero) | (y == self._zero), self._zero, out)
        self._fill(out, x, y, {"ab": 1})
        return Numbers(out, max(a.bound * b.bound, a.bound, b.bound))

    def sum(self, a: Numbers, axis: int) -> Numbers:
        """Add up along an axis."""
        moved = np.moveaxis(a.ids, axis, -1)
        terms = moved.shape[-1]
        if terms * a.bound > self.limit:
            a = self.reduce(a)
            moved = np.moveaxis(a.ids, axis, -1)
        if terms == 1:
            return Numbers(moved[..., 0], a.bound)
        total = self.builder.weighted_sum(moved.reshape(-1, terms), [1] * terms)
        return Numbers(total.reshape(moved.shape[:-1]), terms * a.bound)

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
        return Numbers(out[places.reshape(-1)].reshape(shape[:-1]), bound)

    def inverse(self, a: Numbers) -> Numbers:
        """Invert base elements; a zero has no witness."""
        a = self.reduce(a)
        inverse = self.inverse_hint(a.ids[..., None])
        inverse = Numbers(inverse.ids[..., 0], inverse.bound)
        self.require_equal(self.multiply(a, inverse), self.constant(np.array(1, dtype=np.uint64)))
        return inverse

    def inverse_hint(self, elements: Ids) -> Numbers:
        """Return words that the witness's program makes the inverses of elements ``(..., 1 or 3)``."""
        out = self.builder.new(elements.size)
        coordinates = elements.shape[-1]
        self.builder.step(InvertStep(elements.reshape(-1, coordinates), out.reshape(-1, coordinates)))
        self.builder.limbs(out, self._limbs)
        return Numbers(out.reshape(elements.shape), WORD)

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

    def _require_canonical(self, ids: Ids) -> None:
        """Allow only words below p: where the upper half has all bits, the lower half is zero.

        With ``x = low + 2^32 high`` some w has ``(2^32 - 1 - high) w = low``, unless the left side is zero and the
        right one is not.
        """
        limbs, ratio = self.builder.new(ids.size * self._limbs).reshape(ids.size, -1), self.builder.new(ids.size)
        self.builder.step(LimbStep(ids, limbs, self.builder.table_bits))
        self.builder.step(RatioStep(ids, ratio))
        upper = limbs[:, self._limbs // 2 :]
        factors = [1 << self.builder.table_bits * place for place in range(upper.shape[1])]
        high = self.builder.weighted_sum(upper, factors)
        equation = {"b": high, "c": high, "d": ratio}, {"a": -1, "b": 1 << _HALF_BITS, "cd": -1, "d": _HALF}
        self.builder.require_number(limbs, ids, equation)
        for memory in (self._reduced, self._canonical):
            memory.put(ids, ids)

    def _quotient(self, values: Ids, bound: int, remainder: Ids) -> Ids:
        """Return limbs ``(lanes, count)`` that the witness's program makes the quotient by p, not yet looked up."""
        if bound > self.limit:
            raise CircuitRefused(f"A number of up to {bound.bit_length()} bits cannot be reduced.")
        count = max(1, -(-(bound // PRIME).bit_length() // self.builder.table_bits))
        limbs = self.builder.new(values.size * count).reshape(values.size, count)
        self.builder.step(DivideStep(values, limbs, self.builder.table_bits, remainder))
        return limbs

    def _multiple(self, limbs: Ids) -> tuple[dict[str, Ids], dict[str, int]]:
        """Look limbs up; return wires b and c, and their factors, that make p times the number up."""
        parts = self.builder.parts(limbs)
        step = 1 << self.builder.table_bits * 4
        while len(parts) > 2:
            *parts, low, high = parts
            parts.append(self.builder.combine({"a": low, "b": high}, {"a": 1, "b": step}))
        return dict(zip("bc", parts, strict=False)), {"b": PRIME, "c": PRIME * step} if parts[1:] else {"b": PRIME}

    def _factors(self, a: Numbers, b: Numbers, terms: int) -> tuple[Numbers, Numbers]:
        """Return two factors, reduced as far as a sum of `terms` products needs to stay below the limit."""
        for _ in range(2):
            if terms * a.bound * b.bound > self.limit:
                if a.bound >= b.bound:
                    a = self.reduce(a)
                else:
                    b = self.reduce(b)
        if terms * a.bound * b.bound > self.limit:
            raise CircuitRefused(f"A sum of {terms} products cannot be reduced.")
        return a, b

    def _difference(self, a: Numbers, b: Numbers) -> tuple[Numbers, Numbers, int]:
        """Return both, reduced where needed, and the least multiple of p that is not below the second's bound."""
        if a.bound + b.bound + PRIME > self.limit:
            a, b = self.reduce(a), self.reduce(b)
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
