"""Compilation: a circuit's tables as programs for the backends, and as one program for the verifier.

Bus argument
------------
A table's interactions are cut into batches. Batch j has the fraction N_j / D_j = sum_i count_i / d_i (see
`proving.stark.air.bus` for d_i), brought to one denominator. Every batch but the last gets a helper column h_j with

    h_j D_j - N_j = 0

and the last one is absorbed by the running sum s, which is cyclic and carries the table's sum S:

    (s.next - s + S/n - sum_j h_j) D_last - N_last = 0

Summed over all rows, the second line says that S is the sum of all fractions. A batch holds as many interactions as the
circuit's maximum degree allows. Where some d_i is zero the constraints say nothing, whatever the count; the main
columns are committed before alpha is drawn, so that happens with probability at most (interactions * rows) / |F|^3,
which belongs to the bus's soundness error together with the collisions of fingerprints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from proving.backend.program import TableProgram
from proving.stark.air.bus import Interaction
from proving.stark.air.circuit import Circuit
from proving.stark.air.digest import program_digest
from proving.stark.air.errors import AirError
from proving.stark.air.graph import Graph, Op
from proving.stark.air.lower import lower_outputs, lower_sum
from proving.stark.air.program import CircuitProgram
from proving.stark.air.schedule import build_schedule
from proving.stark.air.table import TableBuilder

Fraction = tuple[int, int]  #: numerator and denominator node


@dataclass(frozen=True)
class CompiledTable:
    """A table's program and the graph that it was made from."""

    program: TableProgram
    graph: Graph


def compile_table(table: TableBuilder, max_degree: int, constraint_offset: int) -> CompiledTable:
    """Add the bus constraints to a table's own and lower them.

    Parameters
    ----------
    max_degree : of the circuit
    constraint_offset : number of constraints of the circuit's earlier tables
    """
    graph = Graph()
    wanted = [constraint.expr.node for constraint in table.constraints]
    for interaction in table.interactions:
        wanted += [interaction.count.node, *(field.node for field in interaction.fields)]
    renamed = graph.import_nodes(table.graph, table.graph.reachable(wanted))
    roots = [renamed[constraint.expr.node] for constraint in table.constraints]
    names = [constraint.name for constraint in table.constraints]
    batches = _batches(table.interactions, max_degree)
    fractions = [_batch_fraction(graph, [table.interactions[i] for i in batch], renamed) for batch in batches]
    for column, batch in enumerate(batches):
        last = column == len(batches) - 1
        roots.append(_bus_constraint(graph, fractions, column))
        members = ", ".join(table.interactions[i].name for i in batch)
        names.append(f"running sum of buses ({members})" if last else f"bus helper {column} ({members})")
    for name, root in zip(names, roots, strict=True):
        if graph.degree[root] > max_degree:
            raise AirError(f"{table.name}.{name}: degree {graph.degree[root]} is above the maximum {max_degree}")
    quotient = lower_sum(graph, roots)
    bus = lower_outputs(graph, [node for fraction in fractions for node in fraction])
    next_columns = sorted(
        {graph.a[node] for node in graph.reachable(roots) if graph.op[node] is Op.MAIN and graph.b[node]}
    )
    preprocessed = np.stack(table.preprocessed_values) if table.preprocessed_values else None
    program = TableProgram(
        name=table.name,
        main_columns=len(table.main_names),
        preprocessed_columns=len(table.preprocessed_names),
        next_columns=tuple(next_columns),
        preprocessed=preprocessed,
        fixed_log_height=None if preprocessed is None else preprocessed.shape[1].bit_length() - 1,
        periodic=tuple(table.periodic_values),
        bus_columns=len(batches),
        constraint_offset=constraint_offset,
        constraint_count=len(roots),
        constraint_names=tuple(names),
        constraint_degrees=tuple(max(graph.degree[root], graph.transitions[root] + 1) for root in roots),
        interactions=len(table.interactions),
        nodes=graph.nodes(),
        roots=np.array(roots, dtype=np.int32),
        fractions=np.array(fractions, dtype=np.int32).reshape(len(fractions), 2),
        quotient=quotient,
        bus=bus,
    )
    return CompiledTable(program, graph)


