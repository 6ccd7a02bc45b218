"""DIV, DIVU, REM, REMU: one division of absolute values.

|v1| = quotient |v2| + remainder, remainder < |v2|, all of them words, so that quotient |v2| + remainder is at most
2^64 - 2^32 < p and the equation holds over the integers. Euclid's division is unique, and the results are the quotient,
negated when the operands' signs differ, and the remainder, with the sign of v1.

A divisor of zero has quotient 2^32 - 1, never negated, and remainder |v1|, by the equation. The overflow -2^31 / -1 has
quotient 2^31 and equal signs: no special case.

============ =====================================================================
column       meaning
============ =====================================================================
clk, pc      time and address of the instruction
is_*         the operation, one-hot; all zero on padding rows
rs1 .. hd    operands from decode and register access, as in `add`, without imm
q_low/high   halves of the quotient of the absolute values
r_low/high   halves of its remainder
s_low/high   halves of |v2| - remainder - 1, when v2 != 0
sign1, sign2 bit 31 of the operands, when signed
t1, t2       their bits 16..30, when signed
by_zero      1 when v2 = 0: if it is not 0 then v2 is, and so v2 inverse = real - by_zero makes it 1 on a real row
inverse      of v2, when v2 != 0
negative     whether the result is negated
nonzero      1 when the result is not zero: if it is not 1 then the result is 0, and result result_inv = nonzero too
result_inv   inverse of the result's absolute value, when not zero
============ =====================================================================
"""

from __future__ import annotations

from proving.machine.main_vm.buses import Operation
from proving.machine.main_vm.frame import WORD, one_hot, padding, registers, short, step, weighted, word
from proving.stark.air import Table, TableBuilder


class Div(Table):
    """One row for each division or remainder."""

    name = "div"

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        # Columns
        clk, pc = t.main("clk"), t.main("pc")
        is_div, is_divu, is_rem, is_remu = (t.main(n) for n in ("is_div", "is_divu", "is_rem", "is_remu"))
        rs1, rs2, rd, writes = (t.main(n) for n in ("rs1", "rs2", "rd", "writes"))
        v1, v2, old, out = (t.main(n) for n in ("v1", "v2", "old", "out"))
        previous = [t.main(n) for n in ("p1", "p2", "pd")]
        high = [t.main(n) for n in ("h1", "h2", "hd")]
        q_low, q_high, r_low, r_high = (t.main(n) for n in ("q_low", "q_high", "r_low", "r_high"))
        s_low, s_high = t.main("s_low"), t.main("s_high")
        sign1, sign2, t1, t2 = (t.main(n) for n in ("sign1", "sign2", "t1", "t2"))
        by_zero, inverse = t.main("by_zero"), t.main("inverse")
        negative, nonzero, result_inverse = t.main("negative"), t.main("nonzero"), t.main("result_inverse")
        real = one_hot(t, [is_div, is_divu, is_rem, is_remu])
        signed = is_div + is_rem
        quotient, remainder, slack = (x + y * 2**16 for x, y in ((q_low, q_high), (r_low, r_high), (s_low, s_high)))

        # Buses
        operation = weighted(
            t,
            [
                (is_div, Operation.DIV),
                (is_divu, Operation.DIVU),
                (is_rem, Operation.REM),
                (is_remu, Operation.REMU),
            ],
        )
        step(t, real, clk=clk, pc=pc, operation=operation, rd=rd, rs1=rs1, rs2=rs2, writes=writes)
        registers(
            t, real, clk=clk, rs1=rs1, rs2=rs2, rd=rd, writes=writes,
            v1=v1, v2=v2, old=old, out=out, previous=previous, high=high,
        )  # fmt: skip
        short(t, real, "quotient: low half", q_low)
        short(t, real, "quotient: high half", q_high)
        short(t, real, "remainder: low half", r_low)
        short(t, real, "remainder: high half", r_high)
        short(t, real - by_zero, "remainder below the divisor: low half", s_low)
        short(t, real - by_zero, "remainder below the divisor: high half", s_high)
        word(t, signed, "first operand without its sign", v1 - sign1 * 2**31, t1, 15)
        word(t, signed, "second operand without its sign", v2 - sign2 * 2**31, t2, 15)

        # Constraints
        t.boolean(sign1)
        t.boolean(sign2)
        t.when(1 - signed).zero("an unsigned first operand has no sign", sign1)
        t.when(1 - signed).zero("an unsigned second operand has no sign", sign2)
        dividend = v1 + sign1 * (WORD - 2 * v1)
        divisor = v2 + sign2 * (WORD - 2 * v2)
        t.equal("a divisor has an inverse unless it is zero", v2 * inverse, real - by_zero)
        t.when(by_zero).zero("the divisor is zero", v2)
        t.when(by_zero).equal("the quotient by zero", quotient, WORD - 1)
        t.equal("the division", quotient * divisor + remainder, dividend)
        t.when(real - by_zero).equal("the remainder is below the divisor", slack, divisor - remainder - 1)

        takes_quotient, takes_remainder = is_div + is_divu, is_rem + is_remu
        differ = sign1 + sign2 - 2 * sign1 * sign2
        t.when(takes_quotient).equal("the quotient's sign", negative, differ * (1 - by_zero))
        t.when(takes_remainder).equal("the remainder's sign", negative, sign1)
        result = takes_quotient * quotient + takes_remainder * remainder
        t.equal("the result has an inverse unless it is zero", result * result_inverse, nonzero)
        t.when(1 - nonzero).zero("the result is zero", result)
        t.equal("the result with its sign", out, result + negative * (nonzero * WORD - 2 * result))

        for column in (t1, t2):
            t.free(column, when=1 - signed, reason="the operands are unsigned")
        for column in (s_low, s_high):
            t.free(column, when=by_zero, reason="no remainder is below zero")
        t.free(inverse, when=by_zero, reason="zero has no inverse")
        t.free(result_inverse, when=real - nonzero, reason="zero has no inverse")
        padding(t, real)
