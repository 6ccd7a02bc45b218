"""Goldilocks arithmetic inside a circuit over BN254's scalar field.

A number is an integer that is right modulo the Goldilocks modulus p, and carries the largest that it can be. Sums and
products are taken over the integers; only when one could exceed `NonNative.limit` are its operands reduced, by hints
for quotient and remainder that are range-checked. Below the limit nothing wraps modulo r, so an equation between
variables is one between integers.

The methods have the names and meanings of `proving.stark.arithmetic.Arithmetic`, as far as they concern base elements.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
from proving.stark.errors import DivisionByZero, ProofRefused

#: The largest canonical number, and the largest after a reduction.
CANONICAL = PRIME - 1
WORD = (1 << WORD_BITS) - 1
_HALF_BITS = WORD_BITS // 2
_HALF = (1 << _HALF_BITS) - 1
#: A bit length that is above every element's.
_UNKNOWN = 256


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
    """A number for each variable."""

    def __init__(self, unknown: int) -> None:
        self._unknown = unknown
        self._found = np.full(0, unknown, dtype=np.int64)

    def missing(self, ids: Ids) -> Ids:
        """Return the variables among some that nothing is known of yet, each once."""
        return np.unique(ids[self.of(ids) == self._unknown])

    def put(self, ids: Ids, found: Ids | int) -> None:
        """Remember."""
        self._grow(ids)
        self._found[ids] = found

    def of(self, ids: Ids) -> Ids:
        """Return what was put for each."""
        self._grow(ids)
        return self._found[ids]

    def _grow(self, ids: Ids) -> None:
        longest = int(ids.max(initial=0)) + 1
        if longest > self._found.size:
            self._found = np.concatenate([self._found, np.full(longest, self._unknown)])


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
        self._reduced, self._canonical, self._lengths = _Memory(UNUSED), _Memory(UNUSED), _Memory(_UNKNOWN)
        self._zero, self._one = builder.constant(0), builder.constant(1)

    # What comes from outside

    def given(self, shape: tuple[int, ...]) -> Numbers:
        """Return words that the prover is given, shown to be below p."""
        ids = self.builder.input(int(np.prod(shape, dtype=np.int64)))
        if ids.size:
            self._require_canonical(ids)
        return Numbers(ids.reshape(shape), CANONICAL)

    def constant(self, words: NDArray[np.uint64]) -> Numbers:
        """Return canonical words as constants."""
        distinct, places = np.unique(np.asarray(words, dtype=np.uint64), return_inverse=True)
        ids = np.array([self.builder.constant(int(word)) for word in distinct], dtype=np.int64)
        self._canonical.put(ids, ids)
        self._lengths.put(ids, np.array([int(word).bit_length() for word in distinct], dtype=np.int64))
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

    def reduce(self, value: Numbers, bound: int = WORD) -> Numbers:
        """Return the same modulo p within a bound of 64 bits at least; what is within it stays as it is."""
        value = self._tight(value)
        if value.bound <= bound:
            return value
        ids = value.ids.copy()
        above = self._lengths.of(ids) >= (bound + 1).bit_length()
        for missing, own in self._by_length(self._reduced.missing(ids[above]), value.bound):
            remainder = self.builder.new(missing.size)
            wires, factors = self._multiple(self._quotient(missing, own, remainder))
            equation = {**wires, "d": missing}, {**factors, "a": 1, "d": -1}
            self.builder.limbs(remainder, self._limbs, equation)
            self._reduced.put(missing, remainder)
            self._lengths.put(remainder, WORD_BITS)
        ids[above] = self._reduced.of(ids[above])
        return self._tight(Numbers(ids, bound))

    def canonical(self, value: Numbers) -> Numbers:
        """Return the unique representatives below p."""
        if value.bound <= CANONICAL:
            return value
        value = self._tight(value)
        for missing, own in self._by_length(self._canonical.missing(value.ids), value.bound):
            remainder = self.builder.new(missing.size)
            wires, factors = self._multiple(self._quotient(missing, own, remainder))
            self.builder.gate({**wires, "a": remainder, "d": missing}, {**factors, "a": 1, "d": -1})
            self._require_canonical(remainder)
            self._canonical.put(missing, remainder)
        return Numbers(self._canonical.of(value.ids), CANONICAL)

    def bits(self, value: Numbers, count: int) -> Numbers:
        """Return the ``count`` lowest bits ``(..., count)`` of the unique representative below p, lowest first."""
        return self._made(self.low_bits(self.canonical(value).ids, WORD_BITS, count), 1)

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
        quotient = self._quotient(difference, got.bound + multiple, self.builder.new(0))
        wires, factors = self._multiple(quotient)
        self.builder.gate({**wires, "a": difference}, {**factors, "a": -1})

    # Arithmetic

    def add(self, a: Numbers, b: Numbers) -> Numbers:
        """Add elementwise with broadcasting."""
        a, b = self._tight(a), self._tight(b)
        if a.bound + b.bound > self.limit:
            a, b = self.reduce(a, self.limit // 2), self.reduce(b, self.limit // 2)
        x, y = np.broadcast_arrays(a.ids, b.ids)
        out = np.where(y == self._zero, x, np.where(x == self._zero, y, UNUSED))
        self._fill(out, x, y, {"a": 1, "b": 1})
        return self._made(out, a.bound + b.bound)

    def subtract(self, a: Numbers, b: Numbers) -> Numbers:
        """Subtract elementwise with broadcasting: a multiple of p keeps the difference from being negative."""
        a, b, multiple = self._difference(a, b)
        x, y = np.broadcast_arrays(a.ids, b.ids)
        out = np.where(y == self._zero, x, UNUSED)
        self._fill(out, x, y, {"a": 1, "b": -1, "k": multiple})
        return self._made(out, a.bound + multiple)

    def multiply(self, a: Numbers, b: Numbers) -> Numbers:
        """Multiply elementwise with broadcasting."""
        a, b = self._factors(a, b, 1)
        x, y = np.broadcast_arrays(a.ids, b.ids)
        out = np.where(x == self._one, y, np.where(y == self._one, x, UNUSED))
        out = np.where((x == self._zero) | (y == self._zero), self._zero, out)
        self._fill(out, x, y, {"ab": 1})
        return self._made(out, max(a.bound * b.bound, a.bound, b.bound))

    def sum(self, a: Numbers, axis: int) -> Numbers:
        """Add up along an axis."""
        terms = a.ids.shape[axis]
        a = self.reduce(a, max(WORD, self.limit // terms))
        moved = np.moveaxis(a.ids, axis, -1)
        if terms == 1:
            return Numbers(moved[..., 0], a.bound)
        total = self.builder.weighted_sum(moved.reshape(-1, terms), [1] * terms)
        return self._made(total.reshape(moved.shape[:-1]), terms * a.bound)

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
        return self._made(out[places.reshape(-1)].reshape(shape[:-1]), bound)

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
        return self._made(out.reshape(elements.shape), WORD)

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
        self._canonical.put(ids, ids)
        self._lengths.put(ids, WORD_BITS)

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
        a, b = self._tight(a), self._tight(b)
        if terms * WORD * WORD > self.limit:
            raise CircuitRefused(f"A sum of {terms} products cannot be reduced.")
        if a.bound < b.bound:
            return self._factors(b, a, terms)[::-1]
        if terms * WORD * b.bound > self.limit:
            b = self.reduce(b, self.limit // (terms * WORD))
        return (self.reduce(a, self.limit // (terms * b.bound)) if terms * a.bound * b.bound > self.limit else a), b

    def _difference(self, a: Numbers, b: Numbers) -> tuple[Numbers, Numbers, int]:
        """Return both, reduced where needed, and the least multiple of p that is not below the second's bound."""
        a, b = self._tight(a), self._tight(b)
        if a.bound + b.bound + PRIME > self.limit:
            most = (self.limit - PRIME) // 2
            a, b = self.reduce(a, most), self.reduce(b, most)
        return a, b, -(-b.bound // PRIME) * PRIME

    def _made(self, ids: Ids, bound: int) -> Numbers:
        """Return numbers that a bound holds for, and remember it of each variable."""
        self._lengths.put(ids, np.minimum(self._lengths.of(ids), bound.bit_length()))
        return Numbers(ids, bound)

    def _tight(self, value: Numbers) -> Numbers:
        """Return numbers with the bound that the longest of these variables has, of which others were a part."""
        longest = int(self._lengths.of(value.ids).max(initial=0))
        return Numbers(value.ids, min(value.bound, (1 << longest) - 1))

    def _by_length(self, ids: Ids, bound: int) -> Iterator[tuple[Ids, int]]:
        """Yield variables of one length together, each with their bound, which is at most `bound`."""
        lengths = self._lengths.of(ids)
        for length in np.unique(lengths).tolist():
            yield ids[lengths == length], min(bound, (1 << length) - 1)

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
