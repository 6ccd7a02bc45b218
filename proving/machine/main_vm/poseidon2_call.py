"""Poseidon2 compression of a buffer in data memory, 16 rows for each call.

Row i accesses lane i of the buffer: the words at pointer + 8 i (lower) and pointer + 8 i + 4 (upper), at step 2. The
lanes travel through a shift register: `lane[0]` is row i's own, and row 0 holds all 16 and looks the compression up.
The four outputs travel the same way and replace lanes 0 to 3; other lanes keep their words. The pointer is 128 times a
25-bit number, so the addresses do not wrap.

A lane is canonical when upper = 2^32 - 1 implies lower = 0. A buffer with another pair has no proof.

================ ===================================================================
column           meaning
================ ===================================================================
real             1 on all 16 rows of a call, or on none
clk, pointer     time and x[rs1], the same on all rows
pc, rs1, p1, h1  row 0: address, register number, its last access, bits 16..23 of the time since then
lane, output     shift registers of inputs and outputs
upper            upper word of the row's lane before the call
new_lower/upper  the row's words after the call
a, b, c, d       halves of the new words on rows 0 to 3; row 4: a, b hold bits 7..22 and 23..31 of the pointer
p_lower, p_upper last accesses to the two words
h_lower, h_upper bits 16..23 of the times since then
canonical        inverse of upper less 2^32 - 1, where the lower word is not 0
canonical_new    the same for the new words
row0 .., lane_number selectors of rows and the row's number (periodic)
================ ===================================================================
"""

from __future__ import annotations

from itertools import pairwise

from proving.circuits.gadgets.padding import padding
from proving.circuits.gadgets.range import short
from proving.machine.main_vm.buses import POSEIDON2, Operation
from proving.machine.main_vm.frame import WORD, access, byte_pair, register_key, step
from proving.stark.air import Table, TableBuilder

ROWS = 16


class Poseidon2Call(Table):
    """Sixteen rows for each Poseidon2 instruction."""

    name = "poseidon2_call"

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        # Columns
        real, clk, pointer = t.main("real"), t.main("clk"), t.main("pointer")
        pc, rs1, p1, h1 = (t.main(n) for n in ("pc", "rs1", "p1", "h1"))
        lane, output = t.main_array("lane", 16), t.main_array("output", 4)
        upper, new_lower, new_upper = t.main("upper"), t.main("new_lower"), t.main("new_upper")
        a, b, c, d = (t.main(n) for n in "abcd")
        p_lower, p_upper, h_lower, h_upper = (t.main(n) for n in ("p_lower", "p_upper", "h_lower", "h_upper"))
        canonical, canonical_new = t.main("canonical"), t.main("canonical_new")
        first = t.periodic("row0", [int(i == 0) for i in range(ROWS)])
        inner = t.periodic("inner", [int(i < ROWS - 1) for i in range(ROWS)])
        outputs = t.periodic("outputs", [int(i < 4) for i in range(ROWS)])
        fifth = t.periodic("row4", [int(i == 4) for i in range(ROWS)])
        number = t.periodic("lane_number", list(range(ROWS)))
        t.boolean(real)
        call = real * first
        lower = lane[0] - upper * WORD
        time = clk * 4

        # Buses
        step(t, call, clk=clk, pc=pc, operation=Operation.POSEIDON2, rs1=rs1)
        access(t, call, "rs1", key=register_key(rs1), previous=p1, time=time, high=h1, old=pointer, new=pointer)
        short(t, call, "rs1: time since the last access, upper bits", h1, 8)
        key = pointer + 8 * number
        access(t, real, "lower word", key=key, previous=p_lower, time=time + 2, high=h_lower, old=lower, new=new_lower)
        access(
            t, real, "upper word", key=key + 4, previous=p_upper, time=time + 2, high=h_upper, old=upper, new=new_upper
        )
        byte_pair(t, real, "words: time since the last access, upper bits", h_lower, h_upper)
        t.send(POSEIDON2, [*lane, *output], call, "compression")
        short(t, real, "new lower word: low half", a)
        short(t, real, "new lower word: high half, or pointer", b, 16 - 7 * fifth)
        short(t, real, "new upper word: low half", c)
        short(t, real, "new upper word: high half", d)

        # Constraints
        going = real * inner
        t.when(inner).equal("the rows of a call stay together", real.next, real)
        t.when(going).equal("clk is the same on all rows", clk.next, clk)
        t.when(going).equal("the pointer is the same on all rows", pointer.next, pointer)
        for register in (lane, output):
            for current, successor in pairwise(register):
                t.when(going).equal(f"{current.name} moves up", current.next, successor)
            t.when(going).zero(f"nothing follows {register[-1].name}", register[-1].next)
        t.when(real * fifth).equal("the pointer is aligned", pointer, 128 * a + 2**23 * b)
        t.when(real).zero("the lane is canonical", lower * ((upper - (WORD - 1)) * canonical - 1))
        t.when(outputs).equal("new lower word", new_lower, a + b * 2**16)
        t.when(outputs).equal("new upper word", new_upper, c + d * 2**16)
        t.when(outputs).equal("output", output[0], new_lower + new_upper * WORD)
        t.when(real * outputs).zero(
            "the output is canonical", new_lower * ((new_upper - (WORD - 1)) * canonical_new - 1)
        )
        t.when(1 - outputs).equal("the lower word is kept", new_lower, lower)
        t.when(1 - outputs).equal("the upper word is kept", new_upper, upper)

        for column in (pc, rs1, p1, h1):
            t.free(column, when=1 - first, reason="used on the call's first row only")
        for column in (a, b):
            t.free(column, when=1 - outputs - fifth, reason="neither output nor pointer is checked on this row")
        for column in (c, d):
            t.free(column, when=1 - outputs, reason="no output is checked on this row")
        t.free(canonical, when=1, reason="a hint that matters only where the lower word is not zero")
        t.free(canonical_new, when=1, reason="a hint that matters only where the new lower word is not zero")
        padding(t, real)
