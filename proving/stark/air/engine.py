"""The row engine: checks traces against a circuit without proving anything.

Every constraint is evaluated on every row and every bus is balanced as an exact multiset, so a failure names its table,
constraint and row. Nothing is random.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proving.stark.air.bus import Bus
from proving.stark.air.circuit import Circuit, Traces
from proving.stark.air.errors import AirError
from proving.stark.air.graph import P
from proving.stark.air.rows import evaluate_rows, whole_table

U64 = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Violation:
    """One way in which traces break a circuit.

    Attributes
    ----------
    table : the table's name
    name : the constraint's name, or the interaction's for a bus
    row : the first row where it happens
    count : number of rows, or the excess of the message on the bus as an integer in (-p/2, p/2)
    bus : the bus's label, empty for a constraint
    message : the unbalanced message, empty for a constraint
    """

    table: str
    name: str
    row: int
    count: int
    bus: str = ""
    message: tuple[int, ...] = ()

    def __str__(self) -> str:
        if self.bus:
            return (
                f"bus {self.bus}: message {self.message} has an excess of {self.count}, "
                f"last touched by {self.table}.{self.name} on row {self.row}"
            )
        return f"{self.table}.{self.name} fails on row {self.row} and on {self.count - 1} other rows"


@dataclass(frozen=True)
class _Messages:
    """Messages of one interaction: (k, arity) fields, (k,) counts and rows."""

    table: str
    name: str
    fields: U64
    counts: U64
    rows: npt.NDArray[np.int64]


def check(circuit: Circuit, traces: Traces, publics: Sequence[int] | U64 = (), *, limit: int = 1000) -> list[Violation]:
    """Everything that is wrong with `traces`; an empty list when they satisfy the circuit.

    Parameters
    ----------
    traces : by table name, (main columns, rows) uint64
    publics : the circuit's public inputs
    limit : unbalanced messages reported for each bus

    Raises
    ------
    AirError
        The arrays do not have the circuit's shape.
    """
    circuit.check_shapes(traces, publics)
    inputs = np.array(publics, dtype=np.uint64)
    violations: list[Violation] = []
    messages: dict[int, list[_Messages]] = {bus.id: [] for bus in circuit.buses}
    for table in circuit:
        view = whole_table(table, traces[table.name], inputs)
        roots = [constraint.expr.node for constraint in table.constraints]
        for interaction in table.interactions:
            roots += [interaction.count.node, *(field.node for field in interaction.fields)]
        values = evaluate_rows(table, view, roots)
        for constraint in table.constraints:
            rows = np.flatnonzero(values[constraint.expr.node])
            if rows.size:
                violations.append(Violation(table.name, constraint.name, int(rows[0]), int(rows.size)))
        for interaction in table.interactions:
            counts = values[interaction.count.node]
            rows = np.flatnonzero(counts)
            fields = np.stack([values[field.node][rows] for field in interaction.fields], axis=1)
            messages[interaction.bus.id].append(_Messages(table.name, interaction.name, fields, counts[rows], rows))
    for bus in circuit.buses:
        violations += _balance(bus, messages[bus.id], limit)
    return violations


def require(circuit: Circuit, traces: Traces, publics: Sequence[int] | U64 = ()) -> None:
    """Raise `AirError` naming the first violations when `traces` do not satisfy the circuit."""
    violations = check(circuit, traces, publics)
    if violations:
        shown = "; ".join(str(violation) for violation in violations[:5])
        raise AirError(f"{len(violations)} violations of circuit {circuit.name}: {shown}")


def sum_counts(fields: U64, counts: U64) -> tuple[U64, list[int], npt.NDArray[np.int64]]:
    """Add up the counts of equal messages.

    Parameters
    ----------
    fields : (k, arity) uint64
    counts : (k,) uint64, canonical

    Returns
    -------
    (u, arity) distinct messages, their u sums in (-p/2, p/2), and the index of each one's last occurrence
    """
    order = np.lexsort(fields.T[::-1])
    ordered = fields[order]
    changes = np.flatnonzero(np.r_[True, (ordered[1:] != ordered[:-1]).any(axis=1)])
    low = np.add.reduceat(counts[order] & np.uint64(0xFFFFFFFF), changes)
    high = np.add.reduceat(counts[order] >> np.uint64(32), changes)
    sums = [(int(h) * 2**32 + int(w)) % P for h, w in zip(high, low, strict=True)]
    signed = [value - P if value > P // 2 else value for value in sums]
    last = np.maximum.reduceat(order, changes)
    return ordered[changes], signed, last


def _balance(bus: Bus, parts: Sequence[_Messages], limit: int) -> list[Violation]:
    sizes = [part.counts.shape[0] for part in parts]
    if not sum(sizes):
        return []
    fields = np.concatenate([part.fields for part in parts])
    counts = np.concatenate([part.counts for part in parts])
    ends = np.cumsum(sizes)
    found: list[Violation] = []
    distinct, sums, last = sum_counts(fields, counts)
    for message, excess, index in zip(distinct, sums, last, strict=True):
        if excess and len(found) < limit:
            which = int(np.searchsorted(ends, index, side="right"))
            part = parts[which]
            row = int(part.rows[int(index) - (int(ends[which - 1]) if which else 0)])
            found.append(Violation(part.table, part.name, row, excess, bus.label, tuple(int(x) for x in message)))
    return found
