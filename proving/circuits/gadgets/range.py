"""The range table: bounds of up to 16 bits, in 2^16 rows.

Row i holds (16, i). Besides, row 2^bits + value holds (bits, value) for bits from 0 to 15 and value < 2^bits: together
that is every row but row 0.

====================== =====================================================================
column                 meaning
====================== =====================================================================
bits, value            preprocessed; row 0 says that 0 < 2^17
whole                  preprocessed; the row's number, a value of 16 bits
count, whole_count     number of lookups of (bits, value) and of (16, whole), free
====================== =====================================================================
"""

from __future__ import annotations

import numpy as np

from proving.stark.air import Bus, Expr, Operand, Table, TableBuilder

#: (bits, value) with value < 2^bits, bits 0..16, provided by the range table.
RANGE = Bus(6, 2, "lookup", "range")
MAX_BITS = 16
HEIGHT = 2**MAX_BITS


class RangeTable(Table):
    """All values of up to 16 bits."""

    name = "range"

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        sizes = np.concatenate([[0], np.repeat(np.arange(MAX_BITS), 2 ** np.arange(MAX_BITS))])
        values = np.arange(HEIGHT) - 2**sizes
        sizes[0], values[0] = MAX_BITS + 1, 0
        bits, value = t.preprocessed("bits", sizes), t.preprocessed("value", values)
        whole = t.preprocessed("whole", np.arange(HEIGHT))
        t.receive(RANGE, [bits, value], t.main("count"), "value")
        t.receive(RANGE, [MAX_BITS, whole], t.main("whole_count"), "value of 16 bits")


def short(t: TableBuilder, count: Operand, what: str, value: Expr, bits: Operand = MAX_BITS) -> None:
    """Check 0 <= value < 2^bits, bits at most 16."""
    t.send(RANGE, [bits, value], count, what)
