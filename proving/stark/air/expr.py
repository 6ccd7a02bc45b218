"""Expressions: handles on graph nodes with Python's arithmetic operators."""

from __future__ import annotations

from typing import NoReturn, SupportsIndex, Union

from proving.stark.air.errors import AirError
from proving.stark.air.graph import Graph, Op

Operand = Union["Expr", SupportsIndex]


class Expr:
    """A value on every row of one table.

    Supports `+`, `-`, `*` with expressions of the same table and with integers (taken mod p). It has no truth value and
    no order: constraints are stated with `TableBuilder.zero`.
    """

    __slots__ = ("graph", "node")

    def __init__(self, graph: Graph, node: int) -> None:
        self.graph = graph
        self.node = node

    @property
    def degree(self) -> int:
        """Degree in multiples of the table's height."""
        return self.graph.degree[self.node]

    @property
    def is_constant(self) -> bool:
        """True for an integer constant."""
        return self.graph.op[self.node] is Op.CONST

    def lift(self, other: Operand) -> int:
        """Node of `other` in this expression's graph; an integer becomes a constant."""
        if isinstance(other, Expr):
            if other.graph is not self.graph:
                raise AirError("an expression of another table was used")
            return other.node
        return self.graph.constant(int(other.__index__()))

    def __add__(self, other: Operand) -> Expr:
        return Expr(self.graph, self.graph.add(self.node, self.lift(other)))

    def __sub__(self, other: Operand) -> Expr:
        return Expr(self.graph, self.graph.sub(self.node, self.lift(other)))

    def __mul__(self, other: Operand) -> Expr:
        return Expr(self.graph, self.graph.mul(self.node, self.lift(other)))

    def __rsub__(self, other: Operand) -> Expr:
        return Expr(self.graph, self.graph.sub(self.lift(other), self.node))

    def __neg__(self) -> Expr:
        return Expr(self.graph, self.graph.neg(self.node))

    __radd__ = __add__
    __rmul__ = __mul__

    def __bool__(self) -> NoReturn:
        raise AirError("an expression has no truth value; state a constraint instead")

    def __repr__(self) -> str:
        return f"{type(self).__name__}(node={self.node}, degree={self.degree})"


class Column(Expr):
    """A column of the table: an expression with a name, and for main columns a value on the next row."""

    __slots__ = ("index", "name")

    def __init__(self, graph: Graph, op: Op, index: int, name: str) -> None:
        super().__init__(graph, graph.leaf(op, index, 0))
        self.index = index
        self.name = name

    @property
    def next(self) -> Expr:
        """The column's value on the next row; after the last row comes the first. Main columns only."""
        if self.graph.op[self.node] is not Op.MAIN:
            raise AirError(f"column {self.name!r} is not a main column, so it has no next row")
        return Expr(self.graph, self.graph.leaf(Op.MAIN, self.index, 1))

    def __repr__(self) -> str:
        return f"Column({self.name!r})"
