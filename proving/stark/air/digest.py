"""The digest of a circuit: changes when any constraint, message, degree or column changes.

The description is serialised to field elements: every list is preceded by its length, nodes are numbered in the order
in which the roots reach them, names are left out. Values of preprocessed columns are not covered: the key commits to
them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from proving.backend.interface import HostArray
from proving.hash.compression import hash_elements
from proving.hash.tags import Tag
from proving.stark.air.circuit import Circuit
from proving.stark.air.graph import ARITHMETIC, Graph, Op
from proving.stark.air.table import TableBuilder

FORMAT = 1  #: version of the serialisation


def circuit_digest(circuit: Circuit) -> HostArray:
    """Digest of the constraint graph and everything else the verifier derives from the circuit, (4,) uint64."""
    return hash_elements(Tag.KEY, np.array(list(serialise(circuit)), dtype=np.uint64))


def serialise(circuit: Circuit) -> Iterator[int]:
    """The circuit as field elements."""
    yield from (FORMAT, circuit.publics, circuit.max_degree, len(circuit.buses))
    for bus in circuit.buses:
        yield from (bus.id, bus.arity, int(bus.kind == "lookup"))
    yield len(circuit.tables)
    for table in circuit:
        yield from _serialise_table(table)


def _serialise_table(table: TableBuilder) -> Iterator[int]:
    yield from (len(table.main_names), len(table.preprocessed_names), len(table.periodic_values))
    yield table.preprocessed_values[0].shape[0] if table.preprocessed_values else 0
    for values in table.periodic_values:
        yield len(values)
        yield from values
    roots = [constraint.expr.node for constraint in table.constraints]
    for interaction in table.interactions:
        roots += [interaction.count.node, *(field.node for field in interaction.fields)]
    order = _visit(table.graph, roots)
    yield len(order)
    for node in order:
        op, a, b = table.graph.op[node], table.graph.a[node], table.graph.b[node]
        if op in ARITHMETIC:
            a, b = order[a], 0 if op is Op.NEG else order[b]
        yield from (int(op), a, b)
    yield len(table.constraints)
    yield from (order[constraint.expr.node] for constraint in table.constraints)
    yield len(table.interactions)
    for interaction in table.interactions:
        yield from (interaction.bus.id, int(interaction.provider), order[interaction.count.node])
        yield from (order[field.node] for field in interaction.fields)


def _visit(graph: Graph, roots: Sequence[int]) -> dict[int, int]:
    """Number of every node that the roots reach, depth first, operands before the nodes that use them."""
    order: dict[int, int] = {}
    for root in roots:
        stack = [root]
        while stack:
            node = stack[-1]
            missing = [operand for operand in graph.operands(node) if operand not in order]
            if node in order:
                stack.pop()
            elif missing:
                stack += reversed(missing)
            else:
                order[stack.pop()] = len(order)
    return order
