"""Evaluation of a table's expressions over many rows at once, exact in the base field."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proving.field import goldilocks
from proving.stark.air.graph import Op, P
from proving.stark.air.table import TableBuilder

U64 = npt.NDArray[np.uint64]

_BINARY: dict[Op, Callable[[U64, U64], U64]] = {
    Op.ADD: goldilocks.add,
    Op.SUB: goldilocks.subtract,
    Op.MUL: goldilocks.multiply,
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
    preprocessed = (
        np.stack(table.preprocessed_values) if table.preprocessed_values else np.empty((0, height), np.uint64)
    )
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
    values: dict[int, U64] = {}
    for node in graph.reachable(nodes):
        op, a, b = graph.op[node], graph.a[node], graph.b[node]
        if op in _BINARY:
            values[node] = _BINARY[op](values[a], values[b])
        elif op is Op.NEG:
            values[node] = goldilocks.negate(values[a])
        else:
            values[node] = np.ascontiguousarray(_leaf(table, view, op, a, b))
    return values


def transition_values(indices: npt.NDArray[np.int64], height: int) -> U64:
    """X - w^-1 at the given rows of the trace domain of order `height`, (k,) uint64."""
    return goldilocks.subtract(_domain(height)[indices], _domain(height)[-1:])


@functools.lru_cache(maxsize=4)
def _domain(height: int) -> U64:
    """Powers of the root of order `height`, (height,) uint64."""
    powers = np.ones(1, dtype=np.uint64)
    root = goldilocks.root_of_unity(height.bit_length() - 1)
    while powers.shape[0] < height:
        step = np.full(1, pow(root, powers.shape[0], P), dtype=np.uint64)
        powers = np.concatenate([powers, goldilocks.multiply(powers, step)])
    return powers


def _leaf(table: TableBuilder, view: RowView, op: Op, a: int, b: int) -> U64:
    count = view.indices.shape[0]
    value: U64
    match op:
        case Op.CONST:
            value = np.full(count, a, dtype=np.uint64)
        case Op.MAIN:
            value = (view.following if b else view.current)[a]
        case Op.PREPROCESSED:
            value = view.preprocessed[a]
        case Op.PERIODIC:
            period = np.array(table.periodic_values[a], dtype=np.uint64)
            value = period[view.indices % period.shape[0]]
        case Op.FIRST:
            value = (view.indices == 0).astype(np.uint64)
        case Op.LAST:
            value = (view.indices == view.height - 1).astype(np.uint64)
        case Op.TRANSITION:
            value = transition_values(view.indices, view.height)
        case Op.PUBLIC:
            value = np.full(count, view.publics[a], dtype=np.uint64)
        case _:
            raise AssertionError(f"{op!r} has no value on a row")
    return value
