"""One row at a time, fast: a table's rules as a generated Python function on integers.

The row engine evaluates whole columns; the fuzzer wants the opposite, thousands of single rows that differ in a cell or
two. For that every table becomes one straight-line function, generated from the same graph, and so does every value of
it that changed cells are read by: of a wide table a cell reaches few.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
import numpy.typing as npt

from proving.field.goldilocks import root_of_unity
from proving.stark.air.graph import Graph, Op, P
from proving.stark.air.rows import U64
from proving.stark.air.table import TableBuilder

Cell = tuple[int, int]  #: row and main column
Edits = Mapping[Cell, int]
Row = Sequence[int]
Function = Callable[[Row, Row, Row, Row, tuple[int, int, int], Row], tuple[int, ...]]


@dataclass(frozen=True)
class RowValues:
    """What the rules say on one row.

    Attributes
    ----------
    constraints : value of every constraint
    messages : (count, fields) of every interaction
    free, chosen : value of the condition of every declaration of free and of chosen cells
    """

    constraints: tuple[int, ...]
    messages: tuple[tuple[int, tuple[int, ...]], ...]
    free: tuple[int, ...]
    chosen: tuple[int, ...]


class RowFunction:
    """A table with its trace, evaluated row by row with edits laid over the trace.

    Parameters
    ----------
    table, trace, publics : the table, its (main columns, rows) uint64 trace, the circuit's public inputs
    """

    def __init__(self, table: TableBuilder, trace: U64, publics: Sequence[int]) -> None:
        self.table = table
        self.height = int(trace.shape[1])
        self._rows = trace.T.tolist()
        self._preprocessed = list(zip(*(values.tolist() for values in table.preprocessed_values), strict=True))
        self._publics = [int(value) for value in publics]
        self._root = root_of_unity(self.height.bit_length() - 1)
        self._inverse_root = pow(self._root, P - 2, P)
        self._cache: dict[int, tuple[tuple[int, ...], RowValues]] = {}
        self._roots = roots = [constraint.expr.node for constraint in table.constraints]
        for interaction in table.interactions:
            roots += [interaction.count.node, *(field.node for field in interaction.fields)]
        roots += [cell.when.node for cell in (*table.free_cells, *table.chosen_cells)]
        self._function = _generate(table.graph, roots)
        self._single: dict[int, Function] = {}
        self._nodes, self._readers = _readers(table.graph, roots)
        self._total = len(table.graph.reachable(roots))
        self.uses_next = any(following for _, following in self._readers)

    def cell(self, cell: Cell) -> int:
        """The trace's value of a cell."""
        return int(self._rows[cell[0]][cell[1]])

    def original(self, row: int) -> RowValues:
        """Values on a row of the trace as it is."""
        return self._unchanged(row)[1]

    def affected(self, edits: Edits) -> list[int]:
        """Rows whose rules read an edited cell."""
        rows = {row for row, _ in edits}
        if self.uses_next:
            rows |= {(row - 1) % self.height for row in rows}
        return sorted(rows)

    def evaluate(self, row: int, edits: Edits, publics: Sequence[int] | None = None) -> RowValues:
        """Values on a row of the trace with some cells changed."""
        if publics is not None:
            return self._described(self._function(*self._inputs(row, edits, publics)))
        touched: set[int] = set()
        for where, column in edits:
            if where == row:
                touched.update(self._readers.get((column, 0), ()))
            if where == (row + 1) % self.height:
                touched.update(self._readers.get((column, 1), ()))
        if not touched:
            return self.original(row)
        inputs = self._inputs(row, edits, self._publics)
        if sum(self._nodes[i] for i in touched) >= self._total:
            return self._described(self._function(*inputs))
        values = list(self._unchanged(row)[0])
        for i in touched:
            if i not in self._single:
                self._single[i] = _generate(self.table.graph, [self._roots[i]])
            [values[i]] = self._single[i](*inputs)
        return self._described(tuple(values))

    def _unchanged(self, row: int) -> tuple[tuple[int, ...], RowValues]:
        found = self._cache.get(row)
        if found is None:
            values = self._function(*self._inputs(row, {}, self._publics))
            found = self._cache[row] = values, self._described(values)
        return found

    def _inputs(self, row: int, edits: Edits, publics: Row) -> tuple[Row, Row, Row, Row, tuple[int, int, int], Row]:
        selectors = (
            int(row == 0),
            int(row == self.height - 1),
            (pow(self._root, row, P) - self._inverse_root) % P,
        )
        return (
            self._overlay(row, edits),
            self._overlay((row + 1) % self.height, edits),
            self._preprocessed[row] if self._preprocessed else (),
            [values[row % len(values)] for values in self.table.periodic_values],
            selectors,
            publics,
        )

    def _described(self, values: tuple[int, ...]) -> RowValues:
        constraints = len(self.table.constraints)
        position = constraints
        messages = []
        for interaction in self.table.interactions:
            arity = interaction.bus.arity
            messages.append((values[position], values[position + 1 : position + 1 + arity]))
            position += 1 + arity
        behind = position + len(self.table.free_cells)
        return RowValues(values[:constraints], tuple(messages), values[position:behind], values[behind:])

    def is_declared(self, how: Literal["free", "chosen"], cell: Cell) -> bool:
        """True where the table declares that the cell is free, or chosen by the prover."""
        cells = self.table.free_cells if how == "free" else self.table.chosen_cells
        if all(declared.column != cell[1] for declared in cells):
            return False
        found = self.original(cell[0])
        active = found.free if how == "free" else found.chosen
        return any(declared.column == cell[1] and when for declared, when in zip(cells, active, strict=True))

    def _overlay(self, row: int, edits: Edits) -> Row:
        cells: list[int] = self._rows[row]
        changed = [(column, value) for (where, column), value in edits.items() if where == row]
        if changed:
            cells = list(cells)
            for column, value in changed:
                cells[column] = value
        return cells


