"""Compiled programs: bytecode, kernels and the verifier's evaluation agree with slow references."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from proving.backend.interface import PRIME, coset_shift
from proving.backend.native_air import BusPoleError, bus_columns, quotient
from proving.backend.program import Op, TableProgram, resolve_uniform
from proving.field import extension, goldilocks
from proving.native import forced_isa
from proving.stark.air import Circuit, CircuitProgram, TableOpenings, Traces
from proving.stark.air.compile import compile_circuit
from proving.stark.integers import IntegerArithmetic
from tests.proving import instruction_sets
from tests.proving.stark.air import reference
from tests.proving.stark.air.circuits import ALL, kitchen_sink, memory, range_lookup

U64 = npt.NDArray[np.uint64]
BLOWUP = 2


def every_table(seed: int = 7) -> list[tuple[CircuitProgram, TableProgram, U64, U64]]:
    """Programs of all test circuits with their traces and public inputs."""
    found = []
    for make in (*ALL.values(), kitchen_sink):
        circuit, traces, publics = make()
        program = compile_circuit(circuit)
        for table in program.tables:
            found.append((program, table, traces[table.name], np.array(publics, dtype=np.uint64)))
    return found


@pytest.mark.parametrize("isa", instruction_sets.EVERY)
@pytest.mark.parametrize("kind", ["random", "largest"])
def test_quotient_equals_the_graph_evaluated_point_by_point(isa: str, kind: str) -> None:
    instruction_sets.require(isa)
    rng = np.random.default_rng(1)

    def fill(*shape: int) -> U64:
        if kind == "random":
            return reference.random_elements(rng, *shape)
        return np.full(shape, PRIME - 1, dtype=np.uint64)

    for _, table, trace, publics in every_table():
        log_height = trace.shape[1].bit_length() - 1
        size = trace.shape[1] << BLOWUP
        shift = coset_shift(log_height)
        main = fill(table.main_columns, size)
        fixed = None
        if table.preprocessed_columns:
            fixed = fill(table.preprocessed_columns, size)
        bus = fill(3 * table.bus_columns, size) if table.bus_columns else None
        challenges = fill(2, 3)
        bus_sum = fill(3)
        powers = extension.powers(fill(3), table.constraint_count)
        share = extension.scale(bus_sum, reference.inverse_of(trace.shape[1]))
        leaves = reference.coset_leaves(table, main, fixed, bus, log_height, BLOWUP, shift)
        values = reference.graph_values(table, leaves, {"publics": publics, "challenges": challenges, "share": share})
        combined = np.zeros((size, 3), dtype=np.uint64)
        for root, power in zip(table.roots, powers, strict=True):
            combined = goldilocks.add(combined, extension.multiply(values[root], power))
        points = reference.coset_points(log_height + BLOWUP, shift)[reference.bit_reversal(log_height + BLOWUP)]
        raised = extension.power(extension.embed(points), trace.shape[1])[:, 0]
        vanishing = goldilocks.subtract(raised, reference.scalar(1))
        expected = extension.scale(combined, goldilocks.inverse(vanishing)).T
        with forced_isa(isa):
            found = quotient(
                table,
                main,
                fixed,
                bus,
                publics=publics,
                challenges=challenges,
                alpha_powers=powers,
                bus_sum=bus_sum,
                log_height=log_height,
                log_blowup=BLOWUP,
                shift=shift,
            )
        assert np.array_equal(found, expected), table.name


@pytest.mark.parametrize("isa", instruction_sets.EVERY)
def test_bus_columns_are_the_batches_fractions_and_their_cyclic_sum(isa: str) -> None:
    instruction_sets.require(isa)
    rng = np.random.default_rng(2)
    for _, table, trace, publics in every_table():
        height = trace.shape[1]
        challenges = reference.random_elements(rng, 2, 3)
        with forced_isa(isa):
            columns, total = bus_columns(table, trace, table.preprocessed, challenges, publics)
        assert columns.shape == (3 * table.bus_columns, height)
        if not table.bus_columns:
            assert not total.any()
            continue
        leaves = trace_leaves(table, trace)
        values = reference.graph_values(
            table, leaves, {"publics": publics, "challenges": challenges, "share": np.zeros(3, np.uint64)}
        )
        step = np.zeros((height, 3), dtype=np.uint64)
        for k, (numerator, denominator) in enumerate(table.fractions):
            fraction = extension.multiply(values[numerator], extension.inverse(values[denominator]))
            step = goldilocks.add(step, fraction)
            if k < table.bus_columns - 1:
                assert np.array_equal(columns[3 * k : 3 * k + 3].T, fraction)
        running = np.ascontiguousarray(columns[-3:].T)
        share = extension.scale(total, reference.inverse_of(height))
        assert np.array_equal(
            goldilocks.subtract(np.roll(running, -1, axis=0), running), goldilocks.subtract(step, share)
        )


def trace_leaves(table: TableProgram, trace: U64) -> dict[tuple[Op, int, int], U64]:
    """Leaves on the rows of a trace; bus leaves are zero, as fractions do not read them."""
    height = trace.shape[1]
    rows = np.arange(height)
    leaves: dict[tuple[Op, int, int], U64] = {
        (Op.FIRST, 0, 0): (rows == 0).astype(np.uint64),
        (Op.LAST, 0, 0): (rows == height - 1).astype(np.uint64),
        (Op.TRANSITION, 0, 0): np.zeros(height, dtype=np.uint64),
    }
    for i, column in enumerate(trace):
        leaves[Op.MAIN, i, 0], leaves[Op.MAIN, i, 1] = column, np.roll(column, -1)
    for i in range(table.preprocessed_columns):
        assert table.preprocessed is not None
        leaves[Op.PREPROCESSED, i, 0] = table.preprocessed[i]
    for i, period in enumerate(table.periodic):
        leaves[Op.PERIODIC, i, 0] = np.array(period, dtype=np.uint64)[rows % len(period)]
    for i in range(table.bus_columns):
        leaves[Op.BUS, i, 0] = leaves[Op.BUS, i, 1] = np.zeros((height, 3), dtype=np.uint64)
    return leaves


@pytest.mark.parametrize("name", [*sorted(ALL), "kitchen_sink"])
def test_tables_bus_sums_add_to_zero(name: str) -> None:
    circuit, traces, publics = {**ALL, "kitchen_sink": kitchen_sink}[name]()
    sums = prove_columns(circuit, traces, publics)[3]
    assert not goldilocks.elements([[sum(int(s[k]) for s in sums) for k in range(3)]]).any()


Columns = tuple[CircuitProgram, U64, list[U64], list[U64]]


def prove_columns(circuit: Circuit, traces: Traces, publics: list[int]) -> Columns:
    """Program, challenges, and every table's bus columns and bus sum."""
    program = compile_circuit(circuit)
    challenges = reference.random_elements(np.random.default_rng(3), 2, 3)
    inputs = np.array(publics, dtype=np.uint64)
    results = [
        bus_columns(table, traces[table.name], table.preprocessed, challenges, inputs) for table in program.tables
    ]
    return program, challenges, [columns for columns, _ in results], [total for _, total in results]


