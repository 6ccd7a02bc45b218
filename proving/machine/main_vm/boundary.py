"""The boundary: ties the segment's two state digests to pc, registers, memory, code and requests.

Each of the first six rows is one compression (input x, output digest):

=== ===============  =====================================================================
row digest of        input
=== ===============  =====================================================================
0   Q at the start   digests of the four request chains
1   start state      R of row 2 | Q of row 0 | STATE tag, 1, pc, halted = 0 | 0 0 0 0
2   R at the start   digests of register blocks 0 and 1 | memory root | code root
3   R at the end     the same at the end
4   end state        R of row 3 | Q of row 5 | STATE tag, 1, pc, halted | 0 0 0 0
5   Q at the end     digests of the four request chains
=== ===============  =====================================================================

The public inputs are the start state's digest and the end state's digest. Row 1 puts (pc, 1) on the STATE bus and row 4
takes (pc, clk), so the rows between form one path; likewise row 0 puts (type, 0, digest) of every type on the CHAIN
bus, and row 5 takes what the last request of the type left. Row 2 puts the register SINK on the MEMORY bus, and row 3
takes it: it is on no page. A halted end state has the halt instruction at pc, and a
segment makes progress: it executes an instruction or halts. Code cannot change, as the only accesses to it, those of
the decode table, put back the word they took. The table has 64 rows, one period of its row selectors.

============== =====================================================================
column         meaning
============== =====================================================================
x, digest      input and output of the row's compression
last           row 0: 0; row 5: clk of the last request of each type, 0 if there is none
clk            `last[0]`. Row 1: 1; row 4: the time at the end
progress       `last[1]`. Row 4: inverse of clk - 1 + halted
sink, sink_time `last[2]` and `last[3]`. Rows 2 and 3: content and timestamp of SINK, at the start any
row0 .. row5   row selectors (periodic)
============== =====================================================================
"""

from __future__ import annotations

from proving.circuits.requests import RequestType
from proving.hash.tags import Tag
from proving.machine.main_vm.buses import (
    CHAIN,
    DECODE,
    MEMORY,
    PAGE,
    POSEIDON2,
    SINK,
    SPACE_CODE,
    SPACE_MEMORY,
    SPACE_REGISTERS,
    STATE,
    Operation,
)
from proving.machine.main_vm.frame import register_key
from proving.stark.air import Table, TableBuilder

HEIGHT = 64
#: Level of the root of data memory and of code: 4^13 blocks of 64 bytes are 2^32 bytes.
ROOT_LEVEL = 13


class Boundary(Table):
    """One row for each compression of the segment's two states."""

    name = "boundary"

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        # Columns
        x, digest = t.main_array("x", 16), t.main_array("digest", 4)
        last = t.main_array("last", len(RequestType))
        clk, progress = last[:2]
        sink, sink_time = last[2:]
        rows = [t.periodic(f"row{i}", [int(j == i) for j in range(HEIGHT)]) for i in range(6)]
        asked, start, before, after, end, answered = rows
        used = asked + start + before + after + end + answered
        pc, halted = x[10], x[11]

        # Buses
        t.send(POSEIDON2, [*x, *digest], used, "digest")
        t.send(STATE, [pc, clk], start - end, "first and last state")
        t.send(DECODE, [pc, Operation.HALT, 0, 0, 0, 0, 0], end * halted, "halt")
        for kind in RequestType:
            digests = x[4 * kind : 4 * kind + 4]
            t.send(CHAIN, [int(kind), last[kind], *digests], asked - answered, f"chain of {kind.name.lower()}")
        following = [lane.next for lane in x]
        pages = (
            (SPACE_REGISTERS, 0, 0),
            (SPACE_REGISTERS, 0, 1),
            (SPACE_MEMORY, ROOT_LEVEL, 0),
            (SPACE_CODE, ROOT_LEVEL, 0),
        )
        for i, page in enumerate(pages):
            lanes = slice(4 * i, 4 * i + 4)
            t.send(PAGE, [*page, *x[lanes], *following[lanes]], before, f"page {page}")
        t.send(MEMORY, [register_key(t.constant(SINK)), sink, sink_time], before - after, "what x0 does not take")

        # Constraints
        for i in range(4):
            t.when(start).equal(f"start digest {i} is public", digest[i], t.public(i))
            t.when(end).equal(f"end digest {i} is public", digest[i], t.public(4 + i))
            t.when(start).equal(f"R at the start {i}", x[i], digest[i].next)
            t.when(after).equal(f"R at the end {i}", following[i], digest[i])
            t.when(asked).equal(f"Q at the start {i}", following[4 + i], digest[i])
            t.when(end).equal(f"Q at the end {i}", x[4 + i], digest[i].next)
            t.when(asked).zero(f"no request of type {i} was made at the start", last[i])
            t.when(start + end).zero(f"state padding {i}", x[12 + i])
        t.when(start + end).equal("state tag", x[8], Tag.STATE)
        t.when(start + end).equal("state version", x[9], 1)
        t.when(start).zero("no segment starts halted", halted)
        t.when(start).equal("time starts at 1", clk, 1)
        t.when(end).boolean(halted, "halted is a boolean")
        t.when(end).equal("the segment makes progress", (clk - 1 + halted) * progress, 1)

        for column in (*x, *digest):
            t.free(column, when=1 - used, reason="no compression on this row")
        other = {clk: start + end, progress: end, sink: before + after, sink_time: before + after}
        for column in last:
            t.free(column, when=1 - asked - answered - other.get(column, 0), reason="no chain and no state on this row")
        for column in (sink, sink_time):
            t.chosen(column, when=before, reason="no instruction reads this register; its time starts as any word's")
