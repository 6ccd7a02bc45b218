"""The compiled circuit of `main_vm` is the declared one: every rule, at random points, from both graphs.

The declared side is computed here from the declaration alone: constraints as they stand, buses from the definition in
`proving.stark.air.bus`. The compiled side is what prover and verifier evaluate.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from math import prod

from proving.machine.main_vm.circuit import circuit
from proving.stark.air.compile import compile_circuit
from proving.stark.air.graph import ARITHMETIC, Op, P
from proving.stark.air.table import TableBuilder

Leaf = Callable[[int, int, int], int]


def values(operations: Sequence[int], a: Sequence[int], b: Sequence[int], leaf: Leaf) -> list[int]:
    """The values of all nodes of a graph, in the base field."""
    found: list[int] = []
    for op, first, second in zip(operations, a, b, strict=True):
        kind, i, j = Op(op), int(first), int(second)
        if kind not in ARITHMETIC:
            found.append(i % P if kind is Op.CONST else leaf(int(kind), i, j))
        elif kind is Op.NEG:
            found.append(-found[i] % P)
        elif kind is Op.ADD:
            found.append((found[i] + found[j]) % P)
        elif kind is Op.SUB:
            found.append((found[i] - found[j]) % P)
        else:
            found.append(found[i] * found[j] % P)
    return found


def point(seed: str) -> Leaf:
    """Random values of leaves, the same for the same leaf; the powers of the second bus challenge are powers."""
    known: dict[tuple[int, int, int], int] = {}
    source = random.Random(seed)
    beta = source.randrange(1, P)

    def leaf(op: int, a: int, b: int) -> int:
        if op == Op.CHALLENGE and a > 0:
            return pow(beta, a, P)
        return known.setdefault((op, a, b), source.randrange(P))

    return leaf


def fraction(table: TableBuilder, index: int, declared: Sequence[int], leaf: Leaf) -> tuple[int, int]:
    """Count and denominator of an interaction."""
    interaction = table.interactions[index]
    denominator = leaf(Op.CHALLENGE, 0, 0) - (interaction.bus.id + 1)
    for power, field in enumerate(interaction.fields, 1):
        denominator -= leaf(Op.CHALLENGE, power, 0) * declared[field.node]
    return declared[interaction.count.node], denominator % P


def test_every_rule_is_compiled_as_declared() -> None:
    built = circuit()
    offset = 0
    for table, program in zip(built, compile_circuit(built).tables, strict=True):
        assert program.constraint_offset == offset
        offset += program.constraint_count
        for seed in range(3):
            leaf = point(f"{table.name} {seed}")
            graph, nodes = table.graph, program.nodes
            declared = values([int(op) for op in graph.op], graph.a, graph.b, leaf)
            compiled = values(nodes.op.tolist(), nodes.a.tolist(), nodes.b.tolist(), leaf)
            roots = [compiled[int(root)] for root in program.roots]
            own = len(table.constraints)
            assert roots[:own] == [declared[constraint.expr.node] for constraint in table.constraints]

            fractions = [fraction(table, i, declared, leaf) for i in range(len(table.interactions))]
            helpers = [leaf(Op.BUS, column, 0) for column in range(program.bus_columns)]
            batches = [tuple(compiled[int(node)] for node in pair) for pair in program.fractions]
            assert len(roots) == own + len(batches)
            for column, (numerator, denominator) in enumerate(batches):
                value = helpers[column]
                if column == len(batches) - 1:
                    value = leaf(Op.BUS, column, 1) - value + leaf(Op.BUS_SHARE, 0, 0) - sum(helpers[:column])
                assert roots[own + column] == (value * denominator - numerator) % P
            assert prod(d for _, d in batches) % P == prod(d for _, d in fractions) % P
            assert _total(batches) == _total(fractions)
    assert offset == compile_circuit(built).constraint_count


def _total(fractions: Sequence[tuple[int, ...]]) -> int:
    return sum(count * pow(denominator, -1, P) for count, denominator in fractions) % P
