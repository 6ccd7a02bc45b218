"""Jumps, branches and set-less-than.

With b = v2 + imm (one of them zero) and d = v1 - b, taken as signed numbers when `signed`:

* equal: `compare` = (d == 0), shown with an inverse; less and set: `compare` = (d < 0), as d + 2^32 compare is a word.
* A branch is taken when compare xor negate. Its immediate is zero. Its target and JAL's come from decode.
* JAL: imm holds the link value. JALR: the target is v1 + imm mod 2^32 with bit 0 cleared; `target` holds the link
  value. A target with bit 1 set has no proof, as the next pc is four times a 30-bit number.

=============== =====================================================================
column          meaning
=============== =====================================================================
clk, pc         time and address of the instruction
jal .. set      the kind of operation, one-hot; all zero on padding rows
negate, signed  modifiers: BNE, BGE, BGEU; BLT, BGE, SLT
rs1 .. target   operands from decode
v1 .. hd        register access, as in `add`
compare         result of the comparison; for JALR the carry of the target
inverse         of d, when `equal` and d != 0
next_pc         address of the next instruction
x_low, x_high   halves of d + 2^32 compare, or of JALR's next_pc / 4
sign1, sign2    bit 31 of v1 and b, when `signed`; for JALR sign1 is bit 0 of the target before it is cleared
t1, t2          bits 16..30 of v1 and b, when `signed`
=============== =====================================================================
"""

from __future__ import annotations

from proving.circuits.gadgets.padding import padding
from proving.circuits.gadgets.range import short
from proving.machine.main_vm.frame import WORD, one_hot, registers, step, weighted, word
from proving.stark.air import Table, TableBuilder


class Control(Table):
    """One row for each JAL, JALR, BEQ, BNE, BLT, BGE, BLTU, BGEU, SLT(I), SLT(I)U."""

    name = "control"

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        # Columns
        clk, pc = t.main("clk"), t.main("pc")
        jal, jalr, equal, less, set_ = (t.main(n) for n in ("jal", "jalr", "equal", "less", "set"))
        negate, signed = t.main("negate"), t.main("signed")
        rs1, rs2, rd, imm, writes, target = (t.main(n) for n in ("rs1", "rs2", "rd", "imm", "writes", "target"))
        v1, v2, old, out = (t.main(n) for n in ("v1", "v2", "old", "out"))
        previous = [t.main(n) for n in ("p1", "p2", "pd")]
        high = [t.main(n) for n in ("h1", "h2", "hd")]
        compare, inverse, next_pc = t.main("compare"), t.main("inverse"), t.main("next_pc")
        x_low, x_high = t.main("x_low"), t.main("x_high")
        sign1, sign2, t1, t2 = (t.main(n) for n in ("sign1", "sign2", "t1", "t2"))
        real = one_hot(t, [jal, jalr, equal, less, set_])
        ordered = less + set_

        # Buses
        bases = weighted(t, [(jal, 64), (jalr, 68), (equal, 72), (less, 76), (set_, 80)])
        step(
            t, real, clk=clk, pc=pc, operation=bases + negate + 2 * signed, rd=rd, rs1=rs1, rs2=rs2, imm=imm,
            writes=writes, target=target, next_pc=next_pc,
        )  # fmt: skip
        registers(
            t, real, clk=clk, rs1=rs1, rs2=rs2, rd=rd, writes=writes,
            v1=v1, v2=v2, old=old, out=out, previous=previous, high=high,
        )  # fmt: skip
        b = v2 + imm
        short(t, ordered + jalr, "difference or target: low half", x_low)
        short(t, ordered + jalr, "difference or target: high half", x_high, 16 - 2 * jalr)
        word(t, signed, "first operand without its sign", v1 - sign1 * 2**31, t1, 15)
        word(t, signed, "second operand without its sign", b - sign2 * 2**31, t2, 15)

        # Constraints
        for flag in (negate, signed, compare, sign1, sign2):
            t.boolean(flag)
        difference = v1 - b - signed * (sign1 - sign2) * WORD
        x = x_low + x_high * 2**16
        t.when(ordered).equal("less exactly when the difference is negative", difference + compare * WORD, x)
        t.when(equal).zero("equal operands have no difference", (v1 - v2) * compare)
        t.when(equal).equal("different operands have an inverse difference", (v1 - v2) * inverse, 1 - compare)
        taken = compare + negate - 2 * compare * negate
        t.when(equal + less).equal("a branch's next pc", next_pc, pc + 4 + taken * (target - pc - 4))
        t.when(set_).equal("set continues", next_pc, pc + 4)
        t.when(set_).equal("set's result", out, compare)
        t.when(jal).equal("jal jumps", next_pc, target)
        t.when(jal).equal("jal links", out, imm)
        t.when(jalr).equal("jalr's target", v1 + imm, next_pc + sign1 + compare * WORD)
        t.when(jalr).equal("jalr's next pc is a multiple of four", next_pc, 4 * x)
        t.when(jalr).equal("jalr links", out, target)

        # Cells that do not matter
        t.free(compare, when=jal, reason="a plain jump compares nothing")
        for column in (x_low, x_high):
            t.free(column, when=jal + equal, reason="neither an order nor a computed target is checked")
        t.free(inverse, when=1 - equal, reason="used by equality only")
        t.free(inverse, when=equal * compare, reason="zero has no inverse")
        t.free(sign1, when=1 - signed - jalr, reason="used by signed comparisons and computed targets only")
        for column in (sign2, t1, t2):
            t.free(column, when=1 - signed, reason="used by signed comparisons only")
        t.free(out, when=equal + less, reason="a branch writes nothing")
        padding(t, real)
