"""Evaluation of a table's expressions over many rows at once, exact in the base field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proving.native import POINTER, SIZE, function
from proving.stark.air.graph import Op, P
from proving.stark.air.table import TableBuilder

U64 = npt.NDArray[np.uint64]

_BINARY = {
    Op.ADD: function("hm_field_add", None, [POINTER, POINTER, POINTER, SIZE]),
    Op.SUB: function("hm_field_sub", None, [POINTER, POINTER, POINTER, SIZE]),
    Op.MUL: function("hm_field_mul", None, [POINTER, POINTER, POINTER, SIZE]),
}


@dataclass(frozen=True)
class RowView:
    """Rows of one table, not necessarily neighbours.

    Attributes
    ----------
    current : (main columns, k) uint64, each row's cells
    following : (main columns, k) uint64, the cells of the row after each
    preprocessed : (preprocessed columns, k) uint64
    indices : (k,) int64, each row's number in the table
    height : rows of the table
    publics : (publics,) uint64
    """

    current: U64
    following: U64
    preprocessed: U64
    indices: npt.NDArray[np.int64]
    height: int
    publics: U64


def whole_table(table: TableBuilder, trace: U64, publics: U64) -> RowView:
    """Every row of a trace, in order."""
    height = trace.shape[1]
    preprocessed = np.stack(table.preprocessed_values) if table.preprocessed_values else np.empty((0, height), np.uint64)
    return RowView(
        current=trace,
        following=np.roll(trace, -1, axis=1),
        preprocessed=preprocessed,
        indices=np.arange(height, dtype=np.int64),
        height=height,
        publics=publics,
    )


def evaluate_rows(table: TableBuilder, view: RowView, nodes: Sequence[int]) -> dict[int, U64]:
    """Values of `nodes` and of everything they depend on.

    Returns
    -------
    dict
        Node to its (k,) uint64 canonical values.
    """
    graph = table.graph
    count = view.indices.shape[0]
    values: dict[int, U64] = {}
    for node in graph.reachable(nodes):
        op, a, b = graph.op[node], graph.a[node], graph.b[node]
        if op in _BINARY:
            values[node] = _binary(op, values[a], values[b])
        elif op is Op.NEG:
            values[node] = _binary(Op.SUB, np.zeros(count, np.uint64), values[a])
        else:
            values[node] = np.ascontiguousarray(_leaf(table, view, op, a, b))
    return values


def transition_values(indices: npt.NDArray[np.int64], height: int) -> U64:
    """X - w^-1 at the given rows of the trace domain of order `height`, (k,) uint64."""
    root = pow(pow(7, (P - 1) >> 32, P), 2**32 // height, P)
    inverse = pow(root, P - 2, P)
    return np.array([(pow(root, int(row), P) - inverse) % P for row in indices], dtype=np.uint64)


def _leaf(table: TableBuilder, view: RowView, op: Op, a: int, b: int) -> U64:
    count = view.indices.shape[0]
    match op:
        case Op.CONST:
            return np.full(count, a, dtype=np.uint64)
        case Op.MAIN:
            return (view.following if b else view.current)[a]
        case Op.PREPROCESSED:
            return view.preprocessed[a]
        case Op.PERIODIC:
            period = np.array(table.periodic_values[a], dtype=np.uint64)
            return period[view.indices % period.shape[0]]
        case Op.FIRST:
            return (view.indices == 0).astype(np.uint64)
        case Op.LAST:
            return (view.indices == view.height - 1).astype(np.uint64)
        case Op.TRANSITION:
            return transition_values(view.indices, view.height)
        case Op.PUBLIC:
            return np.full(count, view.publics[a], dtype=np.uint64)
        case _:
            raise AssertionError(f"{op!r} has no value on a row")


def _binary(op: Op, a: U64, b: U64) -> U64:
    out = np.empty_like(a)
    _BINARY[op](a.ctypes.data, b.ctypes.data, out.ctypes.data, a.shape[0])
    return out
