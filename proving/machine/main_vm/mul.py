"""MUL, MULH, MULHU, MULHSU: one product.

With each operand signed or not as the operation says, v1 v2 = high 2^32 + low, where low is a word and high is a word
read as a signed number for MULH and MULHSU. Over the integers this determines both. In the field it does too, as the
only other solution differs by p and has high = 2^32 - 1 (unsigned) or 2^31 - 1 (signed), the value excluded by an
inverse. No product has that upper half: the largest are (2^32 - 1)^2 = (2^32 - 2) 2^32 + 1 and
(2^31 - 1)(2^32 - 1) < (2^31 - 1) 2^32; the smallest, -2^31 (2^32 - 1), is above -2^63.

============ =====================================================================
column       meaning
============ =====================================================================
clk, pc      time and address of the instruction
is_*         the operation, one-hot; all zero on padding rows
rs1 .. hd    operands from decode and register access, as in `add`, without imm
l_low/high   halves of the product's lower word
u_low/high   bits 0..15 and 16..31 (16..30 when signed) of the upper word
u_sign       bit 31 of the upper word, when signed
sign1, sign2 bit 31 of the operands that are signed
t1, t2       their bits 16..30
inverse      of the upper half less the excluded value
============ =====================================================================
"""

from __future__ import annotations

from proving.machine.main_vm.buses import Operation
from proving.machine.main_vm.frame import WORD, one_hot, padding, registers, short, step, weighted, word
from proving.stark.air import Table, TableBuilder


class Mul(Table):
    """One row for each multiplication."""

    name = "mul"

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        # Columns
        clk, pc = t.main("clk"), t.main("pc")
        is_mul, is_mulh, is_mulhu, is_mulhsu = (t.main(n) for n in ("is_mul", "is_mulh", "is_mulhu", "is_mulhsu"))
        rs1, rs2, rd, writes = (t.main(n) for n in ("rs1", "rs2", "rd", "writes"))
        v1, v2, old, out = (t.main(n) for n in ("v1", "v2", "old", "out"))
        previous = [t.main(n) for n in ("p1", "p2", "pd")]
        hd = [t.main(n) for n in ("h1", "h2", "hd")]
        l_low, l_high, u_low, u_high, u_sign = (t.main(n) for n in ("l_low", "l_high", "u_low", "u_high", "u_sign"))
        sign1, sign2, t1, t2, inverse = (t.main(n) for n in ("sign1", "sign2", "t1", "t2", "inverse"))
        real = one_hot(t, [is_mul, is_mulh, is_mulhu, is_mulhsu])
        signed = is_mulh + is_mulhsu
        low = l_low + l_high * 2**16
        upper = u_low + u_high * 2**16 + u_sign * 2**31

        # Buses
        operation = weighted(
            t,
            [
                (is_mul, Operation.MUL),
                (is_mulh, Operation.MULH),
                (is_mulhu, Operation.MULHU),
                (is_mulhsu, Operation.MULHSU),
            ],
        )
        step(t, real, clk=clk, pc=pc, operation=operation, rd=rd, rs1=rs1, rs2=rs2, writes=writes)
        registers(
            t, real, clk=clk, rs1=rs1, rs2=rs2, rd=rd, writes=writes,
            v1=v1, v2=v2, old=old, out=out, previous=previous, high=hd,
        )  # fmt: skip
        short(t, real, "lower word: low half", l_low)
        short(t, real, "lower word: high half", l_high)
        short(t, real, "upper word: low half", u_low)
        short(t, real, "upper word: high half", u_high, 16 - signed)
        word(t, signed, "first operand without its sign", v1 - sign1 * 2**31, t1, 15)
        word(t, is_mulh, "second operand without its sign", v2 - sign2 * 2**31, t2, 15)

        # Constraints
        for flag in (u_sign, sign1, sign2):
            t.boolean(flag)
        t.when(1 - signed).zero("an unsigned first operand has no sign", sign1)
        t.when(1 - is_mulh).zero("an unsigned second operand has no sign", sign2)
        t.when(1 - signed).zero("an unsigned product has no sign", u_sign)
        high = upper - u_sign * WORD
        t.equal("the product", (v1 - sign1 * WORD) * (v2 - sign2 * WORD), high * WORD + low)
        t.equal("the upper half is not the excluded value", (high - (WORD - 1) + signed * 2**31) * inverse, real)
        t.when(is_mul).equal("the lower word", out, low)
        t.when(real - is_mul).equal("the upper word", out, upper)
        for column, used in ((t1, signed), (t2, is_mulh)):
            t.free(column, when=1 - used, reason="the operand is unsigned")
        padding(t, real)
