"""What the builder's parts compute, and that their gates hold for it and for nothing else."""

from __future__ import annotations

import operator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proving.snark.bn254.field import FR, Elements
from proving.snark.builder import Builder
from proving.snark.circuit import UNUSED, Circuit, Ids
from proving.snark.errors import CircuitRefused
from proving.snark.points import SCALAR_MODULUS
from tests.proving.snark.rows import broken_gates, broken_lookups, fill, forge

ELEMENTS = st.integers(0, SCALAR_MODULUS - 1)


def evaluate(builder: Builder, inputs: list[int], wanted: Ids) -> list[int]:
    """Compile, fill, check the gates and return the values of some variables."""
    builder.public_input()
    circuit = builder.compile()
    assert not broken_gates(circuit, fill(circuit, [5], inputs), [5])
    values = circuit.fill(FR.encode([5]), FR.encode(inputs))
    return FR.decode(values[wanted.reshape(-1)])


def broken_by_changing(circuit: Circuit, variable: int, public_inputs: list[int], inputs: list[int]) -> bool:
    """Whether some gate breaks when one variable has another value wherever it stands."""
    wires = fill(circuit, public_inputs, inputs)
    for j, column in enumerate(wires.values()):
        places = circuit.wires[j] == variable
        column[places] = FR.add(column[places], FR.scalar(1))
    return bool(broken_gates(circuit, wires, public_inputs))


@pytest.mark.parametrize("terms", [1, 2, 3, 5])
@pytest.mark.parametrize("with_addend", [False, True])
def test_a_sum_of_products(terms: int, with_addend: bool) -> None:
    builder = Builder(table_bits=2)
    numbers = [3**i + 2 for i in range(2 * (2 * terms + 1))]
    given_ = builder.input(len(numbers)).reshape(2, -1)
    addend = given_[:, -1] if with_addend else None
    total = builder.sum_of_products(given_[:, :terms], given_[:, terms:-1], addend)
    lanes = np.array(numbers, dtype=object).reshape(2, -1)
    expected = [sum(x * y for x, y in zip(v[:terms], v[terms:-1], strict=True)) + with_addend * v[-1] for v in lanes]
    assert evaluate(builder, numbers, total) == expected


@settings(max_examples=10, deadline=None)
@given(a=ELEMENTS, b=ELEMENTS, c=ELEMENTS, factors=st.tuples(ELEMENTS, ELEMENTS, ELEMENTS, ELEMENTS, ELEMENTS))
def test_a_combination(a: int, b: int, c: int, factors: tuple[int, ...]) -> None:
    builder = Builder(table_bits=2)
    x, y, z = builder.input(3).reshape(3, 1)
    total = builder.combine({"a": x, "b": y, "c": z}, dict(zip(("ab", "a", "b", "c", "k"), factors, strict=True)))
    ab, fa, fb, fc, k = factors
    assert evaluate(builder, [a, b, c], total) == [(ab * a * b + fa * a + fb * b + fc * c + k) % SCALAR_MODULUS]


@pytest.mark.parametrize("terms", [1, 3, 4, 5, 7, 8])
@pytest.mark.parametrize("constant", [0, 9])
def test_a_weighted_sum(terms: int, constant: int) -> None:
    builder = Builder(table_bits=2)
    values, factors = [5**i + 1 for i in range(terms)], [3 * i + 2 for i in range(terms)]
    total = builder.weighted_sum(builder.input(terms)[None], factors, constant)
    assert evaluate(builder, values, total) == [sum(map(operator.mul, values, factors)) + constant]


@pytest.mark.parametrize("bits", [3, 4])
@pytest.mark.parametrize("count", [1, 4, 5, 9, 13])
def test_limbs(bits: int, count: int) -> None:
    builder = Builder(table_bits=bits)
    value = 0x9E3779B97F4A7C15F39CC0605CEDC834 % (1 << bits * count)
    limbs = builder.limbs(builder.input(), count)
    expected = [value >> bits * i & (1 << bits) - 1 for i in range(count)]
    assert evaluate(builder, [value], limbs) == expected


def test_limbs_of_sixteen_bits_cover_a_whole_element() -> None:
    builder = Builder()
    limbs = builder.limbs(builder.input(), 16)
    value = SCALAR_MODULUS - 2
    assert sum(limb << 16 * i for i, limb in enumerate(evaluate(builder, [value], limbs))) == value


def test_the_permutation_has_the_published_answer() -> None:
    builder = Builder(table_bits=2)
    state = builder.permute(np.array([[builder.constant(0), builder.constant(1), builder.constant(2)]]))
    assert evaluate(builder, [], state) == [
        0x0BB61D24DACA55EEBCB1929A82650F328134334DA98EA4F847F760054F4A3033,
        0x303B6F7C86D043BFCBCC80214F26A30277A15D3F74CA654992DEFE7FF8D03570,
        0x1ED25194542B12EEF8617361C3BA7C52E660B145994427CC86296242CF766EC8,
    ]


