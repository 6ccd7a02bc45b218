"""Requests that take several rows each: selectors of the rows, and what is the same on all of them.

Turns of `count` rows follow each other from the table's first row to its end, where the last one may be cut off. A turn
is a request or none. One that is cut off is none: otherwise its inputs would stand on the chain without its outputs,
and the next proof could go on with outputs of its own.

================= =====================================================================
column            meaning
================= =====================================================================
step              selectors of a turn's rows
real, position    whether the turn is a request, and its first block in the chain
================= =====================================================================
"""

from __future__ import annotations

from collections.abc import Iterable

from proving.stark.air import Column, TableBuilder


class Steps:
    """The columns and rules of turns.

    Attributes
    ----------
    step : selectors of the rows of a turn
    real, position : of the turn, the same on all of its rows
    going : not zero where the next row belongs to the same turn, a factor for constraints only
    asks, answers : 1 on the first row of a request and on the one that gives its answer

    Parameters
    ----------
    answer : the row of a turn that gives the answer
    """

    def __init__(self, t: TableBuilder, count: int, answer: int = -1) -> None:
        self.step = t.main_array("step", count)
        self.real, self.position = t.main("real"), t.main("position")
        first, answers = self.step[0], self.step[answer]
        for flag in (self.real, first, answers):
            t.boolean(flag)
        self.asks, self.answers = first * self.real, answers * self.real
        self.going = t.transition * (1 - self.step[-1])

    def constrain(self, t: TableBuilder, kept: Iterable[Column] = ()) -> None:
        """Declare the constraints; columns of `kept` are the same on all rows of a turn, too."""
        for i, flag in enumerate(self.step):
            t.when(t.first).equal(f"the first row: step {i}", flag, int(i == 0))
            t.when(t.transition).equal(f"step {i} comes in its turn", flag.next, self.step[i - 1])
        t.when(t.last).zero("a turn that is cut off is no request", self.real * (1 - self.step[-1]))
        for column in (self.real, self.position, *kept):
            t.when(self.going).equal(f"{column.name} is the same on all rows", column.next, column)
        t.free(self.position, when=1 - self.real, reason="no request has this place")
