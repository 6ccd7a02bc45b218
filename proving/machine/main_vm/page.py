"""Pages: the 64-byte blocks that the segment touches and the tree nodes above them, two rows each.

The even row holds a block or node as it was when the segment started, the odd row as it is when the segment ends. Each
hashes its 16 elements, which are a block's words or the digests of a node's four children. The even row takes
(old digest, new digest) from the parent, which hands a touched child down once.

A block's even row puts every word on the MEMORY bus, at a timestamp that may be any (`frame`), its odd row takes every
word at its last timestamp: a word enters once and leaves once. A node hands every touched child down; an untouched
child keeps its digest. Levels
fall by one from the root, 13, to the blocks, 0, and the index of child c is 4 index + c, so a block has one place.

============== =====================================================================
column         meaning
============== =====================================================================
block, node    what the row is, one-hot; both 0 on padding rows
space          data memory, registers or code
level          how far above the blocks; 0 for blocks
index          number of the block or node in its level
touched        even rows of nodes: which children are handed down; else 0
element        the 16 words, or four elements of each child's digest
digest         compression of the elements
time           of blocks: the words' timestamps, on even rows where they start, on odd rows the last
old_row        1 on even rows (periodic)
============== =====================================================================
"""

from __future__ import annotations

from proving.circuits.gadgets.padding import padding
from proving.machine.main_vm.buses import MEMORY, PAGE, POSEIDON2, SPACE
from proving.machine.main_vm.frame import one_hot
from proving.stark.air import Operand, Table, TableBuilder


class Page(Table):
    """Two rows for each touched block or node: before and after."""

    name = "page"

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        # Columns
        block, node = t.main("block"), t.main("node")
        space, level, index = t.main("space"), t.main("level"), t.main("index")
        touched, elements, digest = t.main_array("touched", 4), t.main_array("element", 16), t.main_array("digest", 4)
        times = t.main_array("time", 16)
        old_row = t.periodic("old_row", [1, 0])
        real = one_hot(t, [block, node])
        for flag in touched:
            t.boolean(flag)

        # Buses
        page: list[Operand] = [space, level, index, *digest, *(d.next for d in digest)]
        t.receive(PAGE, page, real * old_row, "from the parent")
        t.send(POSEIDON2, [*elements, *digest], real, "digest")
        for c, flag in enumerate(touched):
            lanes = elements[4 * c : 4 * c + 4]
            child: list[Operand] = [space, level - 1, 4 * index + c, *lanes, *(lane.next for lane in lanes)]
            t.send(PAGE, child, flag, f"to child {c}")
        for j, (word, time) in enumerate(zip(elements, times, strict=True)):
            address = 64 * index + SPACE * space + 4 * j
            t.send(MEMORY, [address, word, time], block * (2 * old_row - 1), f"word {j}")

        # Constraints
        for column in (block, node, space, index):
            t.when(old_row).equal(f"both rows have one {column.name}", column.next, column)
        t.when(block).zero("a block is at level 0", level)
        for c, flag in enumerate(touched):
            t.when(flag).equal(f"child {c} is handed down from the even row of a node", node * old_row, 1)
            for lane in elements[4 * c : 4 * c + 4]:
                t.when(node * old_row * (1 - flag)).equal(f"{lane.name} is untouched", lane.next, lane)

        t.free(level, when=node * (1 - old_row), reason="the even row says which node it is")
        for column in times:
            t.free(column, when=node, reason="a node has no words")
        for column in times:
            t.chosen(column, when=block * old_row, reason="a word may start at any time before its first access")
        for flag in touched:
            t.chosen(flag, when=node * old_row, reason="a child that keeps its digest may be handed down or not")
        padding(t, real)
