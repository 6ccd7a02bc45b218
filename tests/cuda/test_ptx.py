"""The product in PTX, interpreted, equals its portable twin and the field."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cuda import sources
from tests.cuda import ptx
from tests.proving.elements import EDGES, PRIME

INSTRUCTIONS = ptx.extract(sources.FOLDER / "goldilocks.cuh")
LOOSE = (*EDGES, PRIME, PRIME + 1, PRIME + 2**31, 2**64 - 2**32, 2**64 - 2, 2**64 - 1)
words = st.one_of(st.sampled_from(LOOSE), st.integers(0, 2**64 - 1))


def multiply(a: int, b: int, instructions: list[str] | None = None) -> int:
    operands = {"%2": a & ptx.MASK, "%3": a >> 32, "%4": b & ptx.MASK, "%5": b >> 32}
    registers = ptx.run(INSTRUCTIONS if instructions is None else instructions, operands)
    return registers["%1"] << 32 | registers["%0"]


def test_the_product_on_all_pairs_of_edges() -> None:
    for a in LOOSE:
        for b in LOOSE:
            assert multiply(a, b) % PRIME == a * b % PRIME


@settings(max_examples=500, deadline=None)
@given(a=words, b=words)
def test_the_product(a: int, b: int) -> None:
    assert multiply(a, b) % PRIME == a * b % PRIME


def test_products_that_carry_and_borrow_everywhere() -> None:
    generator = random.Random(7)
    for _ in range(3000):
        a, b = (
            sum(generator.choice((0, 1, 2**31, 2**32 - 2, 2**32 - 1)) << shift for shift in (0, 32)) for _ in range(2)
        )
        assert multiply(a, b) % PRIME == a * b % PRIME


@pytest.mark.parametrize("left_out", [line for line in INSTRUCTIONS if not line.startswith(".reg")])
def test_every_instruction_is_needed(left_out: str) -> None:
    kept = [line for line in INSTRUCTIONS if line != left_out]
    try:
        wrong = any(multiply(a, b, kept) % PRIME != a * b % PRIME for a in LOOSE for b in LOOSE)
    except ValueError:
        return
    assert wrong


def test_the_interpreter_refuses_what_it_does_not_know() -> None:
    for instruction in ("xor.b32 a, 1, 2", "add.u64 a, 1, 2", "add.u32 a, b, 2", "addc.u32 a, 1, 2"):
        with pytest.raises(ValueError, match=r"unknown|written"):
            ptx.run([instruction], {})
