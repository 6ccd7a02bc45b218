"""The digest of a compiled circuit: changes with everything that a verifier evaluates.

Covered are, for each table, its columns and which of them are opened on the next row, periodic values, the expression
graph with the constraints of the bus argument in it, the constraints' numbers and degrees, and the batches of
interactions, each by its fraction; and the schedule by which the verifier evaluates all of it. Every list is preceded
by its length, nodes are numbered in the order in which the roots reach them, names are left out.

Left out are the values of preprocessed columns, to which the key commits, and the prover's bytecode: it computes the
graph that is covered, and a proof made with a bytecode that computes anything else is refused. So a faster lowering
keeps every key. (What is pinned of a stored key covers the bytecode too.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from proving.backend.interface import HostArray
from proving.backend.program import Op, TableProgram
from proving.hash.compression import hash_elements
from proving.hash.tags import Tag
from proving.stark.air.graph import ARITHMETIC, P
from proving.stark.air.schedule import Schedule, operands

FORMAT = 2  #: version of the serialisation


def program_digest(publics: int, max_degree: int, tables: Sequence[TableProgram], schedule: Schedule) -> HostArray:
    """Digest of a compiled circuit, (4,) uint64; the arguments are those of `CircuitProgram`."""
    words = [FORMAT, publics, max_degree, len(tables)]
    for table in tables:
        words += _table(table)
    words += _schedule(schedule)
    return hash_elements(Tag.KEY, np.array(words, dtype=np.uint64))


def _table(table: TableProgram) -> Iterator[int]:
    yield from (table.main_columns, table.preprocessed_columns, table.bus_columns, table.interactions)
    yield from (0, 0) if table.fixed_log_height is None else (1, table.fixed_log_height)
    yield from _listed(table.next_columns)
    yield len(table.periodic)
    for values in table.periodic:
        yield from _listed(values)
    order = _visit(table, [*table.roots.tolist(), *table.fractions.reshape(-1).tolist()])
    yield len(order)
    for node in order:
        op, a, b = (int(part[node]) for part in (table.nodes.op, table.nodes.a, table.nodes.b))
        if op in ARITHMETIC:
            a, b = order[a], 0 if op == Op.NEG else order[b]
        yield from (op, a, b)
    yield from (table.constraint_offset, table.constraint_count)
    yield from _listed(table.constraint_degrees)
    yield from _listed(order[root] for root in table.roots.tolist())
    yield from _listed(order[node] for node in table.fractions.reshape(-1).tolist())


def _schedule(schedule: Schedule) -> Iterator[int]:
    yield len(schedule.leaves)
    for leaf in schedule.leaves:
        yield from (word % P for word in leaf)
    yield len(schedule.levels)
    for level in schedule.levels:
        yield len(level)
        for step in level:
            yield int(step.op)
            yield from _listed(step.a.tolist())
            yield from _listed(() if step.b is None else step.b.tolist())
    yield from _listed(schedule.roots.tolist())


def _listed(values: Iterable[int]) -> Iterator[int]:
    found = list(values)
    yield len(found)
    yield from found


def _visit(table: TableProgram, roots: Sequence[int]) -> dict[int, int]:
    """Number of every node that the roots reach, depth first, operands before the nodes that use them."""
    order: dict[int, int] = {}
    for root in roots:
        stack = [root]
        while stack:
            node = stack[-1]
            missing = [operand for operand in operands(table, node) if operand not in order]
            if node in order:
                stack.pop()
            elif missing:
                stack += reversed(missing)
            else:
                order[stack.pop()] = len(order)
    return order
