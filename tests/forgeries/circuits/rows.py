"""Single rows that lie, judged by their own constraints: what a rule says of a row and of the one behind it."""

from __future__ import annotations

from collections.abc import Mapping

from proving.stark.air.fuzzer import Fuzzer, Rule
from proving.stark.air.graph import P

#: Column name and whether the cell is in the row behind -> what is added to it.
Changes = Mapping[tuple[str, int], int]


class Bench:
    """One row of a table, with changes laid over it and over the row behind.

    Parameters
    ----------
    solved : by name of a constraint, the cell (column, whether behind) that is chosen so that the constraint holds,
        one after the other
    """

    def __init__(self, fuzzer: Fuzzer, table: str, row: int, solved: Mapping[str, tuple[str, int]]) -> None:
        builder = fuzzer.circuit.table(table)
        self.function, self.table, self.row = fuzzer.functions[table], table, row
        self.names = {name: column for column, name in enumerate(builder.main_names)}
        self._constraints = [constraint.name for constraint in builder.constraints]
        self._solved = solved

    def value(self, name: str, behind: int = 0) -> int:
        """The honest cell."""
        return self.function.cell(self._place(name, behind))

    def rules(self, changes: Changes) -> set[Rule]:
        """The constraints that notice the changes, after cells that follow from others have been made to fit."""
        edits = {self._place(*place): (self.value(*place) + change) % P for place, change in changes.items()}
        found = self._violated(edits)
        for name, place in self._solved.items():
            if name in found and place not in changes:
                cell = self._place(*place)
                old = edits.get(cell, self.function.cell(cell))
                slope = (self._violated({**edits, cell: (old + 1) % P}).get(name, 0) - found[name]) % P
                edits[cell] = (old - found[name] * pow(slope, -1, P)) % P
                found = self._violated(edits)
        return {Rule(self.table, "constraint", name) for name in self._violated(edits)}

    def _violated(self, edits: Mapping[tuple[int, int], int]) -> dict[str, int]:
        values = self.function.evaluate(self.row, edits).constraints
        return {name: value for name, value in zip(self._constraints, values, strict=True) if value}

    def _place(self, name: str, behind: int) -> tuple[int, int]:
        return (self.row + behind) % self.function.height, self.names[name]