def test_every_variable_of_every_part_is_bound() -> None:
    builder = Builder(table_bits=3)
    publics = builder.public_input(2)
    inputs = builder.input(3)
    state = builder.permute(np.stack([inputs, inputs[::-1]]))
    builder.limbs(inputs[:1], 9)
    builder.sum_of_products(state, state[:, ::-1])
    builder.combine({"a": publics}, {"a": 1, "k": 2})
    builder.combine({"a": inputs, "b": inputs[::-1]}, {"ab": 1, "b": 3})
    builder.weighted_sum(state, [2, 3, 4])
    builder.weighted_sum(state.reshape(1, -1), [2, 3, 4, 5, 6, 7], 8)
    circuit = builder.compile()
    used = set(circuit.wires.reshape(-1).tolist()) - {UNUSED}
    assert used == set(range(circuit.variables))
    for variable in used:
        assert broken_by_changing(circuit, variable, [1, 2], [3, 4, 5]), variable


def test_equal_variables_share_a_cycle_of_cells() -> None:
    builder = Builder(table_bits=2)
    [public], inputs = builder.public_input(), builder.input(4)
    builder.combine({"a": inputs[:2], "b": inputs[2:]}, {"a": 1, "b": 1})
    builder.assert_equal(inputs[:3], inputs[1:])
    builder.assert_equal(inputs[3:], np.array([public]))
    circuit = builder.compile()
    assert (circuit.wires == public).sum() == 5


def following(circuit: Circuit) -> dict[tuple[int, ...], tuple[int, ...]]:
    """Label of a cell -> label of the next one in its cycle."""
    columns = circuit.preprocessed()
    permuted: Elements = np.concatenate([columns[f"s_{j}"] for j in range(4)])
    return dict(zip(map(tuple, circuit.labels().tolist()), map(tuple, permuted.tolist()), strict=True))


def test_the_permutation_runs_through_the_cells_of_each_variable() -> None:
    builder = Builder(table_bits=3)
    inputs = builder.input(3)
    builder.public_input()
    builder.permute(np.stack([inputs, inputs[::-1]]))
    circuit = builder.compile()
    variable = dict(zip(map(tuple, circuit.labels().tolist()), circuit.wires.reshape(-1).tolist(), strict=True))
    step = following(circuit)
    assert len(variable) == 4 * circuit.rows and sorted(step.values()) == sorted(variable)
    for begin in variable:
        cycle, cell = 1, step[begin]
        while cell != begin:
            assert variable[cell] == variable[begin] != UNUSED
            cycle, cell = cycle + 1, step[cell]
        assert cycle == (1 if variable[begin] == UNUSED else (circuit.wires == variable[begin]).sum())


def test_a_value_that_is_not_boolean_breaks_its_gate() -> None:
    builder = Builder(table_bits=2)
    builder.public_input()
    builder.assert_boolean(builder.input())
    circuit = builder.compile()
    assert [bool(broken_gates(circuit, fill(circuit, [0], [bit]), [0])) for bit in (0, 1, 2)] == [False, False, True]


def test_gates_of_three_wires_take_rows_that_are_free() -> None:
    builder = Builder(table_bits=4)
    [public] = builder.public_input()
    inputs = builder.input(3)
    builder.constant(0)
    builder.limbs(inputs, 3)
    rows = builder.rows
    products = builder.combine({"a": inputs, "b": inputs[::-1]}, {"ab": 2, "b": 3, "k": 4})
    builder.assert_boolean(inputs[2:])
    assert builder.rows == rows + 2
    builder.assert_equal(products[:1], np.array([public]))
    circuit = builder.compile()
    assert not broken_gates(circuit, fill(circuit, [2 * 15 + 3 + 4], [15, 11, 1]), [2 * 15 + 3 + 4])
    for variable in [*inputs.tolist(), *products[1:].tolist(), public]:
        assert broken_by_changing(circuit, variable, [37], [15, 11, 1])


def test_a_number_that_the_table_has_not() -> None:
    builder = Builder(table_bits=2)
    builder.public_input()
    inputs = builder.input(5)
    builder.look_up(inputs)
    circuit = builder.compile()
    assert forge(circuit, [0, 1, 2, 3, 3], {}) and not broken_lookups(circuit, fill(circuit, [5], [3] * 5))
    for place in range(5):
        assert not forge(circuit, [4 if i == place else 3 for i in range(5)], {})


def test_what_cannot_be_compiled_is_refused() -> None:
    with pytest.raises(CircuitRefused, match="17 bits"):
        Builder(table_bits=17)
    with pytest.raises(CircuitRefused, match="no public input"):
        Builder(table_bits=2).compile()
    builder = Builder(table_bits=2)
    with pytest.raises(CircuitRefused, match="Wire d"):
        builder.combine({"a": builder.input()}, {"d": 1})
