"""Expansion of execution records on the CPU."""

from __future__ import annotations

import numpy as np

from proving.backend.expansion import Expansion, refuse
from proving.backend.interface import HostArray
from proving.native import INT, POINTER, SIZE, function, memory

_families = function("hm_expand_families", INT, [*[POINTER] * 3, SIZE, *[POINTER] * 4, SIZE, *[POINTER] * 5])
_poseidon2 = function("hm_expand_poseidon2", None, [POINTER, POINTER, SIZE, POINTER, SIZE])
_pages = function(
    "hm_expand_pages",
    None,
    [POINTER, SIZE, POINTER, SIZE, POINTER, POINTER, POINTER, SIZE, POINTER, SIZE],
)


def expand(expansion: Expansion) -> dict[str, HostArray]:
    """Return the traces by table.

    Raises
    ------
    ExpansionRefused
        An instruction was not decoded, or is none.
    """
    traces = {table: memory.zeros(shape) for table, shape in expansion.shapes.items()}
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
