"""The fuzzer's third adversary: what a row receives is fixed, what it sends may change.

A table that serves others, an instruction's family say, must not leave its answer to the prover: the messages that it
takes decide those that it gives. The first adversary of `fuzzer` does not see when they fail to, because any change of
a message unbalances the rest of the honest trace, and the second holds no message against a change. This one tells them
apart. Fixed are public inputs, received messages, and of what a witness table offers on a lookup bus the fields that
are asked for (`Bus.asked`); a lookup must find a message that the honest trace offers. Whatever else satisfies every
constraint and changes a message that is sent, or an answer that is offered, is a *finding*: a freed output.

Outputs that the prover may choose by design, such as words of advice, are declared with `TableBuilder.chosen` and its
reason. A change that is a finding only together with such cells, or with free ones, is none.

A change that one rule alone notices shows that without this rule the output would be free; the rule is a *guard*.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass, field

from proving.stark.air.fuzzer import Fuzzer, Mutation, Rule
from proving.stark.air.graph import P
from proving.stark.air.row_function import Cell

_CHANGES = (1, 1, 2, 2, 3)  #: how many cells are changed at first, by share
_REPAIRS = 14  #: of one change
_SOLUTIONS = 8  #: cells that a violated rule is solved for


@dataclass(frozen=True)
class Verdict:
    """What a change does.

    Attributes
    ----------
    violated : constraints that fail, and lookups of what nobody offers
    takes : whether a received message, or what is asked for, changes
    gives : whether a message that is sent or an answer changes
    """

    violated: frozenset[Rule]
    takes: bool
    gives: bool


@dataclass
class FreedReport:
    """What a search found.

    Attributes
    ----------
    trials : changes judged
    findings : freed outputs, by table and the columns that change
    guards : rule to a change that would be a finding without it
    exceptions : what is declared to be chosen by the prover, with reasons
    """

    trials: int = 0
    findings: dict[tuple[str, ...], Mutation] = field(default_factory=dict)
    guards: dict[Rule, Mutation] = field(default_factory=dict)
    exceptions: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [
            f"third adversary (receives fixed, sends open): {len(self.findings)} freed outputs in {self.trials} "
            f"changes; {len(self.guards)} rules alone keep an output bound; {len(self.exceptions)} exceptions by design"
        ]
        lines += [f"  freed: {mutation}" for mutation in self.findings.values()]
        lines += [f"  exception: {exception}" for exception in self.exceptions]
        return "\n".join(lines)


class FreedOutputs:
    """Searches for freed outputs around the satisfying traces of a fuzzer.

    Parameters
    ----------
    fuzzer : its circuit, traces and chosen rows are used
    seed : of the random choices
    """

    def __init__(self, fuzzer: Fuzzer, *, seed: int = 0) -> None:
        self._fuzzer = fuzzer
        self._random = random.Random(seed)

    def run(self, tables: Collection[str] | None = None, *, attempts_per_row: int = 40) -> FreedReport:
        """Change cells of every chosen row of `tables`, all by default, and repair what is violated.

        `attempts_per_row` times for each row.
        """
        report = FreedReport()
        for table in self._fuzzer.circuit:
            if tables is not None and table.name not in tables:
                continue
            report.exceptions += [
                f"{table.name}.{table.main_names[cell.column]}: {cell.reason}" for cell in table.chosen_cells
            ]
            if table.main_names and table.interactions:
                for row in self._fuzzer.chosen_rows[table.name]:
                    for _ in range(attempts_per_row):
                        self._attempt(report, table.name, row)
        return report

    def judge(self, mutation: Mutation) -> Verdict:
        """What the change does on the rows that it touches."""
        table = self._fuzzer.circuit.table(mutation.table)
        function = self._fuzzer.functions[mutation.table]
        edits = dict(mutation.edits)
        violated: set[Rule] = set()
        takes = gives = False
        for row in function.affected(edits):
            found = function.evaluate(row, edits)
            violated.update(
                Rule(table.name, "constraint", constraint.name)
                for constraint, value in zip(table.constraints, found.constraints, strict=True)
                if value
            )
            before = function.original(row).messages
            for interaction, old, new in zip(table.interactions, before, found.messages, strict=True):
                if old == new or not (old[0] or new[0]):
                    continue
                if interaction.provider:
                    asked = interaction.bus.asked
                    takes |= bool(new[0]) and old[1][:asked] != new[1][:asked]
                    gives |= bool(new[0]) and old[1][asked:] != new[1][asked:]
                elif interaction.bus.kind == "lookup":
                    if new[0] and new[1] not in self._fuzzer.offered(interaction.bus.id):
                        violated.add(Rule(table.name, "interaction", interaction.name))
                else:
                    received = any(count > P // 2 for count, _ in (old, new))
                    takes |= received
                    gives |= not received
        return Verdict(frozenset(violated), takes, gives)

    def _attempt(self, report: FreedReport, table: str, row: int) -> None:
        """Change a few cells of a row; solve violated rules for other cells until all hold."""
        fuzzer, function = self._fuzzer, self._fuzzer.functions[table]
        columns = len(fuzzer.circuit.table(table).main_names)
        edits: dict[Cell, int] = {}
        for _ in range(self._random.choice(_CHANGES)):
            cell = (row, self._random.randrange(columns))
            old = function.cell(cell)
            flips = old < 2 and self._random.randrange(5) < 3
            edits[cell] = 1 - old if flips else self._random.choice(fuzzer.new_values(table, cell, 12))
        verdict = self._judge(report, table, edits)
        for _ in range(_REPAIRS):
            if verdict.takes or not verdict.violated:
                return
            rule = self._random.choice(sorted(verdict.violated))
            solutions = list(fuzzer.solutions(table, edits, rule, _SOLUTIONS))
            self._random.shuffle(solutions)
            for cell, value in solutions:
                candidate = {**edits, cell: value}
                verdict = self._judge(report, table, candidate)
                if not verdict.takes:
                    edits = candidate
                    break
            else:
                return

    def _judge(self, report: FreedReport, table: str, edits: dict[Cell, int]) -> Verdict:
        mutation = Mutation(table, tuple(edits.items()))
        verdict = self.judge(mutation)
        report.trials += 1
        if verdict.gives and not verdict.takes and len(verdict.violated) <= 1 and not self._by_design(mutation):
            if verdict.violated:
                report.guards.setdefault(next(iter(verdict.violated)), mutation)
            else:
                names = self._fuzzer.circuit.table(table).main_names
                report.findings.setdefault((table, *sorted(names[column] for _, column in edits)), mutation)
        return verdict

    def _by_design(self, mutation: Mutation) -> bool:
        """True when the change needs cells that are declared free or chosen: without their edits it is none."""
        function = self._fuzzer.functions[mutation.table]
        rest = tuple(
            (cell, value)
            for cell, value in mutation.edits
            if not function.is_declared("free", cell) and not function.is_declared("chosen", cell)
        )
        if len(rest) == len(mutation.edits):
            return False
        without = self.judge(Mutation(mutation.table, rest))
        return bool(without.violated) or not without.gives or without.takes