@pytest.mark.parametrize("name", [*sorted(ALL), "kitchen_sink"])
def test_verifier_evaluation_matches_the_quotients_polynomial(name: str) -> None:
    """Extend honest traces, take the lifted quotient at z, compare with the evaluation at z from the openings."""
    circuit, traces, publics = {**ALL, "kitchen_sink": kitchen_sink}[name]()
    program, challenges, buses, sums = prove_columns(circuit, traces, publics)
    rng = np.random.default_rng(4)
    alpha, z = reference.random_elements(rng, 3), reference.random_elements(rng, 3)
    inputs = np.array(publics, dtype=np.uint64)
    logs = [traces[table.name].shape[1].bit_length() - 1 for table in program.tables]
    largest = max(logs)
    powers = extension.powers(alpha, program.constraint_count)
    squares = np.stack([extension.power(z, 1 << k) for k in range(largest + 1)])
    quotient_at_z = np.zeros(3, dtype=np.uint64)
    openings = []
    for table, log_height, bus, total in zip(program.tables, logs, buses, sums, strict=True):
        shift = coset_shift(log_height)
        phases = [traces[table.name], table.preprocessed, bus if table.bus_columns else None]
        main, fixed, bus_lde = (None if p is None else reference.extend(p, BLOWUP, shift) for p in phases)
        assert main is not None
        values = quotient(
            table,
            main,
            fixed,
            bus_lde,
            publics=inputs,
            challenges=challenges,
            alpha_powers=powers[table.constraint_offset :][: table.constraint_count],
            bus_sum=total,
            log_height=log_height,
            log_blowup=BLOWUP,
            shift=shift,
        )
        coefficients = reference.interpolate(values[:, reference.bit_reversal(log_height + BLOWUP)], shift)
        assert not coefficients[:, (circuit.max_degree - 1) << log_height :].any(), "the quotient's degree is too high"
        point = squares[largest - log_height]
        for k, component in enumerate(reference.at_point(coefficients, point)):
            unit = np.eye(3, dtype=np.uint64)[k]
            quotient_at_z = goldilocks.add(quotient_at_z, extension.multiply(component, unit))
        next_point = extension.scale(point, reference.scalar(goldilocks.root_of_unity(log_height)))
        opened = [None if p is None else reference.interpolate(p) for p in phases]
        assert opened[0] is not None
        openings.append(
            TableOpenings(
                main=reference.at_point(opened[0], point),
                main_next=reference.at_point(opened[0], next_point) if table.next_columns else None,
                preprocessed=None if opened[1] is None else reference.at_point(opened[1], point),
                bus=None if opened[2] is None else reference.at_point(opened[2], point),
                bus_next=None if opened[2] is None else reference.at_point(opened[2], next_point),
            )
        )
    with_bus = [total for table, total in zip(program.tables, sums, strict=True) if table.bus_columns]
    value = program.evaluate(
        IntegerArithmetic(),
        openings,
        log_heights=logs,
        squares=squares,
        publics=extension.embed(inputs) if publics else None,
        challenges=challenges,
        bus_sums=np.stack(with_bus) if with_bus else None,
        alpha=alpha,
    )
    vanishing = goldilocks.subtract(squares[largest], extension.constant(1))
    assert np.array_equal(value, extension.multiply(quotient_at_z, vanishing)[None])


