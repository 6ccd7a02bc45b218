"""Rows that hold nothing."""

from __future__ import annotations

from proving.stark.air import Column, Expr, TableBuilder
from proving.stark.air.graph import Op


def padding(t: TableBuilder, real: Expr) -> None:
    """Declare every cell of a padding row free: no message is counted there, so nothing refers to it."""
    for index, name in enumerate(t.main_names):
        t.free(Column(t.graph, Op.MAIN, index, name), when=1 - real, reason="padding")
