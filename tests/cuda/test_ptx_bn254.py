"""The carry chains of BN254's fields in PTX, interpreted, are what integers say; their twins run in the emulation."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from cuda import sources
from tests.cuda import ptx

BLOCKS = ptx.extract(sources.FOLDER / "bn254.cuh")
LIMBS = 8
SIZE = 2 ** (32 * LIMBS)
SPECIAL = (0, 1, 2**31, 2**32 - 2, 2**32 - 1)

Row = list[int]


@dataclass(frozen=True)
class Given:
    """Three numbers of eight limbs and two of one."""

    x: Row
    y: Row
    z: Row
    word: int
    low: int


def number(row: Row) -> int:
    return sum(limb << (32 * i) for i, limb in enumerate(row))


def below(row: Row, bits: int) -> Row:
    """The row with its top limb shortened by so many bits."""
    return [*row[:-1], row[-1] >> bits]


#: Rows of operands in their order (None for one that is only written), and what the registers must be afterwards.
Case = tuple[list[int | None], Callable[[Row], bool]]


def sums(given: Given) -> Case:
    x, y = below(given.x, 1), below(given.y, 1)
    return [*x, *y], lambda left: number(left[:LIMBS]) == number(x) + number(y)


def differences(given: Given) -> Case:
    difference = number(given.x) - number(given.y)
    mask = ptx.MASK if difference < 0 else 0
    return [*given.x, None, *given.y], lambda left: (number(left[:LIMBS]), left[LIMBS]) == (difference % SIZE, mask)


def row(given: Given, low: int | None = None) -> Case:
    odd, factor = below(given.y, 1), below(given.z, 2)
    total = number(given.x) + (number(odd) << 32) + number(factor) * given.word + (low or 0)
    operands = [*given.x, *odd, *factor, given.word, *([] if low is None else [low])]
    return operands, lambda left: number(left[:LIMBS]) + (number(left[LIMBS : 2 * LIMBS]) << 32) == total


def joined(given: Given) -> Case:
    even, odd = below(given.x, 2), below(given.y[:-1], 2)
    total = number(even) + (number(odd) << 32) + given.low
    return [*even, given.low, *odd], lambda left: number(left[:LIMBS]) == total


CASES: dict[str, Callable[[Given], Case]] = {
    "add_limbs": sums,
    "subtract_limbs": differences,
    "add_row": row,
    "add_row_and_low": lambda given: row(given, given.low),
    "join_rows": joined,
}


def rows_of(limb: Callable[[], int], count: int) -> list[Given]:
    return [Given(*([limb() for _ in range(LIMBS)] for _ in range(3)), limb(), limb()) for _ in range(count)]


def numbers_that_carry(count: int) -> list[Given]:
    """Rows of one special limb or of all, so that carries run through whole chains, and random ones."""
    generator = random.Random(11)
    uniform = [
        Given(
            *([generator.choice(SPECIAL)] * LIMBS for _ in range(3)),
            generator.choice(SPECIAL),
            generator.choice(SPECIAL),
        )
        for _ in range(count)
    ]
    mixed = rows_of(lambda: generator.choice(SPECIAL), count)
    return [*uniform, *mixed, *rows_of(lambda: generator.randrange(2**32), count)]


def wrong(name: str, instructions: list[str], given: Given) -> bool:
    operands, judge = CASES[name](given)
    registers = ptx.run(instructions, {f"%{i}": word for i, word in enumerate(operands) if word is not None})
    return not judge([registers[f"%{i}"] for i in range(len(operands))])


def test_every_block_is_tested() -> None:
    assert set(BLOCKS) == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_chains_equal_integers(name: str) -> None:
    assert not any(wrong(name, BLOCKS[name], given) for given in numbers_that_carry(500))


@pytest.mark.parametrize(
    ("name", "place"), [(name, place) for name, lines in BLOCKS.items() for place in range(len(lines))]
)
def test_every_instruction_is_needed(name: str, place: int) -> None:
    kept = [line for number_, line in enumerate(BLOCKS[name]) if number_ != place]
    try:
        noticed = any(wrong(name, kept, given) for given in numbers_that_carry(60))
    except (ValueError, KeyError):
        return
    assert noticed
