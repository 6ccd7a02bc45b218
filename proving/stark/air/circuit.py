"""Circuits: tables that share buses and public inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from proving.stark.air.bus import Bus
from proving.stark.air.counts import prove_counts
from proving.stark.air.errors import AirError
from proving.stark.air.graph import P
from proving.stark.air.table import MAX_LOG_HEIGHT, MIN_LOG_HEIGHT, Table, TableBuilder
from proving.stark.air.wires import check_wires

U64 = npt.NDArray[np.uint64]
Traces = Mapping[str, U64]  #: by table name, (main columns, rows) uint64, canonical

MAX_TABLES = 64
MAX_PUBLICS = 1024


class Circuit:
    """A set of tables, checked against the rules of the constraint language.

    Parameters
    ----------
    name : for people
    tables : in the order in which they are committed and their constraints numbered
    publics : number of public base field inputs
    max_degree : largest degree of a constraint, in multiples of the height; at most 2^log_blowup + 1

    Raises
    ------
    AirError
        A constraint's degree is too high, names collide, a bus is used with two meanings or has one side only, a count
        may be more than the constraints allow, a wire has two writers.
    """

    def __init__(self, name: str, tables: Sequence[Table], publics: int = 0, max_degree: int = 5) -> None:
        if not 1 <= len(tables) <= MAX_TABLES:
            raise AirError(f"circuit {name}: {len(tables)} tables, at most {MAX_TABLES} are allowed")
        if not 0 <= publics <= MAX_PUBLICS:
            raise AirError(f"circuit {name}: {publics} public inputs, at most {MAX_PUBLICS} are allowed")
        if not 2 <= max_degree <= 17:
            raise AirError(f"circuit {name}: the maximum degree {max_degree} is outside 2..17")
        self.name = name
        self.publics = publics
        self.max_degree = max_degree
        self.tables: tuple[TableBuilder, ...] = tuple(_build(table, publics) for table in tables)
        self._by_name = {table.name: table for table in self.tables}
        if len(self._by_name) != len(self.tables):
            raise AirError(f"circuit {name}: two tables have the same name")
        for table in self.tables:
            self._check_degrees(table)
        self.buses: tuple[Bus, ...] = tuple(self._check_buses())
        check_wires(self.tables, self.buses)

    def table(self, name: str) -> TableBuilder:
        """The table called `name`."""
        found = self._by_name.get(name)
        if found is None:
            raise AirError(f"circuit {self.name} has no table {name!r}")
        return found

    def __iter__(self) -> Iterator[TableBuilder]:
        return iter(self.tables)

    def check_shapes(self, traces: Traces, publics: Sequence[int] | U64) -> None:
        """Raise `AirError` unless `traces` and `publics` are arrays of this circuit's shape with canonical values."""
        if len(publics) != self.publics:
            raise AirError(f"circuit {self.name} takes {self.publics} public inputs, got {len(publics)}")
        if set(traces) != set(self._by_name):
            raise AirError(f"circuit {self.name} has tables {sorted(self._by_name)}, got {sorted(traces)}")
        for table in self.tables:
            trace = traces[table.name]
            rows = trace.shape[1] if trace.ndim == 2 else 0
            if trace.dtype != np.uint64 or trace.ndim != 2 or trace.shape[0] != len(table.main_names):
                raise AirError(
                    f"{table.name}: the trace is {trace.dtype} {trace.shape}, "
                    f"expected uint64 ({len(table.main_names)}, n)"
                )
            if rows & (rows - 1) or not 2**MIN_LOG_HEIGHT <= rows <= 2**MAX_LOG_HEIGHT:
                raise AirError(f"{table.name}: {rows} rows; a height is a power of two from 2^6 to 2^24")
            if table.preprocessed_values and table.preprocessed_values[0].shape[0] != rows:
                fixed = table.preprocessed_values[0].shape[0]
                raise AirError(f"{table.name}: {rows} rows, its preprocessed columns have {fixed}")
            if bool((trace >= np.uint64(P)).any()):
                raise AirError(f"{table.name}: a value of the trace is not below the modulus")

    def _check_degrees(self, table: TableBuilder) -> None:
        graph = table.graph
        for constraint in table.constraints:
            degree = constraint.expr.degree
            if degree > self.max_degree:
                raise AirError(
                    f"{table.name}.{constraint.name}: degree {degree} is above the circuit's maximum {self.max_degree}"
                )
            if graph.transitions[constraint.expr.node] > self.max_degree - 1:
                raise AirError(f"{table.name}.{constraint.name}: too many factors are the transition selector")
        for interaction in table.interactions:
            fields = max((field.degree for field in interaction.fields), default=0)
            if max(1 + fields, interaction.count.degree) > self.max_degree:
                raise AirError(
                    f"{table.name}.{interaction.name}: fields of degree {fields} and a count of degree "
                    f"{interaction.count.degree} do not fit the circuit's maximum {self.max_degree}"
                )

    def _check_buses(self) -> Iterator[Bus]:
        by_id: dict[int, Bus] = {}
        sides: dict[int, set[bool]] = {}
        for table in self.tables:
            for interaction in table.interactions:
                bus = interaction.bus
                if by_id.setdefault(bus.id, bus) != bus:
                    raise AirError(f"circuit {self.name}: bus id {bus.id} is used by {by_id[bus.id]} and {bus}")
                if bus.kind != "permutation":
                    sides.setdefault(bus.id, set()).add(interaction.sends)
        for identifier, found in sides.items():
            if len(found) != 2:
                bus = by_id[identifier]
                raise AirError(f"circuit {self.name}: {bus.kind} bus {bus.label} has one side only")
        yield from (by_id[identifier] for identifier in sorted(by_id))


def _build(table: Table, publics: int) -> TableBuilder:
    builder = TableBuilder(table.name, publics)
    table.build(builder)
    if not builder.main_names and not builder.preprocessed_names:
        raise AirError(f"table {table.name} has no columns")
    prove_counts(builder)
    return builder
