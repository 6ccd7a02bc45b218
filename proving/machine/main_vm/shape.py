"""Sizes of `main_vm`: the rows that records take, and the bounds on the heights of its tables.

Which heights a segment may have together is said by :mod:`proving.machine.main_vm.shapes`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from proving.circuits.gadgets import poseidon2
from proving.machine.main_vm import call
from proving.machine.main_vm.shapes import FIXED, SHAPES, TABLES

#: log2 of 1/rate; allows constraints of degree 5.
LOG_BLOWUP = 2
#: log2 of the largest height of every table. The key states them; they leave more room than the listed shapes take, so
#: that another list needs no other key.
MAX_LOG_HEIGHTS = {
    "add_immediate": 20,
    "add": 20,
    "control": 19,
    "bitwise": 20,
    "mul_div": 19,
    "memory_word": 20,
    "memory_sub": 18,
    "call": 19,
    "idle": 18,
    "decode": 15,
    "page": 18,
    "poseidon2": 20,
    **FIXED,
}

#: The kinds of records that a table takes, where it is not those of its own name alone.
_RECORDS = {
    "bitwise": ("bitwise", "shift"),
    "mul_div": ("mul", "div"),
    "call": ("poseidon2_call", "request", "keccak_call"),
    "page": ("block", "node"),
}
#: Rows that a record takes, where it is not one. Blocks and nodes have a row before and one after.
_ROWS = {
    "page": 2,
    "call": call.ROWS,
    "poseidon2": poseidon2.ROWS,
}


def used_rows(records: Mapping[str, int], compressions: int) -> dict[str, int]:
    """Rows that hold something, of `TABLES`.

    Parameters
    ----------
    records : number of records of every family, and of decode, block and node
    compressions : number of distinct compressions
    """
    found = {table: sum(records[kind] for kind in _RECORDS.get(table, (table,))) for table in TABLES[:-1]}
    return rows_of({**found, "poseidon2": compressions})


def rows_of(records: Mapping[str, int]) -> dict[str, int]:
    """Rows that these records take, both by table of `TABLES`; records as `witness.TABLES` counts them."""
    return {table: records[table] * record_rows(table) for table in TABLES}


def record_rows(table: str) -> int:
    """Rows of a table of `TABLES` that one of its records takes."""
    return _ROWS.get(table, 1)


def capacities(numbers: Sequence[int]) -> list[dict[str, int]]:
    """Records that segments of the shapes with these numbers may have, as `witness.TABLES` counts them."""
    return [{table: (1 << SHAPES[number][table]) // record_rows(table) for table in TABLES} for number in numbers]
