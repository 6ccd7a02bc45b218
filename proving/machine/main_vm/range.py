"""The range table: row 2^bits + value holds (bits, value), value < 2^bits, bits from 0 to 16.

====================== =====================================================================
column                 meaning
====================== =====================================================================
bits, value            preprocessed; row 0 says that 0 < 2^17
count                  number of lookups, free
====================== =====================================================================
"""

from __future__ import annotations

import numpy as np

from proving.machine.main_vm.buses import RANGE
from proving.stark.air import Table, TableBuilder

MAX_BITS = 16
HEIGHT = 2 ** (MAX_BITS + 1)


class RangeTable(Table):
    """All values of up to 16 bits."""

    name = "range"

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        sizes = np.concatenate([[0], np.repeat(np.arange(MAX_BITS + 1), 2 ** np.arange(MAX_BITS + 1))])
        values = np.arange(HEIGHT) - 2**sizes
        sizes[0], values[0] = MAX_BITS + 1, 0
        bits, value = t.preprocessed("bits", sizes), t.preprocessed("value", values)
        t.receive(RANGE, [bits, value], t.main("count"), "value")
