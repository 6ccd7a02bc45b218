"""Goldilocks numbers inside a circuit over BN254's scalar field: their bounds and their representatives.

A number is an integer that is right modulo the Goldilocks modulus p, and carries the largest that it can be. It is
reduced by hints for quotient and remainder that are range-checked; a number of at most `Representatives.limit` can be.
Below the limit nothing wraps modulo r, so an equation between variables is one between integers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proving.field.goldilocks import PRIME
from proving.snark.builder import Builder
from proving.snark.circuit import UNUSED, Ids
from proving.snark.errors import CircuitRefused
from proving.snark.hints import DivideStep, RatioStep
from proving.snark.points import SCALAR_MODULUS
from proving.snark.steps import LimbStep

#: Bits of a word.
WORD_BITS = 64
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


class Representatives:
    """Writes numbers and their reduction into a circuit.

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

    def reduce(self, value: Numbers, bound: int = WORD) -> Numbers:
        """Return the same modulo p within a bound of 64 bits at least; what is within it stays as it is."""
        value = self.tight(value)
        if value.bound <= bound:
            return value
        ids = value.ids.copy()
        above = self._lengths.of(ids) >= (bound + 1).bit_length()
        for missing, own in self._by_length(self._reduced.missing(ids[above]), value.bound):
            remainder = self.builder.new(missing.size)
            wires, factors = self.multiple(self.quotient(missing, own, remainder))
            equation = {**wires, "d": missing}, {**factors, "a": 1, "d": -1}
            self.builder.limbs(remainder, self._limbs, equation)
            self._reduced.put(missing, remainder)
            self._lengths.put(remainder, WORD_BITS)
        ids[above] = self._reduced.of(ids[above])
        return self.tight(Numbers(ids, bound))

    def canonical(self, value: Numbers) -> Numbers:
        """Return the unique representatives below p."""
        if value.bound <= CANONICAL:
            return value
        value = self.tight(value)
        for missing, own in self._by_length(self._canonical.missing(value.ids), value.bound):
            remainder = self.builder.new(missing.size)
            wires, factors = self.multiple(self.quotient(missing, own, remainder))
            self.builder.gate({**wires, "a": remainder, "d": missing}, {**factors, "a": 1, "d": -1})
            self._require_canonical(remainder)
            self._canonical.put(missing, remainder)
        return Numbers(self._canonical.of(value.ids), CANONICAL)

    def made(self, ids: Ids, bound: int) -> Numbers:
        """Return numbers that a bound holds for, and remember it of each variable."""
        self._lengths.put(ids, np.minimum(self._lengths.of(ids), bound.bit_length()))
        return Numbers(ids, bound)

    def tight(self, value: Numbers) -> Numbers:
        """Return numbers with the bound that the longest of these variables has, of which others were a part."""
        longest = int(self._lengths.of(value.ids).max(initial=0))
        return Numbers(value.ids, min(value.bound, (1 << longest) - 1))

    def _by_length(self, ids: Ids, bound: int) -> Iterator[tuple[Ids, int]]:
        """Yield variables of one length together, each with their bound, which is at most `bound`."""
        lengths = self._lengths.of(ids)
        for length in np.unique(lengths).tolist():
            yield ids[lengths == length], min(bound, (1 << length) - 1)

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

    def quotient(self, values: Ids, bound: int, remainder: Ids) -> Ids:
        """Return limbs ``(lanes, count)`` that the witness's program makes the quotient by p, not yet looked up."""
        if bound > self.limit:
            raise CircuitRefused(f"A number of up to {bound.bit_length()} bits cannot be reduced.")
        count = max(1, -(-(bound // PRIME).bit_length() // self.builder.table_bits))
        limbs = self.builder.new(values.size * count).reshape(values.size, count)
        self.builder.step(DivideStep(values, limbs, self.builder.table_bits, remainder))
        return limbs

    def multiple(self, limbs: Ids) -> tuple[dict[str, Ids], dict[str, int]]:
        """Look limbs up; return wires b and c, and their factors, that make p times the number up."""
        parts = self.builder.parts(limbs)
        step = 1 << self.builder.table_bits * 4
        while len(parts) > 2:
            *parts, low, high = parts
            parts.append(self.builder.combine({"a": low, "b": high}, {"a": 1, "b": step}))
        return dict(zip("bc", parts, strict=False)), {"b": PRIME, "c": PRIME * step} if parts[1:] else {"b": PRIME}
