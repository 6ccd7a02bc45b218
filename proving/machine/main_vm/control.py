"""Jumps, signed comparisons and branches on them, and comparisons with a constant.

With b = v2 + imm (one of them zero) and d = v1 - b, taken as signed numbers but for SLTIU: `compare` = (d < 0), as
d + 2^32 compare is a word.

* A branch (BLT, BGE) is taken when compare xor negate. Its immediate is zero. Its target and JAL's come from decode.
* JAL: imm holds the link value. JALR: the target is v1 + imm mod 2^32 with bit 0 cleared; `target` holds the link
  value. A target with bit 1 set has no proof, as the next pc is four times a 30-bit number.

=============== =====================================================================
column          meaning
=============== =====================================================================
clk, pc         time and address of the instruction
jal .. set_*    the kind of operation, one-hot; all zero on padding rows
negate          modifier: BGE
rs1 .. target   operands from decode
v1, v2          values read
old, out        value of rd before and after
p1 p2 pd        timestamps of the last access to rs1, rs2, rd
compare         result of the comparison; for JALR the carry of the target
next_pc         address of the next instruction
x_low, x_high   halves of d + 2^32 compare, or of JALR's next_pc / 4
sign1, sign2    bit 31 of v1 and b, when signed; for JALR sign1 is bit 0 of the target before it is cleared
t1, t2          bits 16..30 of v1 and b, when signed
=============== =====================================================================
"""

from __future__ import annotations

from proving.circuits.gadgets.padding import padding
from proving.circuits.gadgets.range import short
from proving.machine.main_vm.buses import Operation
from proving.machine.main_vm.frame import WORD, one_hot, registers, step, weighted, word
from proving.stark.air import Table, TableBuilder


class Control(Table):
    """One row for each JAL, JALR, BLT, BGE, SLT, SLTI or SLTIU."""

    name = "control"

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        # Columns
        clk, pc = t.main("clk"), t.main("pc")
        jal, jalr, less, set_signed, set_immediate = (
            t.main(n) for n in ("jal", "jalr", "less", "set_signed", "set_immediate")
        )
        negate = t.main("negate")
        rs1, rs2, rd, imm, target = (t.main(n) for n in ("rs1", "rs2", "rd", "imm", "target"))
        v1, v2, old, out = (t.main(n) for n in ("v1", "v2", "old", "out"))
        previous = [t.main(n) for n in ("p1", "p2", "pd")]
        compare, next_pc = t.main("compare"), t.main("next_pc")
        x_low, x_high = t.main("x_low"), t.main("x_high")
        sign1, sign2, t1, t2 = (t.main(n) for n in ("sign1", "sign2", "t1", "t2"))
        real = one_hot(t, [jal, jalr, less, set_signed, set_immediate])
        signed, sets = less + set_signed, set_signed + set_immediate
        ordered = less + sets

        # Buses
        kinds = ((jal, Operation.JAL), (jalr, Operation.JALR), (less, Operation.BLT))
        comparisons = ((set_signed, Operation.SET_SIGNED), (set_immediate, Operation.SET_IMMEDIATE))
        operation = weighted(t, [(flag, int(operation)) for flag, operation in kinds + comparisons]) + negate
        step(
            t, real, clk=clk, pc=pc, operation=operation, rd=rd, rs1=rs1, rs2=rs2, imm=imm, target=target,
            next_pc=next_pc,
        )  # fmt: skip
        registers(
            t, real, clk=clk, rs1=rs1, rs2=rs2, rd=rd, v1=v1, v2=v2, old=old, out=out, previous=previous,
            writing=jal + jalr + sets,
        )  # fmt: skip
        b = v2 + imm
        short(t, ordered + jalr, "difference or target: low half", x_low)
        short(t, ordered + jalr, "difference or target: high half", x_high, 16 - 2 * jalr)
        word(t, signed, "first operand without its sign", v1 - sign1 * 2**31, t1, 15)
        word(t, signed, "second operand without its sign", b - sign2 * 2**31, t2, 15)

        # Constraints
        for flag in (negate, compare, sign1, sign2):
            t.boolean(flag)
        difference = v1 - b - signed * (sign1 - sign2) * WORD
        x = x_low + x_high * 2**16
        t.when(ordered).equal("less exactly when the difference is negative", difference + compare * WORD, x)
        taken = compare + negate - 2 * compare * negate
        t.when(less).equal("a branch's next pc", next_pc, pc + 4 + taken * (target - pc - 4))
        t.when(sets).equal("set continues", next_pc, pc + 4)
        t.when(sets).equal("set's result", out, compare)
        t.when(jal).equal("jal jumps", next_pc, target)
        t.when(jal).equal("jal links", out, imm)
        t.when(jalr).equal("jalr's target", v1 + imm, next_pc + sign1 + compare * WORD)
        t.when(jalr).equal("jalr's next pc is a multiple of four", next_pc, 4 * x)
        t.when(jalr).equal("jalr links", out, target)

        # Cells that do not matter
        t.free(compare, when=jal, reason="a plain jump compares nothing")
        for column in (x_low, x_high):
            t.free(column, when=jal, reason="neither an order nor a computed target is checked")
        t.free(sign1, when=1 - signed - jalr, reason="used by signed comparisons and computed targets only")
        for column in (sign2, t1, t2):
            t.free(column, when=1 - signed, reason="used by signed comparisons only")
        for column in (old, out, previous[2]):
            t.free(column, when=less, reason="a branch writes no register")
        padding(t, real)
