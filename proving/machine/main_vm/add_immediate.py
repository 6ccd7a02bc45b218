"""Additions of a constant, and the advice read.

ADDI, LUI, AUIPC and FENCE are such additions: the decode table resolves the immediate, and rs1 is x0 where there is
none. As `out` is a word, v1 + imm - out is 0 or 2^32 for one word only.

======== =====================================================================
column   meaning
======== =====================================================================
clk, pc  time and address of the instruction
is_*     the operation, one-hot; all zero on padding rows
rs1 ..   register numbers and immediate (from decode)
v1       the value of rs1
old, out value of rd before and after
p1 pd    timestamps of the last access to rs1, rd
out_high out >> 16
======== =====================================================================
"""

from __future__ import annotations

from proving.circuits.gadgets.padding import padding
from proving.machine.main_vm.buses import Operation
from proving.machine.main_vm.frame import WORD, access, one_hot, register_key, step, weighted, word
from proving.stark.air import Table, TableBuilder


class AddImmediate(Table):
    """One row for each ADDI, LUI, AUIPC, FENCE or advice read."""

    name = "add_immediate"

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        # Columns
        clk, pc, is_add, is_advice = (t.main(n) for n in ("clk", "pc", "is_add", "is_advice"))
        rs1, rd, imm = (t.main(n) for n in ("rs1", "rd", "imm"))
        v1, old, out, p1, pd, out_high = (t.main(n) for n in ("v1", "old", "out", "p1", "pd", "out_high"))
        real = one_hot(t, [is_add, is_advice])
        time = clk * 4

        # Buses
        operation = weighted(t, [(is_add, Operation.ADD_IMMEDIATE), (is_advice, Operation.ADVICE)])
        step(t, real, clk=clk, pc=pc, operation=operation, rd=rd, rs1=rs1, imm=imm)
        access(t, real, "rs1", key=register_key(rs1), previous=p1, time=time, old=v1, new=v1)
        access(t, real, "rd", key=register_key(rd), previous=pd, time=time + 3, old=old, new=out)
        word(t, real, "out", out, out_high)

        # Constraints
        excess = v1 + imm - out
        t.when(is_add).zero("the sum", excess * (excess - WORD))
        for column in (out, out_high):
            t.chosen(column, when=is_advice, reason="a word of advice is any word")
        padding(t, real)
