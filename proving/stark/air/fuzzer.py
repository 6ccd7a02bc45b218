"""The constraint fuzzer: changes witness cells and reports every change that nothing notices.

Two adversaries
---------------
*Fixed buses.* A mutation is judged against everything: constraints, lookups, and every bus of the rest of the trace.
One that survives is a *survivor*: the witness is not determined, which is either a missing constraint or a cell that
does not matter or is an input of the prover's choice. Those are declared with `TableBuilder.free`; other cells that
change with a free one, and could not change without it, are excused.

*Open buses.* A change of a message on a permutation bus, of a lookup in a table that is itself witness, or of what such
a table offers, is not held against the mutation, because an adversary would change the other side too. What is left are
the rules that hold locally: the constraints, and lookups in fixed tables of messages that those do not contain. A rule
that is the *only* one to notice some mutation here is load-bearing: without it the fuzzer would accept that mutation.
So is a lookup in a witness table when a mutation that breaks nothing locally asks it for a message that nobody offers.
`removal` turns this into a score. A third adversary, who may change what a row sends and nothing of what it receives,
has a module of its own, `freed`.

Mutations that break several rules are *repaired*: a violated constraint, or lookup, that is affine in another cell is
solved for that cell, many times over, as an adversary would who adjusts the rest of the row.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from proving.stark.air.circuit import Circuit, Traces
from proving.stark.air.graph import P
from proving.stark.air.row_function import Cell, Edits, RowFunction, RowValues, affine_support, support
from proving.stark.air.rows import U64, evaluate_rows, whole_table

RuleKind = Literal["constraint", "interaction"]
Message = tuple[int, ...]

_ROWS_LOOKED_AT = 4096  #: of a table, to choose the rows that are mutated

_CELLS_SOLVED_FOR = 8  #: of a violated rule, when few rules are violated
_FEW = 6
_REPAIRS = 12  #: of one mutation; whatever needs more is a forgery's business

STEPS = (1, 2, 255, 256, 2**16, 2**24, 2**32)  #: differences that limb and carry decompositions are sensitive to


@dataclass(frozen=True, order=True)
class Rule:
    """A constraint or a bus interaction of a table."""

    table: str
    kind: RuleKind
    name: str

    def __str__(self) -> str:
        return f"{self.table}.{self.name} ({self.kind})"


PUBLICS = "public inputs"  #: the table of a `Mutation` that edits public inputs, as row 0


@dataclass(frozen=True)
class Mutation:
    """New values for some cells of one table, or for some public inputs."""

    table: str
    edits: tuple[tuple[Cell, int], ...]

    def __str__(self) -> str:
        return f"{self.table}: " + ", ".join(f"[column {c}, row {r}] = {v}" for (r, c), v in self.edits)


@dataclass(frozen=True)
class Outcome:
    """The rules that notice a mutation.

    Attributes
    ----------
    local : with open buses
    bus : those that only notice it with fixed buses
    unbacked : those of `bus` that ask a witness table for a message that it does not contain
    """

    local: frozenset[Rule]
    bus: frozenset[Rule]
    unbacked: frozenset[Rule]

    @property
    def survives(self) -> bool:
        """True when nothing notices."""
        return not self.local and not self.bus


@dataclass
class FuzzReport:
    """What a run found.

    Attributes
    ----------
    trials : mutations tried, repaired ones included
    survivors : mutations that nothing notices, outside cells declared free
    witnesses : rule to a mutation that it alone notices
    """

    trials: int = 0
    survivors: list[Mutation] = field(default_factory=list)
    witnesses: dict[Rule, Mutation] = field(default_factory=dict)


class Fuzzer:
    """Fuzzes one circuit around satisfying traces.

    Parameters
    ----------
    circuit, traces, publics : satisfying ones, see `engine.check`
    seed : of the random choices; equal seeds give equal runs
    rows_per_table : rows that are mutated, chosen so that they differ in their boolean columns
    """

    def __init__(
        self,
        circuit: Circuit,
        traces: Traces,
        publics: Sequence[int] | U64 = (),
        *,
        seed: int = 0,
        rows_per_table: int = 12,
    ) -> None:
        circuit.check_shapes(traces, publics)
        self.circuit = circuit
        self._random = random.Random(seed)
        self._traces = traces
        self._publics = [int(value) for value in publics]
        self._rows_per_table = rows_per_table
        self.functions = {table.name: RowFunction(table, traces[table.name], self._publics) for table in circuit}
        self._rules = {
            table.name: (
                [Rule(table.name, "constraint", constraint.name) for constraint in table.constraints],
                [Rule(table.name, "interaction", interaction.name) for interaction in table.interactions],
            )
            for table in circuit
        }
        self._supports = {
            table.name: [sorted(support(table.graph, [constraint.expr.node])) for constraint in table.constraints]
            for table in circuit
        }
        self._affine = {
            table.name: affine_support(
                table.graph,
                [
                    *(constraint.expr.node for constraint in table.constraints),
                    *(expr.node for interaction in table.interactions for expr in interaction.fields),
                ],
            )
            for table in circuit
        }
        self._offers: dict[int, set[Message]] = {}
        self._fixed_buses = {bus.id for bus in circuit.buses if bus.kind == "lookup" and self._is_fixed(bus.id)}
        self.chosen_rows = {table.name: self._choose_rows(table.name) for table in circuit}

    @property
    def rules(self) -> list[Rule]:
        """Every constraint and interaction of the circuit."""
        return [rule for pair in self._rules.values() for rules in pair for rule in rules]

    def judge(self, mutation: Mutation) -> Outcome:
        """Which rules notice the mutation."""
        if mutation.table == PUBLICS:
            return self._judge_publics(mutation)
        function = self.functions[mutation.table]
        edits = dict(mutation.edits)
        values = {row: function.evaluate(row, edits) for row in function.affected(edits)}
        return self._outcome(mutation.table, values)

    def _judge_publics(self, mutation: Mutation) -> Outcome:
        """Only the chosen rows are judged; the first and the last are always among them."""
        publics = list(self._publics)
        for (_, index), value in mutation.edits:
            publics[index] = value
        outcomes = [
            self._outcome(name, {row: function.evaluate(row, {}, publics) for row in self.chosen_rows[name]})
            for name, function in self.functions.items()
        ]
        return Outcome(
            frozenset().union(*(outcome.local for outcome in outcomes)),
            frozenset().union(*(outcome.bus for outcome in outcomes)),
            frozenset().union(*(outcome.unbacked for outcome in outcomes)),
        )

    def run(self, *, values_per_cell: int = 8, pairs_per_row: int = 16, repairs_per_row: int = 8) -> FuzzReport:
        """Mutate public inputs, single cells, pairs of cells and repaired cells of the chosen rows of every table."""
        report = FuzzReport()
        for index, value in enumerate(self._publics):
            self._try(report, Mutation(PUBLICS, (((0, index), (value + 1) % P),)))
        for name in self.functions:
            columns = len(self.circuit.table(name).main_names)
            if not columns:
                continue
            for row in self.chosen_rows[name]:
                for column in range(columns):
                    for value in self.new_values(name, (row, column), values_per_cell):
                        self._try(report, Mutation(name, (((row, column), value),)))
                for mutation in self._combined(name, row, columns, pairs_per_row):
                    self._try(report, mutation)
                for _ in range(repairs_per_row):
                    cell = (row, self._random.randrange(columns))
                    self._repair(report, name, {cell: self._random.choice(self.new_values(name, cell, 4))}, None)
        return report

    def seek(self, rule: Rule, report: FuzzReport, attempts: int) -> bool:
        """Look for a mutation that `rule` alone notices locally; True and recorded in the report when found."""
        constraints, interactions = self._rules[rule.table]
        table = self.circuit.table(rule.table)
        if rule.kind == "constraint":
            cells = self._supports[rule.table][constraints.index(rule)]
        else:
            interaction = table.interactions[interactions.index(rule)]
            nodes = [interaction.count.node, *(expr.node for expr in interaction.fields)]
            cells = sorted(support(table.graph, nodes))
        if not cells:
            return False
        height = self.functions[rule.table].height
        for _ in range(attempts):
            row = self._random.choice(self.chosen_rows[rule.table])
            column, following = self._random.choice(cells)
            cell = ((row + following) % height, column)
            value = self._random.choice(self.new_values(rule.table, cell, 8))
            edits = {cell: value}
            if self._random.randrange(3) == 0:
                edits = self._opposite(rule.table, cell)
            self._repair(report, rule.table, edits, rule)
            if rule in report.witnesses:
                return True
        return False

    def columns(self, table: str, nodes: Sequence[int]) -> dict[int, U64]:
        """Values of expressions on every row of the traces, see `rows.evaluate_rows`."""
        builder = self.circuit.table(table)
        publics = np.array(self._publics, dtype=np.uint64)
        return evaluate_rows(builder, whole_table(builder, self._traces[table], publics), nodes)

    def is_free(self, table: str, cell: Cell) -> bool:
        """True where the table declares that the cell's value does not matter."""
        return table != PUBLICS and self.functions[table].is_declared("free", cell)

    def _try(self, report: FuzzReport, mutation: Mutation) -> Outcome:
        outcome = self.judge(mutation)
        report.trials += 1
        if outcome.survives and not self._excused(mutation):
            report.survivors.append(mutation)
        for rule in outcome.local or outcome.unbacked:
            if len(outcome.local) <= 1:
                report.witnesses.setdefault(rule, mutation)
        return outcome

    def _excused(self, mutation: Mutation) -> bool:
        """True when the mutation survives thanks to cells declared free: without their edits the rest is noticed."""
        rest = tuple((cell, value) for cell, value in mutation.edits if not self.is_free(mutation.table, cell))
        if len(rest) == len(mutation.edits):
            return False
        return not rest or not self.judge(Mutation(mutation.table, rest)).survives

    def _outcome(self, name: str, values: dict[int, RowValues]) -> Outcome:
        table = self.circuit.table(name)
        constraints, interactions = self._rules[name]
        function = self.functions[name]
        local: set[Rule] = set()
        unbacked: set[Rule] = set()
        changed: dict[int, set[Rule]] = {}
        balance: dict[tuple[int, Message], int] = {}
        for row, found in values.items():
            local.update(rule for rule, value in zip(constraints, found.constraints, strict=True) if value)
            before = function.original(row).messages
            for interaction, rule, old, new in zip(
                table.interactions, interactions, before, found.messages, strict=True
            ):
                if old == new or not (old[0] or new[0]):
                    continue
                bus = interaction.bus
                if bus.kind == "lookup" and not interaction.provider:
                    if new[0] and new[1] not in self.offered(bus.id):
                        (local if bus.id in self._fixed_buses else unbacked).add(rule)
                    continue
                if interaction.provider and old[1] != new[1]:
                    continue
                changed.setdefault(bus.id, set()).add(rule)
                balance[bus.id, old[1]] = (balance.get((bus.id, old[1]), 0) - old[0]) % P
                balance[bus.id, new[1]] = (balance.get((bus.id, new[1]), 0) + new[0]) % P
        unbalanced = {bus for (bus, _), count in balance.items() if count}
        bus_rules = {rule for bus in unbalanced for rule in changed[bus]}
        return Outcome(frozenset(local), frozenset(bus_rules | unbacked), frozenset(unbacked))

    def _is_fixed(self, bus: int) -> bool:
        """True for a lookup bus whose offers do not depend on any witness column."""
        return not any(
            support(table.graph, [expr.node for expr in interaction.fields])
            for table in self.circuit
            for interaction in table.interactions
            if interaction.provider and interaction.bus.id == bus
        )

    def offered(self, bus: int) -> set[Message]:
        """Messages that the lookup tables of a bus contain, whatever their counts."""
        found = self._offers.get(bus)
        if found is None:
            found = self._offers[bus] = set()
            for table in self.circuit:
                for interaction in table.interactions:
                    if interaction.provider and interaction.bus.id == bus:
                        nodes = [expr.node for expr in interaction.fields]
                        values = self.columns(table.name, nodes)
                        found.update(zip(*(values[node].tolist() for node in nodes), strict=True))
        return found

    def _choose_rows(self, name: str) -> list[int]:
        """First, last, every phase of a period, and rows with as many different patterns of small values as fit."""
        function = self.functions[name]
        table = self.circuit.table(name)
        columns = range(len(table.main_names))
        period = max((len(values) for values in table.periodic_values), default=1)
        patterns: dict[tuple[int, ...], int] = {}
        order = list(range(function.height))
        self._random.shuffle(order)
        for row in order[:_ROWS_LOOKED_AT]:
            small = [min(function.cell((row, column)), 2) for column in columns]
            patterns.setdefault((row % period, *small), row)
        by_phase = {row % period: row for row in reversed(order)}
        chosen = list(dict.fromkeys([0, function.height - 1, *by_phase.values(), *patterns.values(), *order]))
        return chosen[: self._rows_per_table + period - 1]

    def new_values(self, name: str, cell: Cell, count: int) -> list[int]:
        """New values for a cell: edges, steps, bit flips, other cells of the row and the column, random ones."""
        function = self.functions[name]
        old = function.cell(cell)
        row, column = cell
        other_row = self._random.randrange(function.height)
        other_column = self._random.randrange(len(self.circuit.table(name).main_names))
        candidates = [0, 1, P - 1, old + 1, old - 1]
        extra = [
            *(old + sign * step for step in STEPS for sign in (1, -1)),
            old ^ (1 << self._random.randrange(32)),
            P - old,
            2**32 - 1 - old,
            function.cell((other_row, column)),
            function.cell((row, other_column)),
            self._random.randrange(2**16),
            self._random.randrange(2**32),
            self._random.randrange(P),
        ]
        self._random.shuffle(extra)
        distinct = dict.fromkeys(value % P for value in (*candidates, *extra))
        distinct.pop(old, None)
        return list(distinct)[: max(count, 1)]

    def _combined(self, name: str, row: int, columns: int, count: int) -> Iterator[Mutation]:
        """Swaps and opposite steps of two cells of a row, swaps of a column's cells on two rows, copies of a row."""
        function, choose = self.functions[name], self._random
        for _ in range(count):
            left, right = (row, choose.randrange(columns)), (row, choose.randrange(columns))
            if choose.randrange(4) == 0:
                right = (choose.randrange(function.height), left[1])
            a, b = function.cell(left), function.cell(right)
            if choose.randrange(2) and left[0] == right[0]:
                step = choose.choice(STEPS)
                pair = {left: (a + step) % P, right: (b + choose.choice((1, -1, -step, step))) % P}
            else:
                pair = {left: b, right: a}
            if left != right and (pair[left], pair[right]) != (a, b):
                yield Mutation(name, tuple((cell, v) for cell, v in pair.items() if v != function.cell(cell)))
        other = choose.randrange(function.height)
        copied = [((row, column), function.cell((other, column))) for column in range(columns)]
        different = tuple((cell, value) for cell, value in copied if value != function.cell(cell))
        if different:
            yield Mutation(name, different)

    def _opposite(self, name: str, cell: Cell) -> dict[Cell, int]:
        """Opposite steps in two small cells of a row, which sums of flags do not see."""
        function = self.functions[name]
        columns = range(len(self.circuit.table(name).main_names))
        small = [(cell[0], column) for column in columns if function.cell((cell[0], column)) < 2]
        other = self._random.choice(small) if small else cell
        step = self._random.choice((1, P - 1))
        edits = {cell: (function.cell(cell) + step) % P}
        if other != cell:
            edits[other] = (function.cell(other) - step) % P
        return edits

    def _repair(self, report: FuzzReport, name: str, edits: dict[Cell, int], keep: Rule | None) -> None:
        """Solve violated rules other than `keep` for cells not yet edited, until nothing else is violated.

        Of the cells that a constraint can be solved for, the one is taken after which the fewest rules are violated.
        """
        outcome = self._try(report, Mutation(name, tuple(edits.items())))
        for _ in range(_REPAIRS):
            others = sorted(rule for rule in outcome.local if rule != keep)
            if not others:
                return
            best: tuple[int, dict[Cell, int], Outcome] | None = None
            limit = _CELLS_SOLVED_FOR if len(others) <= _FEW else 2
            self._random.shuffle(others)
            solutions = (list(self.solutions(name, edits, rule, limit)) for rule in others[:_FEW])
            for cell, value in next(filter(None, solutions), []):
                candidate = {**edits, cell: value}
                after = self._try(report, Mutation(name, tuple(candidate.items())))
                left = len(after.local - {keep}) + 2 * (keep is not None and keep not in after.local)
                if best is None or left < best[0]:
                    best = left, candidate, after
            if best is None:
                return
            _, edits, outcome = best

    def solutions(self, name: str, edits: Edits, rule: Rule, limit: int) -> Iterator[tuple[Cell, int]]:
        """At most `limit` cells and the values for them that make the rule hold, where it is affine in the cell.

        A lookup is made to hold by giving a field that differs its original value again.
        """
        found = self._residual(name, edits, rule)
        if found is None:
            return
        row, residual, reads = found
        function = self.functions[name]
        cells = [((row + following) % function.height, column) for column, following in reads]
        cells = [cell for cell in cells if cell not in edits]
        self._random.shuffle(cells)
        f0 = residual(function.evaluate(row, edits))
        for cell in cells:
            if not (f0 and limit):
                return
            old = function.cell(cell)
            slope = (residual(function.evaluate(row, {**edits, cell: (old + 1) % P})) - f0) % P
            if slope:
                limit -= 1
                yield cell, (old - f0 * pow(slope, P - 2, P)) % P

    def _residual(
        self, name: str, edits: Edits, rule: Rule
    ) -> tuple[int, Callable[[RowValues], int], Sequence[tuple[int, int]]] | None:
        """A row where the rule is violated, what must become zero there, and the columns that this depends on."""
        function = self.functions[name]
        table = self.circuit.table(name)
        values = {row: function.evaluate(row, edits) for row in function.affected(edits)}
        if rule.kind == "constraint":
            index = self._rules[name][0].index(rule)
            rows = [row for row, found in values.items() if found.constraints[index]]
            return (
                (rows[0], lambda x: x.constraints[index], self._affine[name][table.constraints[index].expr.node])
                if rows
                else None
            )
        which = self._rules[name][1].index(rule)
        different = [
            (row, field, old)
            for row, found in values.items()
            for field, old in enumerate(function.original(row).messages[which][1])
            if found.messages[which][1][field] != old
        ]
        if not different:
            return None
        row, field, wanted = self._random.choice(different)
        reads = self._affine[name][table.interactions[which].fields[field].node]
        return row, lambda x: (x.messages[which][1][field] - wanted) % P, reads
