"""Expansion of execution records, requests and wires on the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np

from proving.backend.expansion import Expansion, RecursionExpansion, RequestExpansion, SegmentExpansion, refuse
from proving.backend.interface import HostArray
from proving.native import INT, POINTER, SIZE, NativeFunction, function, memory

_families = function("hm_expand_families", INT, [*[POINTER] * 3, SIZE, *[POINTER] * 4, SIZE, *[POINTER] * 5])
_poseidon2 = function("hm_expand_poseidon2", None, [POINTER, POINTER, SIZE, POINTER, SIZE])
_pages = function(
    "hm_expand_pages",
    None,
    [POINTER, SIZE, POINTER, SIZE, POINTER, POINTER, POINTER, SIZE, POINTER, SIZE],
)
_chain = function("hm_chain_fill", None, [POINTER, SIZE, POINTER, POINTER, SIZE])
_hash = function("hm_fill_hash16", None, [POINTER, SIZE, POINTER])


@cache
def _requests(circuit: str) -> NativeFunction:
    return function(f"hm_{circuit}_fill", None, [POINTER, SIZE, SIZE, POINTER, SIZE, POINTER])


def expand(expansion: Expansion) -> dict[str, HostArray]:
    """Return the traces by table.

    Raises
    ------
    ExpansionRefused
        An instruction of a segment was not decoded, or is none.
    """
    match expansion:
        case SegmentExpansion():
            return _segment(expansion)
        case RequestExpansion():
            return _request(expansion)
        case RecursionExpansion():
            return _recursion(expansion)
        case _:
            raise TypeError(f"there is no expansion of {type(expansion).__name__}")


def fill_chain(table: HostArray, absorbed: HostArray, digests: HostArray) -> None:
    """Fill a zeroed chain table: blocks ``(blocks, 12)``, the digests ``(blocks + 1, 4)`` around them, and padding."""
    _chain(absorbed.ctypes.data, len(absorbed), digests.ctypes.data, table.ctypes.data, table.shape[1])


def _zeroed(shapes: Mapping[str, tuple[int, int]]) -> dict[str, HostArray]:
    return {table: memory.zeros(shape) for table, shape in shapes.items()}


def _request(expansion: RequestExpansion) -> dict[str, HostArray]:
    traces = _zeroed(expansion.shapes)
    table, ranges, inputs = traces[expansion.circuit], traces.get("range"), expansion.inputs
    counted = None if ranges is None else ranges.ctypes.data
    _requests(expansion.circuit)(
        inputs.ctypes.data, len(inputs), expansion.blocks, table.ctypes.data, table.shape[1], counted
    )
    fill_chain(traces["chain"], expansion.absorbed, expansion.digests)
    return traces


def _recursion(expansion: RecursionExpansion) -> dict[str, HostArray]:
    columns = memory.empty(expansion.shapes["hash"])
    _hash(expansion.hashed.ctypes.data, len(expansion.hashed), columns.ctypes.data)
    return {"hash": columns, **expansion.tables}


def _segment(expansion: SegmentExpansion) -> dict[str, HostArray]:
    traces = _zeroed(expansion.shapes)
    traces["boundary"] = expansion.boundary
    inputs, hashed, page = expansion.inputs, traces["poseidon2"], traces["page"]
    _poseidon2(inputs.ctypes.data, expansion.counts.ctypes.data, len(inputs), hashed.ctypes.data, hashed.shape[1])
    _pages(
        expansion.blocks.ctypes.data,
        len(expansion.blocks),
        expansion.nodes.ctypes.data,
        len(expansion.nodes),
        inputs.ctypes.data,
        expansion.pages.ctypes.data,
        hashed.ctypes.data,
        hashed.shape[1],
        page.ctypes.data,
        page.shape[1],
    )
    families, decode = expansion.families, traces["decode"]
    tables = [*(traces[family.table] for family in families), traces["idle"], decode]
    firsts = [*(family.first for family in families), 0, 0]
    columns = np.array([t.ctypes.data + 8 * first for t, first in zip(tables, firsts, strict=True)], dtype=np.uint64)
    heights = np.array([table.shape[1] for table in tables], dtype=np.uint64)
    records = [*(family.records for family in families), expansion.idle]
    pointers = np.array([rows.ctypes.data for rows in records], dtype=np.uint64)
    lengths = np.array([len(rows) for rows in records], dtype=np.uint64)
    refuse(
        _families(
            pointers.ctypes.data,
            lengths.ctypes.data,
            expansion.decode.ctypes.data,
            len(expansion.decode),
            expansion.constants.ctypes.data,
            inputs.ctypes.data,
            expansion.calls.ctypes.data,
            hashed.ctypes.data,
            hashed.shape[1],
            columns.ctypes.data,
            heights.ctypes.data,
            traces["range"].ctypes.data,
            traces["byte_and"].ctypes.data,
            traces["constant"].ctypes.data,
        )
    )
    return traces
