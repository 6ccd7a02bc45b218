"""Nodes: the inner nodes of the page trees that the segment touches, two rows each.

The even row holds the digests of the four children when the segment started, the odd row when it ends. A touched child
is handed down once; an untouched child keeps its digest. Levels fall by one from the root, 13, to the blocks, 0, and
the index of child c is 4 index + c, so a page has one place.

============== =====================================================================
column         meaning
============== =====================================================================
real           0 on padding rows
space, level   even rows: which tree, and how far above the blocks
index          even rows: number of the node in its level
touched        even rows: which children are handed down; 0 on odd rows
child          digests of the four children, four elements each
digest         compression of the children
old_row        1 on even rows (periodic)
============== =====================================================================
"""

from __future__ import annotations

from proving.machine.main_vm.buses import PAGE, POSEIDON2
from proving.machine.main_vm.frame import padding
from proving.stark.air import Table, TableBuilder


class Node(Table):
    """Two rows for each touched node: before and after."""

    name = "node"

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        # Columns
        real, space, level, index = (t.main(n) for n in ("real", "space", "level", "index"))
        touched, child, digest = t.main_array("touched", 4), t.main_array("child", 16), t.main_array("digest", 4)
        old_row = t.periodic("old_row", [1, 0])
        t.boolean(real)
        for flag in touched:
            t.boolean(flag)

        # Buses
        page = [space, level, index, *digest, *(d.next for d in digest)]
        t.receive(PAGE, page, real * old_row, "from the parent", trusted="a boolean on even rows, zero on odd ones")
        t.send(POSEIDON2, [*child, *digest], real, "digest")
        for c, flag in enumerate(touched):
            lanes = child[4 * c : 4 * c + 4]
            t.send(
                PAGE, [space, level - 1, 4 * index + c, *lanes, *(lane.next for lane in lanes)], flag, f"to child {c}"
            )

        # Constraints
        t.when(old_row).equal("both rows are real or padding", real.next, real)
        for c, flag in enumerate(touched):
            t.when(flag).equal(f"child {c} is handed down from a real even row", real * old_row, 1)
            for lane in child[4 * c : 4 * c + 4]:
                t.when(old_row * (1 - flag)).equal(f"{lane.name} is untouched", lane.next, lane)

        for column in (space, level, index):
            t.free(column, when=1 - old_row, reason="the even row says which node it is")
        padding(t, real)
