"""The byte table: row 256 a + b holds two bytes and their conjunction.

====================== =====================================================================
column                 meaning
====================== =====================================================================
a, b, both             preprocessed; both = a & b
and_count, pair_count  number of lookups of (a, b, both) and of (a, b), free
====================== =====================================================================
"""

from __future__ import annotations

import numpy as np

from proving.machine.main_vm.buses import AND, BYTES
from proving.stark.air import Table, TableBuilder

HEIGHT = 2**16


class ByteAnd(Table):
    """All pairs of bytes."""

    name = "byte_and"

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        pairs = np.arange(HEIGHT)
        first, second = pairs >> 8, pairs & 255
        a, b = t.preprocessed("a", first), t.preprocessed("b", second)
        both = t.preprocessed("both", first & second)
        t.receive(AND, [a, b, both], t.main("and_count"), "conjunction")
        t.receive(BYTES, [a, b], t.main("pair_count"), "pair")
