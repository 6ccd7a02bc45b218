"""Goldilocks arithmetic in the SNARK's circuit: right at every bound, and nothing else passes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proving.field import extension, goldilocks
from proving.snark.bn254.field import FR
from proving.snark.builder import Builder
from proving.snark.circuit import Circuit, Ids
from proving.snark.errors import CircuitRefused
from proving.snark.hints import DivideStep, InvertStep, RatioStep
from proving.snark.nonnative_extension import NonNativeExtension
from proving.snark.points import SCALAR_MODULUS
from proving.snark.representatives import CANONICAL, WORD, Numbers
from proving.snark.steps import CombineStep, LimbStep
from proving.stark.errors import ProofRefused
from tests.proving.snark.rows import forge

PRIME = goldilocks.PRIME
WORDS = st.integers(0, PRIME - 1) | st.sampled_from([0, 1, PRIME - 1, 2**32 - 1, PRIME - 2**32])
S = TypeVar("S")
TRIPLES = st.tuples(WORDS, WORDS, WORDS)


@dataclass
class Written:
    """A circuit being written whose numbers the test names with their largest value."""

    arithmetic: NonNativeExtension

    @classmethod
    def new(cls, table_bits: int = 8) -> Written:
        builder = Builder(table_bits=table_bits)
        builder.public_input()
        return cls(NonNativeExtension(builder))

    def numbers(self, shape: tuple[int, ...], bound: int) -> Numbers:
        """Numbers that the circuit only believes to be within a bound."""
        count = int(np.prod(shape, dtype=np.int64))
        return Numbers(self.arithmetic.builder.input(count).reshape(shape), bound)

    def finish(self, inputs: list[int], *wanted: Ids) -> list[list[int]]:
        """Compile, check that the right witness passes, and return the values of variables."""
        self.circuit = self.arithmetic.builder.compile()
        self.inputs = inputs
        assert forge(self.circuit, inputs, {})
        values = self.circuit.fill(FR.encode([5]), FR.encode(inputs))
        return [FR.decode(values[ids.reshape(-1)]) for ids in wanted]

    def forged(self, changed: dict[int, int]) -> bool:
        """Whether the forgery passes."""
        return forge(self.circuit, self.inputs, changed)


def step_of(circuit: Circuit, kind: type[S], place: int = 0) -> S:
    """One of the steps of a kind."""
    return [step for step in circuit.steps if isinstance(step, kind)][place]


# Right values


@settings(max_examples=8, deadline=None)
@given(a=TRIPLES, b=TRIPLES)
def test_the_arithmetic_of_the_extension(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    written = Written.new()
    n = written.arithmetic
    x, y = n.given((3,)), n.given((3,))
    product = n.ext_multiply(x, y)
    deep = n.ext_multiply(n.ext_multiply(product, y), product)
    results = [
        n.canonical(value).ids
        for value in (
            n.add(x, y), n.subtract(x, y), n.multiply(x, y), product, deep, n.ext_powers(x, 6), n.sum(product, 0),
            n.ext_combine(n.stack([x, y], 0), n.stack([x, y, x], 0)),
            n.subtract(n.extend(n.take(x, 0)), deep),
        )
    ]  # fmt: skip
    u, v = np.array([a, b], dtype=np.uint64)
    w = extension.multiply(u, v)
    z = extension.multiply(extension.multiply(w, v), w)
    total = sum(int(word) for word in w) % PRIME
    combined = [
        [sum(int(row[k]) * int(c[k]) for k in range(3)) % PRIME for c in np.array([u, v, u]).T] for row in (u, v)
    ]
    expected = [
        goldilocks.add(u, v), goldilocks.subtract(u, v), goldilocks.multiply(u, v), w, z, extension.powers(u, 6),
        np.array([total], dtype=object), np.array(combined, dtype=object), extension.subtract(extension.embed(u[0]), z),
    ]  # fmt: skip
    found = written.finish([*a, *b], *results)
    assert found == [[int(word) for word in np.asarray(value).reshape(-1)] for value in expected]


@settings(max_examples=8, deadline=None)
@given(a=TRIPLES.filter(any), base=WORDS.filter(bool), bit=st.integers(0, 1))
def test_inverses_bits_and_choices(a: tuple[int, ...], base: int, bit: int) -> None:
    written = Written.new()
    n = written.arithmetic
    x, y, z = n.given((3,)), n.given(()), n.given(())
    chosen = n.select(n.reshape(n.bits(z, 1), ()), x, y)
    results = [n.canonical(n.ext_inverse(x)).ids, n.canonical(n.inverse(y)).ids, n.bits(y, 40).ids, chosen.ids]
    found = written.finish([*a, base, bit], *results)
    inverse = extension.inverse(np.array(a, dtype=np.uint64))
    assert found[0] == [int(word) for word in inverse]
    assert found[1] == [pow(base, -1, PRIME)]
    assert found[2] == [base >> place & 1 for place in range(40)]
    assert found[3] == (list(a) if bit else [base] * 3)


# Bounds


@pytest.mark.parametrize("table_bits", [4, 8, 16])
def test_the_largest_number_that_can_be_reduced(table_bits: int) -> None:
    written = Written.new(table_bits)
    n = written.arithmetic
    bounds = [WORD + 1, 6 * WORD * WORD, n.limit - 1, n.limit]
    reduced = [n.reduce(written.numbers((1,), bound)).ids for bound in bounds]
    canonical = [n.canonical(written.numbers((1,), bound)).ids for bound in [WORD, *bounds]]
    found = written.finish([*bounds, WORD, *bounds], *reduced, *canonical)
    assert [value % PRIME for [value] in found] == [bound % PRIME for bound in [*bounds, WORD, *bounds]]
    assert all(value <= WORD for [value] in found) and all(value <= CANONICAL for [value] in found[4:])
    # Quotient and remainder as large as their limbs allow stay below the modulus: no equation wraps.
    assert n.limit + WORD < SCALAR_MODULUS <= (n.limit + 1 << table_bits) + WORD
    with pytest.raises(CircuitRefused, match="cannot be reduced"):
        n.reduce(written.numbers((1,), n.limit + 1))


def largest_factor(n: NonNativeExtension, terms: int, other: int) -> int:
    return n.limit // (terms * other)


def test_sums_and_products_of_the_largest_operands_do_not_wrap() -> None:
    written = Written.new(16)
    n = written.arithmetic
    big = largest_factor(n, 5, WORD)
    product = n.ext_multiply(written.numbers((3,), big), written.numbers((3,), WORD))
    terms = 7
    dot_bound = largest_factor(n, terms, WORD)
    dot = n.sum_of_products(written.numbers((terms,), dot_bound), written.numbers((terms,), WORD))
    half = n.limit // 2
    total = n.add(written.numbers((), half), written.numbers((), half))
    added = n.sum(written.numbers((4,), n.limit // 4), 0)
    lowest = n.subtract(written.numbers((), 0), written.numbers((), half))
    numbers = [product, dot, total, added, lowest]
    inputs = [big] * 3 + [WORD] * 3 + [dot_bound] * terms + [WORD] * terms + [half] * 2 + [n.limit // 4] * 4 + [0, half]
    found = written.finish(inputs, *(number.ids for number in numbers))
    # Nothing was reduced, and the values are those over the integers: the bounds are reached, and kept.
    assert not any(isinstance(step, DivideStep) for step in written.circuit.steps)
    assert found[:4] == [
        [3 * big * WORD, 5 * big * WORD, 4 * big * WORD],
        [terms * dot_bound * WORD],
        [2 * half],
        [4 * (n.limit // 4)],
    ]
    assert 0 <= found[4][0] == -(-half // PRIME) * PRIME - half
    assert all(max(values) <= number.bound <= n.limit for values, number in zip(found, numbers, strict=True))
    assert product.bound == 5 * big * WORD


def test_one_more_than_fits_is_reduced_first() -> None:
    written = Written.new(16)
    n = written.arithmetic
    big, half = largest_factor(n, 5, WORD) + 1, n.limit // 2 + 1
    x, y = written.numbers((3,), big), written.numbers((3,), WORD)
    u, v = written.numbers((), half), written.numbers((), half)
    results = [n.canonical(value).ids for value in (n.ext_multiply(x, y), n.add(u, v), n.subtract(u, v))]
    found = written.finish([big, big - 1, big - 2, 3, WORD, 5, half, half], *results)
    assert sum(isinstance(step, DivideStep) for step in written.circuit.steps) >= 3
    factors = [[(big - i) % PRIME for i in range(3)], [3, WORD % PRIME, 5]]
    expected = extension.multiply(*np.array(factors, dtype=np.uint64))
    assert found == [[int(word) for word in expected], [2 * half % PRIME], [0]]


def test_equality_of_the_largest_numbers() -> None:
    written = Written.new(16)
    n = written.arithmetic
    largest = (n.limit - PRIME) // 2
    n.require_equal(written.numbers((), largest), written.numbers((), largest), ProofRefused)
    n.require_equal(written.numbers((), n.limit), written.numbers((), n.limit), ProofRefused)
    written.finish([largest % PRIME, largest, n.limit, n.limit % PRIME])
    assert not written.forged({int(written.circuit.inputs[0]): largest % PRIME + 1})
    assert not written.forged({int(written.circuit.inputs[3]): n.limit % PRIME + 1})


def test_what_cannot_be_written_is_refused() -> None:
    n = Written.new().arithmetic
    with pytest.raises(CircuitRefused, match="no bit"):
        n.select(n.given(()), n.given(()), n.given(()))
    with pytest.raises(CircuitRefused, match="32"):
        NonNativeExtension(Builder(table_bits=3))
    with pytest.raises(CircuitRefused, match="cannot be reduced"):
        many = Numbers(np.zeros(1 << 20, dtype=np.int64), WORD)
        n.limit = 1 << 130
        n.sum_of_products(many, many)


# Forgeries: hints are the adversary's to choose


def limbs_of(value: int, count: int, bits: int) -> list[int]:
    """Limbs, the last one of which takes all that is left."""
    return [value >> bits * i & (1 << bits) - 1 for i in range(count - 1)] + [value >> bits * (count - 1)]


def division(step: DivideStep, quotient: int, remainder: int) -> dict[int, int]:
    """What a forger sets to have another quotient and remainder."""
    count = step.quotient.shape[1]
    changed = dict(zip(step.quotient[0].tolist(), limbs_of(quotient, count, step.bits), strict=True))
    return changed | dict.fromkeys(step.remainder.tolist(), remainder)


VALUE = 12345 * PRIME + 678


def test_a_reduction_has_no_other_quotient_and_remainder() -> None:
    written = Written.new()
    n = written.arithmetic
    n.reduce(written.numbers((1,), WORD**2))
    written.finish([VALUE])
    step = step_of(written.circuit, DivideStep)
    assert written.forged(division(step, 12345, 678))
    # 64 bits hold a little more than p: by design a reduction may leave that, and `canonical` must not.
    assert written.forged(division(step, 12344, 678 + PRIME))
    for quotient, remainder in [(12343, 678 + 2 * PRIME), (12346, 678 - PRIME), (12345, 679), (0, VALUE)]:
        assert not written.forged(division(step, quotient, remainder))
    # The quotient of the value plus r, which fits no range: everything but its top limb is right.
    quotient, remainder = divmod(VALUE + SCALAR_MODULUS, PRIME)
    assert not written.forged(division(step, quotient, remainder))
    inverse = pow(PRIME, -1, SCALAR_MODULUS)
    assert not written.forged(division(step, (VALUE - 5) * inverse % SCALAR_MODULUS, 5))


def test_a_canonical_number_has_no_alias() -> None:
    written = Written.new()
    n = written.arithmetic
    n.canonical(written.numbers((1,), WORD**2))
    written.finish([VALUE])
    step, [ratio] = step_of(written.circuit, DivideStep), step_of(written.circuit, RatioStep).out.tolist()
    assert written.forged(division(step, 12345, 678))
    for guess in (0, 1, 678, SCALAR_MODULUS - 1, 2**32 - 1):
        assert not written.forged(division(step, 12344, 678 + PRIME) | {ratio: guess})


@pytest.mark.parametrize("alias", [PRIME, PRIME + 1, PRIME + 678, WORD])
def test_given_words_are_below_the_modulus(alias: int) -> None:
    written = Written.new()
    written.arithmetic.given((1,))
    written.finish([CANONICAL])
    [word], [ratio] = written.circuit.inputs.tolist(), step_of(written.circuit, RatioStep).out.tolist()
    assert written.forged({word: 0}) and written.forged({word: CANONICAL, ratio: 99})
    for guess in (0, 1, alias - PRIME, SCALAR_MODULUS - 1):
        assert not written.forged({word: alias, ratio: guess})


@pytest.mark.parametrize("value", [2**64, 2**64 + 5, SCALAR_MODULUS - 1])
def test_given_words_have_no_more_than_64_bits(value: int) -> None:
    written = Written.new()
    written.arithmetic.given((1,))
    written.finish([7])
    [word], step = written.circuit.inputs.tolist(), step_of(written.circuit, LimbStep)
    assert not written.forged({word: value})
    top = dict(zip(step.out[0].tolist(), limbs_of(value, step.out.shape[1], step.bits), strict=True))
    assert not written.forged({word: value} | top)


def test_bits_are_those_of_the_canonical_number() -> None:
    written = Written.new()
    n = written.arithmetic
    bits = n.bits(written.numbers((1,), WORD), 10).ids[0].tolist()
    written.finish([678])
    assert written.forged({})
    alias = dict(zip(bits, [(678 + PRIME) >> place & 1 for place in range(10)], strict=True))
    assert not written.forged(alias)
    assert not written.forged(alias | division(step_of(written.circuit, DivideStep), 0, 678 + PRIME))
    # The upper part stays as it is, so that only the sum is wrong.
    rest = next(
        step for step in written.circuit.steps if isinstance(step, CombineStep) and set(step.wires) == {"a", "b"}
    )
    assert not written.forged(alias | {int(rest.out[0]): 0})
    # Two of the lowest bit for one of the next, and a bit that makes the rest negative.
    assert not written.forged({bits[0]: 2, bits[1]: 0})
    assert not written.forged({bits[4]: 1})


def test_an_inverse_is_one() -> None:
    written = Written.new()
    n = written.arithmetic
    n.ext_inverse(written.numbers((3,), WORD))
    n.inverse(written.numbers((), WORD))
    written.finish([1, 2, 3, 4])
    for place in (0, 1):
        first, *_ = step_of(written.circuit, InvertStep, place).out[0].tolist()
        assert not written.forged({first: 17})
    *element, base = written.circuit.inputs.tolist()
    assert not written.forged(dict.fromkeys(element, 0)) and not written.forged({base: 0})


@pytest.mark.parametrize("quotient", [0, 1, 2])
def test_an_inverse_is_a_word(quotient: int) -> None:
    """In the scalar field every number has a factor that makes one plus a multiple of p of it."""
    written = Written.new()
    written.arithmetic.inverse(written.numbers((), WORD))
    written.finish([4])
    [inverse] = step_of(written.circuit, InvertStep).out[0].tolist()
    assert (1 + 3 * PRIME) % 4 == 0 and written.forged({inverse: (1 + 3 * PRIME) // 4})
    assert not written.forged({inverse: (1 + quotient * PRIME) * pow(4, -1, SCALAR_MODULUS)})


def test_unequal_numbers_are_not_equal() -> None:
    written = Written.new()
    n = written.arithmetic
    n.require_equal(written.numbers((1,), WORD**2), written.numbers((1,), WORD), ProofRefused)
    written.finish([VALUE, 678 + PRIME])
    step = step_of(written.circuit, DivideStep)
    x, y = written.circuit.inputs.tolist()
    assert written.forged({y: 678})
    for other in (677, 679, 0):
        assert not written.forged({y: other})
    inverse = pow(PRIME, -1, SCALAR_MODULUS)
    assert not written.forged({x: 1, y: 0} | division(step, inverse, 0))


def test_canonical_numbers_are_equal_as_they_are() -> None:
    written = Written.new()
    n = written.arithmetic
    n.require_equal(n.given((1,)), n.given((1,)), ProofRefused)
    written.finish([7, 7])
    for other in ([7, 8], [8, 7], [7, 0]):
        assert not forge(written.circuit, other, {})


def test_a_choice_is_one_of_two() -> None:
    written = Written.new()
    n = written.arithmetic
    [bit] = n.bits(n.given((1,)), 1).ids[0].tolist()
    out = n.select(Numbers(np.array([bit]), 1), n.given((1,)), n.given((1,)))
    written.finish([1, 10, 20])
    assert not written.forged({int(out.ids[0]): 20})
    assert not written.forged({int(out.ids[0]): 15})
