"""The sums of products in PTX, interpreted, are what integers say; their twins run in the emulation."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from cuda import sources
from tests.cuda import ptx

BLOCKS = ptx.extract(sources.FOLDER / "products.cuh")
LIMBS = (0, 1, 2**31, 2**32 - 2, 2**32 - 1)
#: Terms after which the sums must not have wrapped.
MOST = 2**31


@dataclass(frozen=True)
class Sum:
    """What `Products` holds: limbs of the products of like halves, and of those of unlike halves a limb higher."""

    straight: list[int]
    crossed: list[int]

    @property
    def value(self) -> int:
        return number(self.straight) + (number(self.crossed) << 32)


def number(limbs: list[int]) -> int:
    return sum(limb << (32 * place) for place, limb in enumerate(limbs))


def add(instructions: list[str], held: Sum, a: int, b: int) -> Sum:
    operands = [*held.straight, *held.crossed, a & ptx.MASK, a >> 32, b & ptx.MASK, b >> 32]
    registers = ptx.run(instructions, {f"%{place}": word for place, word in enumerate(operands)})
    return Sum([registers[f"%{i}"] for i in range(5)], [registers[f"%{i}"] for i in range(5, 8)])


def reduced(instructions: list[str], held: Sum) -> int:
    """The sum in limbs of 32 bits, as `reduce` joins them."""
    operands = [*held.straight[1:], *held.crossed]
    registers = ptx.run(instructions, {f"%{place}": word for place, word in enumerate(operands)})
    return number([held.straight[0], *(registers[f"%{i}"] for i in range(4))])


def cases() -> Iterator[tuple[Sum, int, int]]:
    """Sums whose limbs carry everywhere, and factors that do; tops that leave room for one product more."""
    generator = random.Random(5)
    factors = [low | high << 32 for low, high in itertools.product(LIMBS, LIMBS)]
    for a, b in itertools.product(factors, factors):
        held = [generator.choice(LIMBS) for _ in range(8)]
        yield Sum([*held[:4], generator.randrange(MOST)], [*held[5:7], generator.randrange(MOST)]), a, b
    for _ in range(500):
        words = [generator.randrange(2**32) for _ in range(6)]
        top = [generator.randrange(MOST), generator.randrange(MOST)]
        factor = generator.randrange(2**64), generator.randrange(2**64)
        yield Sum([*words[:4], top[0]], [*words[4:], top[1]]), *factor


def wrong(name: str, instructions: list[str], held: Sum, a: int, b: int) -> bool:
    if name == "add":
        return add(instructions, held, a, b).value != held.value + a * b
    return reduced(instructions, held) != held.value


def test_every_block_is_tested() -> None:
    assert set(BLOCKS) == {"add", "reduce"}


@pytest.mark.parametrize("name", BLOCKS)
def test_chains_equal_integers(name: str) -> None:
    assert not any(wrong(name, BLOCKS[name], *given) for given in cases())


def test_the_largest_products_add_up() -> None:
    held = Sum([0] * 5, [0] * 3)
    for _ in range(200):
        held = add(BLOCKS["add"], held, 2**64 - 1, 2**64 - 1)
    assert reduced(BLOCKS["reduce"], held) == 200 * (2**64 - 1) ** 2


@pytest.mark.parametrize(
    ("name", "place"), [(name, place) for name, lines in BLOCKS.items() for place in range(len(lines))]
)
def test_every_instruction_is_needed(name: str, place: int) -> None:
    kept = [line for number_, line in enumerate(BLOCKS[name]) if number_ != place]
    try:
        noticed = any(wrong(name, kept, *given) for given in cases())
    except (ValueError, KeyError):
        return
    assert noticed
