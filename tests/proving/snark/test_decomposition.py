"""Pieces of an element of BN254's scalar field are those of its one representative below r."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proving.snark.bn254.field import FR
from proving.snark.builder import Builder
from proving.snark.circuit import Circuit, Ids
from proving.snark.decomposition import pieces
from proving.snark.errors import CircuitRefused
from proving.snark.hints import ExceedsStep
from proving.snark.points import SCALAR_MODULUS
from proving.snark.removal import Adversary
from proving.snark.steps import LimbStep
from tests.proving.snark.rows import forge

LOW = SCALAR_MODULUS - 1 & (1 << 128) - 1
EDGES = [0, 1, SCALAR_MODULUS - 1, LOW, LOW + 1, LOW - 1, SCALAR_MODULUS - 1 - LOW, (1 << 253) - 1, (1 << 80) - 1]
ELEMENTS = st.integers(0, SCALAR_MODULUS - 1) | st.sampled_from(EDGES)


def written(widths: list[int], table_bits: int = 8) -> tuple[Circuit, Ids]:
    builder = Builder(table_bits=table_bits)
    builder.public_input()
    found = pieces(builder, builder.input(), widths)
    return builder.compile(), found[0]


@settings(max_examples=12, deadline=None)
@given(ELEMENTS)
def test_the_pieces(value: int) -> None:
    circuit, found = written([80, 80, 80])
    assert forge(circuit, [value], {})
    values = circuit.fill(FR.encode([5]), FR.encode([value]))
    assert FR.decode(values[found]) == [value >> 80 * i & (1 << 80) - 1 for i in range(3)]


@pytest.mark.parametrize("value", EDGES)
def test_the_representative_above_r_is_refused(value: int) -> None:
    circuit, _ = written([64, 16])
    alias = value + SCALAR_MODULUS
    [step] = [step for step in circuit.steps if isinstance(step, LimbStep) and step.out.shape[1] == 32]
    limbs = dict(zip(step.out[0].tolist(), [alias >> 8 * i & 255 for i in range(32)], strict=True))
    [borrow] = next(step for step in circuit.steps if isinstance(step, ExceedsStep)).out.tolist()
    assert forge(circuit, [value], {})
    for guess in ({}, {borrow: 0}, {borrow: 1}, {borrow: 2}, {borrow: SCALAR_MODULUS - 1}):
        assert not forge(circuit, [value], limbs | guess)


def test_a_wrong_limb_and_a_wrong_borrow() -> None:
    circuit, _ = written([64])
    value = 3 << 130 | 5
    [step] = [step for step in circuit.steps if isinstance(step, LimbStep) and step.out.shape[1] == 32]
    [borrow] = next(step for step in circuit.steps if isinstance(step, ExceedsStep)).out.tolist()
    first, second, *_ = step.out[0].tolist()
    for changed in ({first: 6}, {first: 5 + 256, second: SCALAR_MODULUS - 1}, {first: 261}, {borrow: 1}, {borrow: 2}):
        assert not forge(circuit, [value], changed)


@pytest.mark.parametrize("value", EDGES)
def test_a_borrow_that_is_no_bit_would_make_the_difference_of_another_number(value: int) -> None:
    """Both halves of what the largest element is above the alias wrap around r, unless the borrow is a bit."""
    circuit, _ = written([64, 16])
    alias, least = value + SCALAR_MODULUS, SCALAR_MODULUS - 1 - value
    [step] = [step for step in circuit.steps if isinstance(step, LimbStep) and step.out.shape[1] == 32]
    limbs = dict(zip(step.out[0].tolist(), [alias >> 8 * i & 255 for i in range(32)], strict=True))
    [borrow] = next(step for step in circuit.steps if isinstance(step, ExceedsStep)).out.tolist()
    between = (SCALAR_MODULUS - 1 >> 128) - (alias >> 128) - (least >> 128)
    adversary = Adversary(circuit, [5], [value])
    [rule] = adversary.broken({**limbs, borrow: between})
    assert borrow in adversary.rules.variables(rule)


def test_pieces_that_limbs_do_not_make_up() -> None:
    for widths in ([12], [128, 128, 8]):
        with pytest.raises(CircuitRefused, match="do not make up"):
            written(widths)