def support(graph: Graph, nodes: Sequence[int]) -> set[tuple[int, int]]:
    """Main columns that `nodes` read, as (column, 0 for the current row or 1 for the next)."""
    return {(graph.a[node], graph.b[node]) for node in graph.reachable(nodes) if graph.op[node] is Op.MAIN}


def affine_support(graph: Graph, nodes: Sequence[int]) -> dict[int, list[tuple[int, int]]]:
    """For each of `nodes` the cells that it reads and is at most affine in, as in `support`, ascending."""
    order = graph.reachable(nodes)
    leaves = sorted({(graph.a[node], graph.b[node]) for node in order if graph.op[node] is Op.MAIN})
    position = {leaf: i for i, leaf in enumerate(leaves)}
    degrees: dict[int, npt.NDArray[np.int64]] = {}
    for node in order:
        operands = [degrees[operand] for operand in graph.operands(node)]
        if graph.op[node] is Op.MUL:
            degrees[node] = operands[0] + operands[1]
        elif operands:
            degrees[node] = np.maximum(operands[0], operands[-1])
        else:
            degrees[node] = np.zeros(len(leaves), dtype=np.int64)
            if graph.op[node] is Op.MAIN:
                degrees[node][position[graph.a[node], graph.b[node]]] = 1
    return {node: [leaves[i] for i in np.flatnonzero(degrees[node] == 1)] for node in nodes}


def _readers(graph: Graph, roots: Sequence[int]) -> tuple[list[int], dict[tuple[int, int], list[int]]]:
    """Return how many nodes each root is computed from, and which roots read each cell, as in `support`."""
    counts: list[int] = []
    found: dict[tuple[int, int], list[int]] = {}
    for i, root in enumerate(roots):
        nodes = graph.reachable([root])
        counts.append(len(nodes))
        for cell in {(graph.a[node], graph.b[node]) for node in nodes if graph.op[node] is Op.MAIN}:
            found.setdefault(cell, []).append(i)
    return counts, found


def _generate(graph: Graph, roots: Sequence[int]) -> Function:
    """Compile a function of (current, following, preprocessed, periodic, selectors, publics) to the roots' values."""
    lines = []
    for node in graph.reachable(roots):
        op, a, b = graph.op[node], graph.a[node], graph.b[node]
        text = {
            Op.CONST: f"{a}",
            Op.MAIN: f"{'following' if b else 'current'}[{a}]",
            Op.PREPROCESSED: f"preprocessed[{a}]",
            Op.PERIODIC: f"periodic[{a}]",
            Op.FIRST: "selectors[0]",
            Op.LAST: "selectors[1]",
            Op.TRANSITION: "selectors[2]",
            Op.PUBLIC: f"publics[{a}]",
            Op.ADD: f"v{a} + v{b}",
            Op.SUB: f"v{a} - v{b}",
            Op.MUL: f"v{a} * v{b} % {P}",
            Op.NEG: f"-v{a}",
        }[op]
        lines.append(f"    v{node} = {text}")
    results = "".join(f"v{root} % {P}, " for root in roots)
    source = "\n".join(
        [
            "def rules(current, following, preprocessed, periodic, selectors, publics):",
            *lines,
            f"    return ({results})",
        ]
    )
    namespace: dict[str, object] = {}
    code = compile(source, "<rules>", "exec")
    # Written just above, of numbers alone.
    exec(code, namespace)  # nosec B102
    return cast(Function, namespace["rules"])
