"""Blocks: the 64-byte pages that the segment touches, two rows each.

The even row holds a block as it was when the segment started, the odd row as it is when the segment ends. Each hashes
its words to its digest; the even row takes (old digest, new digest) from the parent and puts every word on the MEMORY
bus at timestamp 0; the odd row takes every word at its last timestamp. The parent touches a child once, so a word
enters once.

============== =====================================================================
column         meaning
============== =====================================================================
real           0 on padding rows
space, index   data memory, registers or code; number of the block in its space
word           the 16 words
time           last timestamps of the words; 0 on even rows
digest         compression of the words
old_row        1 on even rows (periodic)
============== =====================================================================
"""

from __future__ import annotations

from proving.machine.main_vm.buses import MEMORY, PAGE, POSEIDON2, SPACE
from proving.machine.main_vm.frame import padding
from proving.stark.air import Operand, Table, TableBuilder


class Block(Table):
    """Two rows for each touched block: before and after."""

    name = "block"

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        # Columns
        real, space, index = t.main("real"), t.main("space"), t.main("index")
        words, times, digest = t.main_array("word", 16), t.main_array("time", 16), t.main_array("digest", 4)
        old_row = t.periodic("old_row", [1, 0])
        t.boolean(real)

        # Buses
        page: list[Operand] = [space, 0, index, *digest, *(d.next for d in digest)]
        t.receive(PAGE, page, real * old_row, "from the parent", trusted="a boolean on even rows, zero on odd ones")
        t.send(POSEIDON2, [*words, *digest], real, "digest")
        for j, (word, time) in enumerate(zip(words, times, strict=True)):
            t.send(
                MEMORY, [64 * index + SPACE * space + 4 * j, word, time], real * (2 * old_row - 1), f"word {j}",
                trusted="a boolean: sent on even rows, received on odd ones",
            )  # fmt: skip

        # Constraints
        t.when(old_row).equal("both rows are real or padding", real.next, real)
        t.when(old_row).equal("both rows are of one space", space.next, space)
        t.when(old_row).equal("both rows are of one block", index.next, index)
        for j, time in enumerate(times):
            t.when(old_row).zero(f"word {j} starts at timestamp 0", time)
        padding(t, real)