def compile_tables(circuit: Circuit) -> tuple[CompiledTable, ...]:
    """Compile every table, numbering the constraints through."""
    compiled: list[CompiledTable] = []
    offset = 0
    for table in circuit:
        compiled.append(compile_table(table, circuit.max_degree, offset))
        offset += compiled[-1].program.constraint_count
    return tuple(compiled)


def compile_circuit(circuit: Circuit) -> CircuitProgram:
    """Compile every table and the verifier's schedule."""
    tables = tuple(compiled.program for compiled in compile_tables(circuit))
    schedule = build_schedule(tables)
    return CircuitProgram(
        name=circuit.name,
        publics=circuit.publics,
        max_degree=circuit.max_degree,
        tables=tables,
        constraint_count=sum(table.constraint_count for table in tables),
        digest=program_digest(circuit.publics, circuit.max_degree, tables, schedule),
        schedule=schedule,
    )


def _batches(interactions: Sequence[Interaction], max_degree: int) -> list[list[int]]:
    """Interactions by batch, first fit in order of declaration."""
    batches: list[list[int]] = []
    for index in range(len(interactions)):
        for batch in batches:
            if _batch_degree([interactions[i] for i in (*batch, index)]) <= max_degree:
                batch.append(index)
                break
        else:
            batches.append([index])
    return batches


def _batch_degree(interactions: Sequence[Interaction]) -> int:
    """Degree of `column * D - N` for a batch."""
    denominators = [max(field.degree for field in interaction.fields) for interaction in interactions]
    total = sum(denominators)
    numerators = [
        interaction.count.degree + total - own for interaction, own in zip(interactions, denominators, strict=True)
    ]
    return max(1 + total, *numerators)


def _fingerprint(graph: Graph, interaction: Interaction, renamed: dict[int, int]) -> int:
    """Node of alpha - ((B + 1) + sum_i beta^(i+1) m_i), the fields that are the same on every row first."""
    fields = [(renamed[field.node], i + 1) for i, field in enumerate(interaction.fields)]
    fields.sort(key=lambda field: not graph.uniform[field[0]])
    value = graph.sub(graph.leaf(Op.CHALLENGE, 0), graph.constant(interaction.bus.id + 1))
    for node, power in fields:
        value = graph.sub(value, graph.mul(graph.leaf(Op.CHALLENGE, power), node))
    return value


def _batch_fraction(graph: Graph, batch: Sequence[Interaction], renamed: dict[int, int]) -> Fraction:
    """The batch's fractions on one denominator, combined pairwise so that products stay balanced."""
    level: list[Fraction] = [
        (renamed[interaction.count.node], _fingerprint(graph, interaction, renamed)) for interaction in batch
    ]
    while len(level) > 1:
        merged: list[Fraction] = []
        for i in range(0, len(level) - 1, 2):
            (n0, d0), (n1, d1) = level[i], level[i + 1]
            merged.append((graph.add(graph.mul(n0, d1), graph.mul(n1, d0)), graph.mul(d0, d1)))
        level = merged + ([level[-1]] if len(level) % 2 else [])
    return level[0]


def _bus_constraint(graph: Graph, fractions: Sequence[Fraction], column: int) -> int:
    numerator, denominator = fractions[column]
    last = len(fractions) - 1
    value = graph.leaf(Op.BUS, column, 0)
    if column == last:
        value = graph.sub(graph.leaf(Op.BUS, last, 1), value)
        for helper in range(last):
            value = graph.sub(value, graph.leaf(Op.BUS, helper, 0))
        value = graph.add(value, graph.leaf(Op.BUS_SHARE))
    return graph.sub(graph.mul(value, denominator), numerator)
