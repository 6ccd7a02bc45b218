"""Words that were not accessed for long: each row carries one on in time.

An access shows that the last one was less than 2^16 timestamps ago (`frame`). Where it was longer ago, a row takes the
word from the MEMORY bus and puts it back as it was, up to 2^24 timestamps later. That changes nothing for the program:
a row that nobody needs delays a word, which is read and written as before.

======== =====================================================================
column   meaning
======== =====================================================================
real     0 on padding rows
key      of the word, register or memory
value    the word
previous timestamp of the last access
low      bits 0..15 of the time since then, less one
high     bits 16..23
======== =====================================================================
"""

from __future__ import annotations

from proving.circuits.gadgets.padding import padding
from proving.circuits.gadgets.range import short
from proving.machine.main_vm.buses import MEMORY
from proving.stark.air import Table, TableBuilder


class Idle(Table):
    """One row for each time that a word is carried on."""

    name = "idle"

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        # Columns
        real, key, value, previous, low, high = (t.main(n) for n in ("real", "key", "value", "previous", "low", "high"))

        # Buses
        t.receive(MEMORY, [key, value, previous], real, "before")
        t.send(MEMORY, [key, value, previous + 1 + low + high * 2**16], real, "after")
        short(t, real, "time since the last access", low)
        short(t, real, "time since the last access, upper bits", high, 8)

        # Constraints
        t.boolean(real, "the row is real or padding")
        for column in (low, high):
            t.chosen(column, when=real, reason="a word may be carried on by any time up to its next access")
        padding(t, real)
