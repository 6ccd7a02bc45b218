"""The expression graph: hash-consed arithmetic over a table's columns.

One node is one row of three parallel lists (`op`, `a`, `b`); equal nodes are created once, so a shared subexpression
is shared by construction and every consumer (row engine, bytecode, CUDA generator, verifier) sees the same walkable
arrays. A node's operands always come before it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable

import numpy as np

from proving.backend.interface import PRIME as P
from proving.backend.program import Nodes, Op

__all__ = ["ARITHMETIC", "Graph", "Nodes", "Op", "P"]

ARITHMETIC = frozenset({Op.ADD, Op.SUB, Op.MUL, Op.NEG})
_EXTENSION_LEAVES = frozenset({Op.CHALLENGE, Op.BUS, Op.BUS_SHARE})
_UNIFORM_LEAVES = frozenset({Op.CONST, Op.PUBLIC, Op.CHALLENGE, Op.BUS_SHARE})


class Graph:
    """A growing, hash-consed expression graph.

    Degrees are multiples of the table's height: a column, FIRST and LAST count 1; constants count 0. TRANSITION counts
    0, because it raises the degree of a polynomial by one and not by n; it is counted apart in `transitions`, and a
    constraint may have at most `max_degree - 1` such factors (see `Circuit`).
    """

    def __init__(self) -> None:
        self.op: list[Op] = []
        self.a: list[int] = []
        self.b: list[int] = []
        self.degree: list[int] = []
        self.transitions: list[int] = []
        self.extension: list[bool] = []
        self.uniform: list[bool] = []
        self._index: dict[tuple[Op, int, int], int] = {}

    def __len__(self) -> int:
        return len(self.op)

    def constant(self, value: int) -> int:
        """Index of the constant `value` mod p."""
        return self._node(Op.CONST, value % P, 0)

    def leaf(self, op: Op, a: int = 0, b: int = 0) -> int:
        """Index of a leaf node (column, selector, public input, challenge)."""
        return self._node(op, a, b)

    def add(self, a: int, b: int) -> int:
        """Index of a + b."""
        if self._both_constant(a, b):
            return self.constant(self.a[a] + self.a[b])
        if self._is_constant(a, 0):
            return b
        if self._is_constant(b, 0):
            return a
        return self._node(Op.ADD, min(a, b), max(a, b))

    def sub(self, a: int, b: int) -> int:
        """Index of a - b."""
        if self._both_constant(a, b):
            return self.constant(self.a[a] - self.a[b])
        if self._is_constant(b, 0):
            return a
        if self._is_constant(a, 0):
            return self.neg(b)
        if a == b:
            return self.constant(0)
        return self._node(Op.SUB, a, b)

    def mul(self, a: int, b: int) -> int:
        """Index of a * b."""
        if self._both_constant(a, b):
            return self.constant(self.a[a] * self.a[b])
        for x, y in ((a, b), (b, a)):
            if self._is_constant(x, 0):
                return x
            if self._is_constant(x, 1):
                return y
            if self._is_constant(x, P - 1):
                return self.neg(y)
        return self._node(Op.MUL, min(a, b), max(a, b))

    def neg(self, a: int) -> int:
        """Index of -a."""
        if self.op[a] is Op.CONST:
            return self.constant(-self.a[a])
        if self.op[a] is Op.NEG:
            return self.a[a]
        return self._node(Op.NEG, a, 0)

    def operands(self, node: int) -> tuple[int, ...]:
        """The nodes that `node` reads; empty for a leaf."""
        op = self.op[node]
        if op is Op.NEG:
            return (self.a[node],)
        return (self.a[node], self.b[node]) if op in ARITHMETIC else ()

    def reachable(self, roots: Iterable[int]) -> list[int]:
        """All nodes that `roots` depend on, themselves included, in index (hence topological) order."""
        seen: set[int] = set()
        stack = list(roots)
        while stack:
            node = stack.pop()
            if node not in seen:
                seen.add(node)
                stack.extend(self.operands(node))
        return sorted(seen)

    def nodes(self) -> Nodes:
        """The graph as plain arrays."""
        return Nodes(
            op=np.array([int(op) for op in self.op], dtype=np.uint8),
            a=np.array(self.a, dtype=np.uint64),
            b=np.array(self.b, dtype=np.uint64),
            extension=np.array(self.extension, dtype=np.bool_),
            uniform=np.array(self.uniform, dtype=np.bool_),
        )

    def import_nodes(self, other: Graph, nodes: Iterable[int]) -> dict[int, int]:
        """Copy `nodes` of another graph (closed under operands, in order) and return their new indices."""
        renamed: dict[int, int] = {}
        for node in nodes:
            op, a, b = other.op[node], other.a[node], other.b[node]
            if op is Op.NEG:
                renamed[node] = self.neg(renamed[a])
            elif op is Op.ADD:
                renamed[node] = self.add(renamed[a], renamed[b])
            elif op is Op.SUB:
                renamed[node] = self.sub(renamed[a], renamed[b])
            elif op is Op.MUL:
                renamed[node] = self.mul(renamed[a], renamed[b])
            else:
                renamed[node] = self._node(op, a, b)
        return renamed

    def _is_constant(self, node: int, value: int) -> bool:
        return self.op[node] is Op.CONST and self.a[node] == value

    def _both_constant(self, a: int, b: int) -> bool:
        return self.op[a] is Op.CONST and self.op[b] is Op.CONST

    def _node(self, op: Op, a: int, b: int) -> int:
        key = (op, a, b)
        found = self._index.get(key)
        if found is not None:
            return found
        index = len(self.op)
        if op in ARITHMETIC:
            left, right = a, (a if op is Op.NEG else b)
            combine: Callable[[int, int], int] = operator.add if op is Op.MUL else max
            degree = combine(self.degree[left], self.degree[right])
            transitions = combine(self.transitions[left], self.transitions[right])
            extension = self.extension[left] or self.extension[right]
            uniform = self.uniform[left] and self.uniform[right]
        else:
            uniform = op in _UNIFORM_LEAVES
            degree = 0 if uniform or op is Op.TRANSITION else 1
            transitions = int(op is Op.TRANSITION)
            extension = op in _EXTENSION_LEAVES
        self.op.append(op)
        self.a.append(a)
        self.b.append(b)
        self.degree.append(degree)
        self.transitions.append(transitions)
        self.extension.append(extension)
        self.uniform.append(uniform)
        self._index[key] = index
        return index
