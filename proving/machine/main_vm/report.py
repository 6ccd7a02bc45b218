"""What `main_vm` costs: widths of its tables, and for a segment shape, fill and columns per cycle.

``python -m proving.machine.main_vm.report`` prints the widths; with files of execution records, also each segment.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from proving.machine.main_vm import shape, shapes
from proving.machine.main_vm.circuit import circuit
from proving.machine.main_vm.expand import compression_count
from proving.machine.records import Records
from proving.stark.air.compile import compile_circuit
from proving.stark.key import Key
from proving.stark.shape import EXTENSION_DEGREE

#: Base columns of the quotient, at the height of the tallest table.
_QUOTIENT = EXTENSION_DEGREE << shape.LOG_BLOWUP


def widths() -> dict[str, int]:
    """Base columns that a proof commits to, main and bus, by table."""
    return {t.name: t.main_columns + EXTENSION_DEGREE * t.bus_columns for t in compile_circuit(circuit()).tables}


def cells_of(columns: Mapping[str, int], log_heights: Mapping[str, int]) -> int:
    """Committed base cells of all phases, before the extension to the larger domain.

    Parameters
    ----------
    columns : by table, as `widths` and `widths_of` return them
    log_heights : by table
    """
    cells = sum(width << log_heights[name] for name, width in columns.items())
    return cells + (_QUOTIENT << max(log_heights.values()))


def widths_of(key: Key) -> dict[str, int]:
    """As `widths`, from a key."""
    return {table.name: table.main + EXTENSION_DEGREE * table.bus for table in key.layout.tables}


def used_rows(records: Records) -> dict[str, int]:
    """Rows that hold something, of the tables whose height depends on the segment."""
    return shape.used_rows(records.counts(), compression_count(records))


def used_cells(columns: Mapping[str, int], rows: Mapping[str, int]) -> tuple[int, int]:
    """Used and committed cells of the tables whose height depends on the segment.

    Parameters
    ----------
    rows : used rows by table, as `used_rows` returns them
    """
    heights = shapes.SHAPES[shapes.smallest(rows)]
    used = sum(columns[name] * count for name, count in rows.items())
    return used, sum(columns[name] << heights[name] for name in rows)


def _print_widths() -> None:
    print(
        f"{'table':<16}{'main':>6}{'fixed':>7}{'bus':>5}{'sum':>5}{'interactions':>14}{'constraints':>13}{'degree':>8}"
    )
    total = 0
    program = compile_circuit(circuit())
    for table, described in zip(program.tables, circuit(), strict=True):
        bus = EXTENSION_DEGREE * table.bus_columns
        width = table.main_columns + table.preprocessed_columns + bus
        total += width
        print(
            f"{table.name:<16}{table.main_columns:>6}{table.preprocessed_columns:>7}{bus:>5}{width:>5}"
            f"{len(described.interactions):>14}{table.constraint_count:>13}{max(table.constraint_degrees):>8}"
        )
    print(f"opened columns: {total} and {_QUOTIENT} of the quotient, {total + _QUOTIENT} together")


def _print_segment(records: Records) -> None:
    rows, columns = used_rows(records), widths()
    number = shapes.smallest(rows)
    print(f"\n{records.summary()}\n{'table':<16}{'rows':>9}{'height':>9}{'fill':>7}{'columns per cycle':>19}")
    for name, log_height in shapes.SHAPES[number].items():
        height = 1 << log_height
        used = rows.get(name, height)
        print(f"{name:<16}{used:>9}{height:>9}{used / height:>7.0%}{columns[name] * height / records.cycles:>19.1f}")
    cells, (used, committed) = cells_of(columns, shapes.SHAPES[number]), used_cells(columns, rows)
    print(f"shape {number}, columns per cycle: {cells / records.cycles:.1f}, fill: {used / committed:.1%}")


def main(paths: list[str]) -> None:
    """Print the report; the arguments are files of execution records."""
    _print_widths()
    for path in paths:
        _print_segment(Records.from_bytes(Path(path).read_bytes()))


if __name__ == "__main__":
    main(sys.argv[1:])
