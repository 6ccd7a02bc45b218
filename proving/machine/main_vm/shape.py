"""Sizes: how much of a run fits a segment, and how high its tables are.

A size class k is log2 of the rows of the largest tables. A segment ends before the first table exceeds its capacity;
each table's height is the next power of two above what it holds. The proportions follow measured instruction mixes:
about half of a program's instructions are additions, a quarter loads and stores, a fifth branches.
"""

from __future__ import annotations

from collections.abc import Mapping

from proving.circuits.gadgets import poseidon2
from proving.circuits.gadgets import range as range_table
from proving.machine.main_vm import boundary, byte_and, constant, poseidon2_call

#: log2 of 1/rate; allows constraints of degree 5.
LOG_BLOWUP = 2
MIN_LOG_HEIGHT = 6
#: Size classes that the key allows.
MIN_SIZE_CLASS, MAX_SIZE_CLASS = 12, 20

#: 64ths of 2^k: rows that a table may have.
_PROPORTIONS = {
    "add": 64,
    "control": 32,
    "bitwise": 64,
    "mul_div": 32,
    "memory_word": 32,
    "memory_sub": 16,
    "poseidon2_call": 16,
    "page": 16,
    "poseidon2": 64,
}
#: Distinct pcs of a segment, whatever its size.
_DECODE_CAPACITY = 2**15
#: Rows. Below these, paths through the trees and their compressions would end segments too early.
_FLOORS = {"poseidon2_call": 2**7, "page": 2**11, "poseidon2": 2**13}

#: The kinds of records that a table takes, where it is not those of its own name alone.
_RECORDS = {"bitwise": ("bitwise", "shift"), "mul_div": ("mul", "div"), "page": ("block", "node")}
#: Rows that a record takes, where it is not one. Blocks and nodes have a row before and one after.
_ROWS = {"page": 2, "poseidon2_call": poseidon2_call.ROWS, "poseidon2": poseidon2.ROWS}
#: Tables whose height depends on the segment, poseidon2 excepted.
_TABLES = (*(table for table in _PROPORTIONS if table != "poseidon2"), "decode")

#: Heights that do not depend on the segment.
FIXED_HEIGHTS = {
    "boundary": boundary.HEIGHT,
    "range": range_table.HEIGHT,
    "byte_and": byte_and.HEIGHT,
    "constant": constant.HEIGHT,
}


def capacities(size_class: int) -> dict[str, int]:
    """Records of each table that a segment of a size class may have, as `witness.TABLES` counts them.

    Raises
    ------
    ValueError
        The size class is outside `MIN_SIZE_CLASS` to `MAX_SIZE_CLASS`.
    """
    if not MIN_SIZE_CLASS <= size_class <= MAX_SIZE_CLASS:
        raise ValueError(f"size class {size_class} is outside {MIN_SIZE_CLASS} to {MAX_SIZE_CLASS}")
    rows = {name: max(share * 2**size_class // 64, _FLOORS.get(name, 1)) for name, share in _PROPORTIONS.items()}
    return {**{name: count // _ROWS.get(name, 1) for name, count in rows.items()}, "decode": _DECODE_CAPACITY}


def height(rows: int) -> int:
    """The height of a table with this many used rows: a power of two, at least 64."""
    return max(1 << max(rows - 1, 0).bit_length(), 1 << MIN_LOG_HEIGHT)


def used_rows(records: Mapping[str, int], compressions: int) -> dict[str, int]:
    """Rows that hold something, of the tables whose height depends on the segment.

    Parameters
    ----------
    records : number of records of every family, and of decode, block and node
    compressions : number of distinct compressions
    """
    found = {table: sum(records[kind] for kind in _RECORDS.get(table, (table,))) for table in _TABLES}
    return _rows({**found, "poseidon2": compressions})


def heights(records: Mapping[str, int], compressions: int) -> dict[str, int]:
    """Heights of all tables of a segment; the parameters are those of `used_rows`."""
    return _heights(used_rows(records, compressions))


def max_log_heights(size_class: int = MAX_SIZE_CLASS) -> dict[str, int]:
    """log2 of the largest height of every table, for the key.

    The boundary's bound, 6, is what makes its row selectors, of period 64, those of single rows.
    """
    return log_heights(capacities(size_class))


def log_heights(records: Mapping[str, int]) -> dict[str, int]:
    """log2 of the height of every table of a segment with these records, as `witness.TABLES` counts them."""
    return {name: rows.bit_length() - 1 for name, rows in _heights(_rows(records)).items()}


def _rows(records: Mapping[str, int]) -> dict[str, int]:
    return {table: count * _ROWS.get(table, 1) for table, count in records.items()}


def _heights(rows: Mapping[str, int]) -> dict[str, int]:
    return {**{table: height(count) for table, count in rows.items()}, **FIXED_HEIGHTS}
