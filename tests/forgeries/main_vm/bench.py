"""Honest traces of a segment with every instruction, and hand-made changes of a few of their cells.

A change is judged on its row with every other constraint and lookup in force, while the far side of a permutation bus
is left open, as a prover who can change one row can change others too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from proving.machine.main_vm.circuit import circuit
from proving.stark.air.fuzzer import Fuzzer, Mutation, Rule
from proving.stark.air.graph import P
from tests.proving.machine.main_vm.segments import everything_expanded

Values = Mapping[str, int]


def inverse(value: int) -> int:
    """The inverse mod p."""
    return pow(value % P, P - 2, P)


@dataclass(frozen=True)
class Case:
    """A mutation and the only rule that notices it."""

    rule: Rule
    mutation: Mutation


class Bench:
    """Honest traces of a segment with every instruction, and ways to find and change their rows."""

    @cached_property
    def fuzzer(self) -> Fuzzer:
        """A fuzzer around the honest traces."""
        traces, publics = everything_expanded()
        return Fuzzer(circuit(), traces, publics, rows_per_table=5)

    def row(self, table: str, number: int) -> dict[str, int]:
        """A row's cells by column name."""
        trace = everything_expanded()[0][table][:, number]
        return dict(zip(circuit().table(table).main_names, (int(value) for value in trace), strict=True))

    def find(self, table: str, test: Callable[[dict[str, int]], bool]) -> int:
        """The first row that passes a test."""
        height = everything_expanded()[0][table].shape[1]
        return next(number for number in range(height) if test(self.row(table, number)))

    def padding(self, table: str) -> int:
        """The last row, which is padding."""
        return int(everything_expanded()[0][table].shape[1]) - 1

    def decoded(self, operation: int, **operands: int) -> dict[str, int]:
        """Pc and operands of an instruction of the segment, as instruction tables hold them."""
        wanted = {"operation": operation, **operands}
        found = self.find("decode", lambda r: r["count"] > 0 and all(r[name] == wanted[name] for name in wanted))
        row = self.row("decode", found)
        return {name: row[name] for name in ("pc", "rd", "rs1", "rs2", "imm")}

    def change(self, table: str, number: int, values: Values) -> Mutation:
        """New values for named cells of one row."""
        return self.changes(table, {number: values})

    def changes(self, table: str, rows: Mapping[int, Values]) -> Mutation:
        """New values for named cells of several rows."""
        names = circuit().table(table).main_names
        edits = [
            ((number, names.index(name)), value % P)
            for number, values in rows.items()
            for name, value in values.items()
            if value % P != self.row(table, number)[name]
        ]
        return Mutation(table, tuple(edits))


BENCH = Bench()


def constraint(table: str, name: str, mutation: Mutation) -> Case:
    """A case that a constraint notices."""
    return Case(Rule(table, "constraint", name), mutation)


def lookup(table: str, name: str, mutation: Mutation) -> Case:
    """A case that a lookup notices."""
    return Case(Rule(table, "interaction", name), mutation)
