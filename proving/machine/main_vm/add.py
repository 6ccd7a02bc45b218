"""ADD, SUB and the advice read.

ADDI, LUI, AUIPC and FENCE are ADD too: the decode table resolves the immediate. One of v2 and imm is always zero.

======== =====================================================================
column   meaning
======== =====================================================================
clk, pc  time and address of the instruction
is_*     the operation, one-hot; all zero on padding rows
rs1 ..   register numbers, immediate, whether rd is written (from decode)
v1, v2   values read
old, out value of rd before and after
p1 p2 pd timestamps of the last access to rs1, rs2, rd
h1 h2 hd bits 16..23 of the times since then
carry    carry of the addition, borrow of the subtraction
out_high out >> 16
======== =====================================================================
"""

from __future__ import annotations

from proving.circuits.gadgets.padding import padding
from proving.machine.main_vm.buses import Operation
from proving.machine.main_vm.frame import WORD, one_hot, registers, step, weighted, word
from proving.stark.air import Table, TableBuilder


class Add(Table):
    """One row for each addition, subtraction or advice read."""

    name = "add"

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        # Columns
        clk, pc, is_add, is_sub, is_advice = (t.main(n) for n in ("clk", "pc", "is_add", "is_sub", "is_advice"))
        rs1, rs2, rd, imm, writes = (t.main(n) for n in ("rs1", "rs2", "rd", "imm", "writes"))
        v1, v2, old, out = (t.main(n) for n in ("v1", "v2", "old", "out"))
        previous = [t.main(n) for n in ("p1", "p2", "pd")]
        high = [t.main(n) for n in ("h1", "h2", "hd")]
        carry, out_high = t.main("carry"), t.main("out_high")
        real = one_hot(t, [is_add, is_sub, is_advice])

        # Buses
        operation = weighted(t, [(is_add, Operation.ADD), (is_sub, Operation.SUB), (is_advice, Operation.ADVICE)])
        step(t, real, clk=clk, pc=pc, operation=operation, rd=rd, rs1=rs1, rs2=rs2, imm=imm, writes=writes)
        registers(
            t, real, clk=clk, rs1=rs1, rs2=rs2, rd=rd, writes=writes,
            v1=v1, v2=v2, old=old, out=out, previous=previous, high=high,
        )  # fmt: skip
        word(t, real, "out", out, out_high)

        # Constraints
        t.boolean(carry)
        t.when(is_add).equal("the sum", out + carry * WORD, v1 + v2 + imm)
        t.when(is_sub).equal("the difference", out, v1 - v2 + carry * WORD)
        t.free(carry, when=is_advice, reason="advice is not computed")
        t.free(out, when=is_advice * (1 - writes), reason="advice that no register keeps")
        t.free(out_high, when=is_advice * (1 - writes), reason="advice that no register keeps")
        for column in (out, out_high):
            t.chosen(column, when=is_advice * writes, reason="a word of advice is any word")
        padding(t, real)
