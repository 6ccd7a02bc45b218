"""The verifier's arithmetic in the SNARK's circuit gives what it gives on integers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from proving.backend.interface import PRIME
from proving.snark.arithmetic import SnarkArithmetic
from proving.snark.bn254.field import FR
from proving.snark.builder import Builder
from proving.stark.arithmetic import Words
from proving.stark.integers import IntegerArithmetic
from tests.proving.snark.rows import forge

QUERIES = 3

#: Writes something down over an arithmetic, from values.
Written = Callable[[Any, Sequence[Any]], Sequence[Any]]


def random_words(shape: tuple[int, ...], seed: int, below: int = PRIME) -> Words:
    """Canonical words, every fifth of them as large as possible."""
    words = np.random.default_rng(seed).integers(0, below, shape, dtype=np.uint64)
    words.reshape(-1)[::5] = below - 1
    return words


def bits(arithmetic: Any, words: Any, count: int) -> Any:
    if isinstance(arithmetic, SnarkArithmetic):
        return arithmetic.bits(words, count)
    return words[..., None] >> np.arange(count, dtype=np.uint64) & np.uint64(1)


def fold(log_arity: int) -> Written:
    def written(arithmetic: Any, given: Sequence[Any]) -> Sequence[Any]:
        rows, inverse, places, beta = given
        folded: Sequence[Any] = arithmetic.fold(rows, inverse, bits(arithmetic, places, log_arity), beta)
        return folded

    return written


def lookup(arithmetic: Any, given: Sequence[Any]) -> Sequence[Any]:
    table, places = given
    return [arithmetic.lookup(table, bits(arithmetic, places, 3))]


def combine(arithmetic: Any, given: Sequence[Any]) -> Sequence[Any]:
    rows, challenge, base = given
    powers = arithmetic.ext_powers(challenge, 20)
    inverse = arithmetic.ext_inverse(arithmetic.subtract(arithmetic.ext_multiply(challenge, challenge), challenge))
    scaled = arithmetic.ext_scale(powers, arithmetic.inverse(base))
    return [
        arithmetic.ext_combine(rows, arithmetic.take(powers, slice(5, 18))),
        arithmetic.ext_powers(arithmetic.take(powers, 2), 3),
        arithmetic.sum(arithmetic.ext_multiply(scaled, powers), 0),
        arithmetic.ext_multiply(arithmetic.extend(base), inverse),
        arithmetic.sum(powers, 1),
    ]


CASES: dict[str, tuple[Written, list[tuple[int, ...]]]] = {
    "fold by 8": (fold(3), [(QUERIES, 24), (QUERIES,), (QUERIES,), (3,)]),
    "fold by 4": (fold(2), [(QUERIES, 12), (QUERIES,), (QUERIES,), (3,)]),
    "fold by 16": (fold(4), [(QUERIES, 48), (QUERIES,), (QUERIES,), (3,)]),
    "lookup": (lookup, [(8, 3), (QUERIES,)]),
    "combine": (combine, [(QUERIES, 13), (3,), ()]),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("table_bits", [8, 16])
def test_what_is_written_gives_what_integers_give(name: str, table_bits: int) -> None:
    written, shapes = CASES[name]
    words = [random_words(shape, seed) for seed, shape in enumerate(shapes)]
    expected: list[NDArray[np.uint64]] = list(written(IntegerArithmetic(), words))
    builder = Builder(table_bits=table_bits)
    builder.public_input()
    arithmetic = SnarkArithmetic(builder)
    given = [arithmetic.given(shape) for shape in shapes]
    found = [arithmetic.canonical(value) for value in written(arithmetic, given)]
    circuit = builder.compile()
    inputs = [int(word) for array in words for word in array.reshape(-1)]
    assert forge(circuit, inputs, {})
    values = circuit.fill(FR.encode([5]), FR.encode(inputs))
    for number, wanted in zip(found, expected, strict=True):
        assert number.ids.shape == wanted.shape
        assert FR.decode(values[number.ids.reshape(-1)]) == [int(word) for word in wanted.reshape(-1)]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("word", [0, 1, PRIME - 1])
def test_no_variable_is_longer_than_the_arithmetic_believes(name: str, word: int) -> None:
    written, shapes = CASES[name]
    builder = Builder()
    builder.public_input()
    arithmetic = SnarkArithmetic(builder)
    found = written(arithmetic, [arithmetic.given(shape) for shape in shapes])
    circuit = builder.compile()
    words = [PRIME - 1 if place % 2 else word for place in range(circuit.inputs.size)]
    values = FR.decode(circuit.fill(FR.encode([5]), FR.encode(words))[:-1])
    lengths = arithmetic._lengths.of(np.arange(circuit.variables))
    assert all(value.bit_length() <= length for value, length in zip(values, lengths.tolist(), strict=True))
    for number in found:
        assert max(values[i] for i in number.ids.reshape(-1)) <= number.bound <= arithmetic.limit
