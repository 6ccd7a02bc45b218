"""The arithmetic in PTX, interpreted, equals the field; its portable twins are tested through the kernels."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cuda import sources
from tests.cuda import ptx
from tests.proving.elements import EDGES, PRIME

BLOCKS = ptx.extract(sources.FOLDER / "goldilocks.cuh")
LOOSE = (*EDGES, PRIME, PRIME + 1, PRIME + 2**31, 2**64 - 2**32, 2**64 - 2, 2**64 - 1)
HIGH = (0, 1, 5, 2**16, 2**31, 2**32 - 2, 2**32 - 1)

#: A block's inputs, as halves and single words, to its outputs, and what they must be.
Operands = tuple[int, ...]


def halves(*words: int) -> Operands:
    return tuple(half for word in words for half in (word & ptx.MASK, word >> 32))


def execute(instructions: list[str], inputs: Operands, outputs: int) -> int:
    """Run a block whose operands are numbered outputs first; the result is the outputs as one number."""
    registers = ptx.run(instructions, {f"%{outputs + number}": word for number, word in enumerate(inputs)})
    return sum(registers[f"%{number}"] << (32 * number) for number in range(outputs))


def congruent(expected: int) -> Callable[[int], bool]:
    return lambda result: result % PRIME == expected % PRIME


def exactly(expected: int) -> Callable[[int], bool]:
    return lambda result: result == expected


#: Name of a function: how many registers it gives, and its operands with the judgement on the result, for two words
#: (the second one canonical where the function asks for that) and a small number.
Case = tuple[int, Operands, Callable[[int], bool]]
CASES: dict[str, Callable[[int, int, int], Case]] = {
    "add_loose": lambda a, b, high: (2, halves(a, b % PRIME), congruent(a + b % PRIME)),
    "subtract_loose": lambda a, b, high: (2, halves(a, b % PRIME), congruent(a - b % PRIME)),
    "reduce96_loose": lambda a, b, high: (2, (*halves(a), high), congruent(a + (high << 64))),
    "multiply_loose": lambda a, b, high: (2, halves(a, b), congruent(a * b)),
    "operator+": lambda a, b, high: (
        3,
        (*halves(a), high >> 1, *halves(b), high >> 2),
        exactly(a + b + ((high >> 1) + (high >> 2) << 64)),
    ),
    "operator-": lambda a, b, high: (3, (*halves(a), high | 1, *halves(b)), exactly(a + ((high | 1) << 64) - b)),
}
words = st.one_of(st.sampled_from(LOOSE), st.integers(0, 2**64 - 1))


def edges() -> Iterator[tuple[int, int, int]]:
    return itertools.product(LOOSE, LOOSE, HIGH)


def wrong(name: str, instructions: list[str], a: int, b: int, high: int) -> bool:
    outputs, inputs, judge = CASES[name](a, b, high)
    return not judge(execute(instructions, inputs, outputs))


def test_every_block_is_tested() -> None:
    assert set(BLOCKS) == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_edges(name: str) -> None:
    assert not any(wrong(name, BLOCKS[name], *given) for given in edges())


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=300, deadline=None)
@given(a=words, b=words, high=st.one_of(st.sampled_from(HIGH), st.integers(0, 2**32 - 1)))
def test_random_words(name: str, a: int, b: int, high: int) -> None:
    assert not wrong(name, BLOCKS[name], a, b, high)


@pytest.mark.parametrize("name", CASES)
def test_numbers_that_carry_and_borrow_everywhere(name: str) -> None:
    generator = random.Random(7)
    limbs = (0, 1, 2**31, 2**32 - 2, 2**32 - 1)
    for _ in range(1500):
        a, b = (generator.choice(limbs) | generator.choice(limbs) << 32 for _ in range(2))
        assert not wrong(name, BLOCKS[name], a, b, generator.choice(limbs))


@pytest.mark.parametrize(
    ("name", "place"),
    [
        (name, place)
        for name, lines in BLOCKS.items()
        for place, line in enumerate(lines)
        if not line.startswith(".reg")
    ],
)
def test_every_instruction_is_needed(name: str, place: int) -> None:
    kept = [line for number, line in enumerate(BLOCKS[name]) if number != place]
    try:
        noticed = any(wrong(name, kept, *given) for given in edges())
    except (ValueError, KeyError):
        return
    assert noticed


def test_the_interpreter_refuses_what_it_does_not_know() -> None:
    for instruction in ("xor.b32 a, 1, 2", "add.u64 a, 1, 2", "add.u32 a, b, 2", "addc.u32 a, 1, 2"):
        with pytest.raises(ValueError, match=r"unknown|written"):
            ptx.run([instruction], {})