def test_a_message_that_meets_the_challenge_is_an_error() -> None:
    circuit, traces, _ = range_lookup()
    table = compile_circuit(circuit).tables[0]
    beta = np.array([5, 1, 2], dtype=np.uint64)
    low = traces["words"][1, 3]
    alpha = goldilocks.add(extension.scale(beta, low), extension.constant(1))
    with pytest.raises(BusPoleError):
        bus_columns(table, traces["words"], None, np.stack([alpha, beta]), np.array([], dtype=np.uint64))


def test_fingerprints_of_different_buses_differ() -> None:
    circuit, _, _ = memory()
    table = compile_circuit(circuit).tables[1]
    challenges = np.array([[9, 0, 0], [3, 0, 0]], dtype=np.uint64)
    nodes = table.nodes
    uniform = [int(i) for i in np.flatnonzero(nodes.uniform) if nodes.op[i] == Op.SUB]
    values = resolve_uniform(
        nodes, uniform, publics=np.array([], dtype=np.uint64), challenges=challenges, share=np.zeros(3, np.uint64)
    )
    assert [7, 0, 0] in values.tolist(), "alpha - (bus id + 1)"


def test_wrong_shapes_are_refused_before_the_kernel_reads_them() -> None:
    circuit, traces, _ = memory()
    table = compile_circuit(circuit).tables[1]
    nothing = np.array([], dtype=np.uint64)
    challenges = np.ones((2, 3), dtype=np.uint64)
    with pytest.raises(ValueError, match="preprocessed columns are missing"):
        bus_columns(table, traces["cells"], None, challenges, nothing)
    with pytest.raises(ValueError, match="expected C-contiguous"):
        bus_columns(table, traces["cells"][:1], table.preprocessed, challenges, nothing)
    with pytest.raises(ValueError, match="rows"):
        bus_columns(table, traces["cells"][:, :32].copy(), table.preprocessed, challenges, nothing)
