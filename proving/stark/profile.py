"""A constraint profiler: what each table of a circuit costs, printed as a table.

``python -m proving.stark.profile MODULE:FUNCTION [ARGUMENT ...]`` calls a function that returns a
:class:`~proving.stark.key.Key` and prints its profile.
"""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass

from proving.stark.key import Key
from proving.stark.shape import EXTENSION_DEGREE, Shape


@dataclass(frozen=True)
class TableProfile:
    """One table's costs; ``opened`` counts (column, point) pairs, ``cells`` committed base elements at its bound."""

    name: str
    log_height: int
    preprocessed: int
    main: int
    bus: int
    constraints: int
    degree: int
    steepest: str
    interactions: int
    next: int
    opened: int
    cells: int


def profile_tables(key: Key, shape: Shape | None = None) -> list[TableProfile]:
    """Count every table's costs at a shape, by default at the key's bounds."""
    shape = shape or key.layout.largest()
    profiles = []
    for index, (table, program, log_height) in enumerate(
        zip(shape.layout.tables, key.program.tables, shape.log_heights, strict=True)
    ):
        groups = [group for group in shape.openings if group.table == index]
        bus = EXTENSION_DEGREE * table.bus
        steepest = max(zip(program.constraint_degrees, program.constraint_names, strict=True), default=(0, ""))
        profiles.append(
            TableProfile(
                name=table.name,
                log_height=log_height,
                preprocessed=table.preprocessed,
                main=table.main,
                bus=bus,
                constraints=table.constraints,
                degree=table.degree,
                steepest=steepest[1],
                interactions=table.interactions,
                next=sum(group.columns for group in groups if group.next),
                opened=sum(group.columns for group in groups),
                cells=(table.main + bus) << log_height,
            )
        )
    return profiles


def profile_text(key: Key, shape: Shape | None = None) -> str:
    """Return the profile as text: one line per table, the sums, and the security reports."""
    shape = shape or key.layout.largest()
    rows = profile_tables(key, shape)
    head = (
        f"{'table':<18}{'rows':>7}{'pre':>5}{'main':>6}{'bus':>5}{'cons':>6}{'deg':>4}{'msgs':>6}{'next':>6}{'open':>6}"
    )
    lines = [f"{key.name}: key {key.hex}", f"{head}{'Mcells':>9}  steepest constraint"]
    lines += [
        f"{row.name:<18}{'2^' + str(row.log_height):>7}{row.preprocessed:>5}{row.main:>6}{row.bus:>5}"
        f"{row.constraints:>6}{row.degree:>4}{row.interactions:>6}{row.next:>6}{row.opened:>6}"
        f"{row.cells / 1e6:>9.1f}  {row.steepest[:60]}"
        for row in rows
    ]
    width = sum(row.preprocessed + row.main + row.bus for row in rows)
    quotient = EXTENSION_DEGREE * shape.quotient_chunks
    cells = sum(row.cells for row in rows)
    lines.append(
        f"{width} columns in all tables and {quotient} of the quotient, {shape.opened} openings, "
        f"{sum(row.constraints for row in rows)} constraints, {cells / 1e6:.1f} million cells"
    )
    lines += [report.table() for report in key.reports.values()]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Print the profile of the key that ``MODULE:FUNCTION`` returns for the arguments behind it."""
    if not arguments or ":" not in arguments[0]:
        print("usage: python -m proving.stark.profile MODULE:FUNCTION [ARGUMENT ...]", file=sys.stderr)
        return 2
    module, function = arguments[0].split(":", 1)
    print(profile_text(getattr(importlib.import_module(module), function)(*arguments[1:])))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
