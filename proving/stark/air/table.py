"""Tables: columns, constraints and bus interactions, written as Python expressions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proving.stark.air.bus import Bus, Interaction
from proving.stark.air.errors import AirError
from proving.stark.air.expr import Column, Expr, Operand
from proving.stark.air.graph import Graph, Op, P

MAX_PERIOD = 64
MIN_LOG_HEIGHT = 6
MAX_LOG_HEIGHT = 24

U64 = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Constraint:
    """An expression that is zero on every row."""

    name: str
    expr: Expr


@dataclass(frozen=True)
class DeclaredCell:
    """What is said of a main column's cells on the rows where `when` is nonzero; read by the fuzzer only."""

    column: int
    when: Expr
    reason: str


class Table(ABC):
    """One table of a circuit. A subclass sets `name` and describes itself in `build`."""

    name: str

    @abstractmethod
    def build(self, t: TableBuilder) -> None:
        """Declare columns, constraints and bus interactions on `t`."""


class TableBuilder:
    """Collects one table's description.

    Attributes
    ----------
    main_names : names of the main columns in order
    preprocessed_names, preprocessed_values : names and (rows,) uint64 values of the preprocessed columns
    periodic_names, periodic_values : names and one period of values of the periodic columns
    constraints, interactions, free_cells, chosen_cells : in the order of declaration
    booleans : nodes that a constraint makes 0 or 1
    exclusive_sets : sets of such nodes of which at most one is 1
    guarded_booleans : product of a condition and an expression that is 0 or 1 where it is 1, to the condition
    """

    def __init__(self, name: str, publics: int = 0) -> None:
        self.name = name
        self.graph = Graph()
        self.main_names: list[str] = []
        self.preprocessed_names: list[str] = []
        self.preprocessed_values: list[U64] = []
        self.periodic_names: list[str] = []
        self.periodic_values: list[tuple[int, ...]] = []
        self.constraints: list[Constraint] = []
        self.interactions: list[Interaction] = []
        self.free_cells: list[DeclaredCell] = []
        self.chosen_cells: list[DeclaredCell] = []
        self._publics = publics
        self._names: set[str] = set()
        self._constraint_names: set[str] = set()
        self._interaction_names: set[str] = set()
        self.booleans: set[int] = set()
        self.exclusive_sets: list[frozenset[int]] = []
        self.guarded_booleans: dict[int, int] = {}

    # Columns

    def main(self, name: str) -> Column:
        """A witness column."""
        self._claim(name)
        self.main_names.append(name)
        return Column(self.graph, Op.MAIN, len(self.main_names) - 1, name)

    def main_array(self, name: str, count: int) -> list[Column]:
        """`count` witness columns named `name[0]`, `name[1]`, ..."""
        return [self.main(f"{name}[{i}]") for i in range(count)]

    def preprocessed(self, name: str, values: npt.ArrayLike) -> Column:
        """A column fixed by the key; `values` has the table's height, a power of two."""
        column = np.ascontiguousarray(values, dtype=np.uint64)
        rows = column.shape[0] if column.ndim == 1 else 0
        if rows & (rows - 1) or not 2**MIN_LOG_HEIGHT <= rows <= 2**MAX_LOG_HEIGHT:
            raise AirError(
                f"{self.name}.{name}: a preprocessed column needs 2^6 to 2^24 rows, got shape {column.shape}"
            )
        if self.preprocessed_values and self.preprocessed_values[0].shape[0] != rows:
            raise AirError(f"{self.name}.{name}: preprocessed columns differ in height")
        if bool((column >= np.uint64(P)).any()):
            raise AirError(f"{self.name}.{name}: a preprocessed value is not below the modulus")
        self._claim(name)
        self.preprocessed_names.append(name)
        self.preprocessed_values.append(column)
        return Column(self.graph, Op.PREPROCESSED, len(self.preprocessed_names) - 1, name)

    def periodic(self, name: str, values: Sequence[int]) -> Column:
        """A column that repeats `values` down the table; never committed, evaluated by the verifier itself."""
        period = len(values)
        if period & (period - 1) or not 1 <= period <= MAX_PERIOD:
            raise AirError(f"{self.name}.{name}: a period is a power of two up to {MAX_PERIOD}, got {period}")
        self._claim(name)
        self.periodic_names.append(name)
        self.periodic_values.append(tuple(int(value) % P for value in values))
        return Column(self.graph, Op.PERIODIC, len(self.periodic_names) - 1, name)

    # Leaves that are not columns

    @property
    def first(self) -> Expr:
        """1 on the first row, 0 on the others (degree 1)."""
        return Expr(self.graph, self.graph.leaf(Op.FIRST))

    @property
    def last(self) -> Expr:
        """1 on the last row, 0 on the others (degree 1)."""
        return Expr(self.graph, self.graph.leaf(Op.LAST))

    @property
    def transition(self) -> Expr:
        """0 on the last row, nonzero on the others, never 1: a factor for constraints only (degree 0)."""
        return Expr(self.graph, self.graph.leaf(Op.TRANSITION))

    def public(self, index: int) -> Expr:
        """Public input `index` of the circuit."""
        if not 0 <= index < self._publics:
            raise AirError(f"{self.name}: public input {index} of a circuit with {self._publics}")
        return Expr(self.graph, self.graph.leaf(Op.PUBLIC, index))

    def constant(self, value: int) -> Expr:
        """The constant `value` mod p."""
        return Expr(self.graph, self.graph.constant(value))

    # Constraints

    def zero(self, name: str, expr: Operand) -> None:
        """`expr` is zero on every row."""
        value = self._expr(expr)
        if value.is_constant:
            raise AirError(f"{self.name}.{name}: the constraint does not depend on any column")
        if name in self._constraint_names:
            raise AirError(f"{self.name}.{name}: a constraint of this name exists")
        self._constraint_names.add(name)
        self.constraints.append(Constraint(name, value))

    def equal(self, name: str, left: Operand, right: Operand) -> None:
        """`left` equals `right` on every row."""
        self.zero(name, self._expr(left) - right)

    def boolean(self, expr: Expr, name: str | None = None) -> None:
        """`expr` is 0 or 1 on every row, so it may be a count."""
        if name is None:
            name = f"{expr.name} is boolean" if isinstance(expr, Column) else f"node {expr.node} is boolean"
        self.zero(name, expr * (expr - 1))
        self.booleans.add(expr.node)

    def exclusive(self, flags: Sequence[Expr], name: str) -> Expr:
        """At most one of the `flags` is 1 and the others are 0, so sums of different flags may be counts.

        Returns
        -------
        The sum of all flags, 0 or 1. Flags that are not declared boolean yet become so.
        """
        total = self.constant(0)
        for flag in flags:
            if flag.node not in self.booleans:
                self.boolean(flag)
            total = total + flag
        if total.node not in self.booleans:
            self.boolean(total, name)
        members = frozenset(flag.node for flag in flags)
        if len(members) != len(flags):
            raise AirError(f"{self.name}.{name}: a flag is named twice")
        self.exclusive_sets.append(members)
        return total

    def when(self, condition: Operand) -> Guard:
        """Constraints that hold on the rows where `condition` is nonzero."""
        return Guard(self, self._expr(condition))

    # Buses

    def send(self, bus: Bus, fields: Sequence[Operand], count: Operand = 1, name: str | None = None) -> None:
        """Put the message `fields` on `bus`, `count` times; the circuit checks that `count` is small (see `counts`).

        On a wire bus this writes the wire whose address is the first field, see `wires`.
        """
        self._interact(bus, fields, self._expr(count), name or f"send {bus.label}", sends=True)

    def receive(self, bus: Bus, fields: Sequence[Operand], count: Operand = 1, name: str | None = None) -> None:
        """Take the message `fields` from `bus`, `count` times; the circuit checks that `count` is small.

        On a lookup bus this is the table that is looked up in, and `count` is free.
        """
        self._interact(bus, fields, -self._expr(count), name or f"receive {bus.label}", sends=False)

    # For the fuzzer

    def free(self, column: Column, *, when: Operand, reason: str) -> None:
        """The value of main `column` does not matter on the rows where `when` is nonzero."""
        self.free_cells.append(self._declared(column, when, reason))

    def chosen(self, column: Column, *, when: Operand, reason: str) -> None:
        """The prover chooses main `column` by design where `when` is nonzero, and with it what the row sends."""
        self.chosen_cells.append(self._declared(column, when, reason))

    def _declared(self, column: Column, when: Operand, reason: str) -> DeclaredCell:
        if self.graph.op[column.node] is not Op.MAIN:
            raise AirError(f"{self.name}.{column.name}: only cells of main columns can be free or chosen")
        return DeclaredCell(column.index, self._expr(when), reason)

    def _expr(self, value: Operand) -> Expr:
        if isinstance(value, Expr):
            if value.graph is not self.graph:
                raise AirError(f"{self.name}: an expression of another table was used")
            return value
        return self.constant(int(value.__index__()))

    def _claim(self, name: str) -> None:
        if name in self._names:
            raise AirError(f"{self.name}.{name}: a column of this name exists")
        self._names.add(name)

    def _interact(self, bus: Bus, fields: Sequence[Operand], count: Expr, name: str, *, sends: bool) -> None:
        if len(fields) != bus.arity:
            raise AirError(f"{self.name}: {name} has {len(fields)} fields, {bus.label} takes {bus.arity}")
        message = tuple(self._expr(field) for field in fields)
        if any(self.graph.transitions[expr.node] for expr in (*message, count)):
            raise AirError(f"{self.name}: {name} uses the transition selector, which is not 0 or 1")
        unique, suffix = name, 1
        while unique in self._interaction_names:
            suffix += 1
            unique = f"{name} #{suffix}"
        self._interaction_names.add(unique)
        self.interactions.append(Interaction(unique, bus, message, count, sends))


class Guard:
    """Constraints that hold where a condition is nonzero; made by `TableBuilder.when`."""

    def __init__(self, builder: TableBuilder, condition: Expr) -> None:
        self._builder = builder
        self._condition = condition

    def zero(self, name: str, expr: Operand) -> None:
        """`expr` is zero wherever the condition is nonzero."""
        self._builder.zero(name, self._condition * expr)

    def equal(self, name: str, left: Operand, right: Operand) -> None:
        """`left` equals `right` wherever the condition is nonzero."""
        self._builder.zero(name, self._condition * (self._builder.constant(0) + left - right))

    def boolean(self, expr: Expr, name: str) -> None:
        """`expr` is 0 or 1 wherever the condition is 1; a condition in 0..1 times `expr` may then be a count."""
        self._builder.zero(name, self._condition * (expr * (expr - 1)))
        self._builder.guarded_booleans[(self._condition * expr).node] = self._condition.node

    def when(self, condition: Operand) -> Guard:
        """Both this condition and `condition` are nonzero."""
        return Guard(self._builder, self._condition * condition)
