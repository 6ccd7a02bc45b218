"""The order in which the verifier evaluates a circuit: all tables' graphs, merged and cut into levels.

A level's operations of one kind are a single operation on vectors. So that there are few levels, sums are rebalanced: a
chain of additions and subtractions becomes a tree over its terms, the shallowest terms first.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proving.backend.program import Op, TableProgram
from proving.stark.air.graph import ARITHMETIC

Indices = npt.NDArray[np.intp]
LeafKey = tuple[int, int, int, int]  #: table (-1 for leaves that all tables share), op, a, b

_SHARED_LEAVES = frozenset({Op.CONST, Op.PUBLIC, Op.CHALLENGE})
_LINEAR = frozenset({Op.ADD, Op.SUB, Op.NEG})
_ARITHMETIC_TABLE = -2  #: in the place of a leaf's table, for keys of operations


@dataclass(frozen=True)
class Step:
    """One vector operation; `a` and `b` are slots, `b` is None for a negation."""

    op: Op
    a: Indices
    b: Indices | None


@dataclass(frozen=True)
class Schedule:
    """The merged graph of a circuit's constraints.

    Attributes
    ----------
    leaves : what the first slots hold
    levels : the steps of each level; a level's results, step after step, become the next slots
    roots : (constraints,) the slots of the constraints, in the circuit's numbering
    """

    leaves: tuple[LeafKey, ...]
    levels: tuple[tuple[Step, ...], ...]
    roots: Indices


def build_schedule(programs: Sequence[TableProgram]) -> Schedule:
    """Merge the tables' graphs and order them by level."""
    merged = _Merged()
    roots: list[int] = []
    for table, program in enumerate(programs):
        roots += merged.add_table(table, program)
    return merged.schedule(roots)


class _Merged:
    """Nodes of all tables, each once, with their levels."""

    def __init__(self) -> None:
        self._index: dict[LeafKey, int] = {}
        self._keys: list[LeafKey] = []
        self._level: list[int] = []

    def add_table(self, table: int, program: TableProgram) -> list[int]:
        """Add a table's nodes; returns the nodes of its constraints."""
        nodes = program.nodes
        order = reachable(program)
        absorbed = _absorbed(program, order)
        here: dict[int, int] = {}
        for node in order:
            op, a, b = Op(int(nodes.op[node])), int(nodes.a[node]), int(nodes.b[node])
            if node in absorbed:
                continue
            if op in _LINEAR:
                here[node] = self._sum(_terms(program, node, absorbed), here)
            elif op is Op.MUL:
                here[node] = self._operation(op, here[a], here[b])
            else:
                here[node] = self._node((-1 if op in _SHARED_LEAVES else table, int(op), a, b), 0)
        return [here[int(root)] for root in program.roots]

    def schedule(self, roots: Sequence[int]) -> Schedule:
        """Number the slots: leaves first, then level by level, kind by kind."""
        groups: dict[int, dict[int, list[int]]] = {}
        for node, (level, key) in enumerate(zip(self._level, self._keys, strict=True)):
            groups.setdefault(level, {}).setdefault(key[1] if level else 0, []).append(node)
        slot: dict[int, int] = {}
        levels: list[tuple[Step, ...]] = []
        leaves = groups.pop(0)[0]
        for node in leaves:
            slot[node] = len(slot)
        for level in sorted(groups):
            steps = []
            for kind in sorted(groups[level]):
                members = groups[level][kind]
                left = np.array([slot[self._keys[node][2]] for node in members], dtype=np.intp)
                right = np.array([slot[self._keys[node][3]] for node in members], dtype=np.intp)
                steps.append(Step(Op(kind), left, None if kind == Op.NEG else right))
            for kind in sorted(groups[level]):
                for node in groups[level][kind]:
                    slot[node] = len(slot)
            levels.append(tuple(steps))
        return Schedule(
            leaves=tuple(self._keys[node] for node in leaves),
            levels=tuple(levels),
            roots=np.array([slot[root] for root in roots], dtype=np.intp),
        )

    def _node(self, key: LeafKey, level: int) -> int:
        found = self._index.get(key)
        if found is None:
            found = self._index[key] = len(self._keys)
            self._keys.append(key)
            self._level.append(level)
        return found

    def _operation(self, op: Op, a: int, b: int) -> int:
        if op is not Op.SUB:
            a, b = min(a, b), max(a, b)
        return self._node((_ARITHMETIC_TABLE, int(op), a, b), 1 + max(self._level[a], self._level[b]))

    def _sum(self, terms: tuple[list[int], list[int]], here: dict[int, int]) -> int:
        """Balanced: both signs are added up apart, shallow terms first, and then subtracted."""
        totals: list[int | None] = []
        for sign in terms:
            heap = [(self._level[here[node]], here[node]) for node in sign]
            heapq.heapify(heap)
            while len(heap) > 1:
                node = self._operation(Op.ADD, heapq.heappop(heap)[1], heapq.heappop(heap)[1])
                heapq.heappush(heap, (self._level[node], node))
            totals.append(heap[0][1] if heap else None)
        plus, minus = totals
        if minus is None:
            assert plus is not None
            return plus
        if plus is None:
            return self._operation(Op.NEG, minus, minus)
        return self._operation(Op.SUB, plus, minus)


def reachable(program: TableProgram) -> list[int]:
    """Nodes that the constraints depend on, in index order."""
    nodes = program.nodes
    seen: npt.NDArray[np.bool_] = np.zeros(nodes.op.shape[0], dtype=np.bool_)
    seen[program.roots] = True
    for node in range(seen.shape[0] - 1, -1, -1):
        if seen[node]:
            seen[list(operands(program, node))] = True
    return [int(node) for node in np.flatnonzero(seen)]


def operands(program: TableProgram, node: int) -> tuple[int, ...]:
    """The nodes that `node` reads; empty for a leaf."""
    nodes = program.nodes
    op = int(nodes.op[node])
    if op not in ARITHMETIC:
        return ()
    return (int(nodes.a[node]),) if op == Op.NEG else (int(nodes.a[node]), int(nodes.b[node]))


def _absorbed(program: TableProgram, order: Sequence[int]) -> set[int]:
    """Sums that are read once, by another sum, and can be merged into it."""
    ops = program.nodes.op
    readers: dict[int, list[int]] = {int(root): [-1] for root in program.roots}
    for node in order:
        for operand in operands(program, node):
            readers.setdefault(operand, []).append(node)
    return {
        node
        for node in order
        if int(ops[node]) in _LINEAR
        and len(readers[node]) == 1
        and readers[node][0] >= 0
        and int(ops[readers[node][0]]) in _LINEAR
    }


def _terms(program: TableProgram, head: int, absorbed: set[int]) -> tuple[list[int], list[int]]:
    """The terms that a sum adds and those that it subtracts."""
    signs: tuple[list[int], list[int]] = ([], [])
    stack = [(head, 0)]
    while stack:
        node, sign = stack.pop()
        if node != head and node not in absorbed:
            signs[sign].append(node)
            continue
        op = int(program.nodes.op[node])
        read = operands(program, node)
        if op == Op.NEG:
            stack.append((read[0], 1 - sign))
        else:
            stack.append((read[0], sign))
            stack.append((read[1], 1 - sign if op == Op.SUB else sign))
    return signs
