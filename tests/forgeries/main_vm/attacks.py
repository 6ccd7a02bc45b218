"""What a cheating prover would claim, as complete segments: records are changed and all else follows from them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proving.backend.interface import PRIME
from proving.hash import compress
from proving.machine.main_vm.circuit import circuit
from proving.machine.main_vm.expand import Traces, expand
from proving.machine.records import BOUNDARY, CYCLE, DECODE, IDLE, MEMORY, MEMORY_FAMILIES, Records
from proving.stark.air import check
from tests.proving.machine.main_vm import segments

_NEW_WORDS, _STARTS, _TIMES = 18, 34, 50


@dataclass
class Claim:
    """Records of a segment that can be changed: an honest run's, with fresh arrays."""

    records: Records

    @classmethod
    def of(cls, words: list[int], advice: list[int] | None = None) -> Claim:
        """The first segment of a program."""
        return cls.copy(segments.records(words, advice)[0])

    @classmethod
    def copy(cls, records: Records) -> Claim:
        """Records with arrays of their own."""
        arrays: dict[str, Any] = {name: array.copy() for name, array in records.arrays()}
        return cls(dataclasses.replace(records, **arrays))

    def rows(self, family: str) -> NDArray[np.uint32]:
        """A family's rows."""
        return self.records.family(family)

    def change(self, family: str, row: int, **values: int) -> None:
        """Change words of a record."""
        names = {"decode": DECODE, "idle": IDLE}.get(family, MEMORY if family in MEMORY_FAMILIES else CYCLE)
        for name, value in values.items():
            self.rows(family)[row, names.index(name)] = value % 2**32

    def set_boundary(self, **values: int) -> None:
        """Change words of the boundary."""
        for name, value in values.items():
            self.records.boundary[BOUNDARY.index(name)] = value

    def set_register(self, register: int, value: int, time: int | None = None) -> None:
        """Change a register's final value, and when it was last accessed."""
        blocks = self.rows("block")
        row = int(np.flatnonzero((blocks[:, 0] == 1) & (blocks[:, 1] == register // 16))[0])
        blocks[row, _NEW_WORDS + register % 16] = value % 2**32
        if time is not None:
            blocks[row, _TIMES + register % 16] = time
        self.records.digests[1, register // 16] = compress(
            blocks[row, _NEW_WORDS:_STARTS].astype(np.uint64)[np.newaxis]
        )[0]

    def keep(self, family: str, rows: NDArray[np.bool_]) -> None:
        """Keep some rows of a family and drop the others."""
        kept: dict[str, Any] = {family: self.rows(family)[rows].copy()}
        self.records = dataclasses.replace(self.records, **kept)

    def append(self, family: str, rows: NDArray[np.uint32]) -> None:
        """Add rows to a family."""
        longer: dict[str, Any] = {family: np.concatenate([self.rows(family), rows])}
        self.records = dataclasses.replace(self.records, **longer)

    def violations(self, edit: Callable[[Traces], None] | None = None) -> set[str]:
        """What the circuit says: names of constraints, and of buses that do not balance."""
        traces, publics = expand(self.records)
        if edit is not None:
            edit(traces)
        return {v.bus or f"{v.table}: {v.name}" for v in check(circuit(), traces, publics)}


def cell(traces: Traces, table: str, row: int, **values: int) -> None:
    """Change named cells of a row."""
    names = circuit().table(table).main_names
    for name, value in values.items():
        traces[table][names.index(name), row] = value % PRIME
