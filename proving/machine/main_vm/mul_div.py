"""MUL, MULH, MULHU, MULHSU, DIV, DIVU, REM, REMU.

Multiplication: with each operand signed or not as the operation says, v1 v2 = high 2^32 + low, where low is a word and
high is a word read as a signed number for MULH and MULHSU. Over the integers this determines both. In the field it does
too, as the only other solution differs by p and has high = 2^32 - 1 (unsigned) or 2^31 - 1 (signed), the value excluded
by an inverse. No product has that upper half: the largest are (2^32 - 1)^2 = (2^32 - 2) 2^32 + 1 and
(2^31 - 1)(2^32 - 1) < (2^31 - 1) 2^32; the smallest, -2^31 (2^32 - 1), is above -2^63.

Division: |v1| = quotient |v2| + remainder, remainder < |v2|, all of them words, so that quotient |v2| + remainder is at
most 2^64 - 2^32 < p and the equation holds over the integers. Euclid's division is unique, and the results are the
quotient, negated when the operands' signs differ, and the remainder, with the sign of v1. A divisor of zero has
quotient 2^32 - 1, never negated, and remainder |v1|, by the equation. The overflow -2^31 / -1 has quotient 2^31 and
equal signs: no special case.

============ =====================================================================
column       meaning
============ =====================================================================
clk, pc      time and address of the instruction
is_*         the operation, one-hot; all zero on padding rows
rs1 .. pd    operands from decode and register access, as in `control`, without imm and target
q_low/high   halves of the product's lower word, or of the quotient of the absolute values
r_low/high   halves of the product's upper word (without its sign when signed), or of the remainder
s_low/high   halves of |v2| - remainder - 1, for a division when v2 != 0
sign1, sign2 bit 31 of the operands that are signed
t1, t2       their bits 16..30
negative     bit 31 of the product's upper word when signed, or whether the division's result is negated
by_zero      1 when a division's v2 = 0: if it is not 0 then v2 is, and so v2 inverse = 1 - by_zero makes it 1
inverse      of the upper half less the excluded value, or of the divisor
nonzero      1 when a division's result is not zero: if it is not 1 then the result is 0, and result result_inverse too
result_inverse inverse of the absolute value of a division's result
============ =====================================================================
"""

from __future__ import annotations

from proving.circuits.gadgets.padding import padding
from proving.circuits.gadgets.range import short
from proving.machine.main_vm.buses import Operation
from proving.machine.main_vm.frame import WORD, one_hot, registers, step, weighted, word
from proving.stark.air import Table, TableBuilder

OPERATIONS = (
    Operation.MUL,
    Operation.MULH,
    Operation.MULHU,
    Operation.MULHSU,
    Operation.DIV,
    Operation.DIVU,
    Operation.REM,
    Operation.REMU,
)


class MulDiv(Table):
    """One row for each multiplication, division or remainder."""

    name = "mul_div"

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        # Columns
        clk, pc = t.main("clk"), t.main("pc")
        flags = [t.main(f"is_{operation.name.lower()}") for operation in OPERATIONS]
        is_mul, is_mulh, is_mulhu, is_mulhsu, is_div, is_divu, is_rem, is_remu = flags
        rs1, rs2, rd = (t.main(n) for n in ("rs1", "rs2", "rd"))
        v1, v2, old, out = (t.main(n) for n in ("v1", "v2", "old", "out"))
        previous = [t.main(n) for n in ("p1", "p2", "pd")]
        q_low, q_high, r_low, r_high = (t.main(n) for n in ("q_low", "q_high", "r_low", "r_high"))
        s_low, s_high = t.main("s_low"), t.main("s_high")
        sign1, sign2, t1, t2, negative = (t.main(n) for n in ("sign1", "sign2", "t1", "t2", "negative"))
        by_zero, inverse = t.main("by_zero"), t.main("inverse")
        nonzero, result_inverse = t.main("nonzero"), t.main("result_inverse")
        real = one_hot(t, flags)
        multiplies, divides = is_mul + is_mulh + is_mulhu + is_mulhsu, is_div + is_divu + is_rem + is_remu
        signed_product, signed_division = is_mulh + is_mulhsu, is_div + is_rem
        signed1, signed2 = signed_product + signed_division, is_mulh + signed_division
        first, second, slack = (x + y * 2**16 for x, y in ((q_low, q_high), (r_low, r_high), (s_low, s_high)))

        # Buses
        operation = weighted(t, [(flag, int(op)) for flag, op in zip(flags, OPERATIONS, strict=True)])
        step(t, real, clk=clk, pc=pc, operation=operation, rd=rd, rs1=rs1, rs2=rs2)
        registers(
            t, real, clk=clk, rs1=rs1, rs2=rs2, rd=rd, v1=v1, v2=v2, old=old, out=out, previous=previous,
        )  # fmt: skip
        short(t, real, "lower word or quotient: low half", q_low)
        short(t, real, "lower word or quotient: high half", q_high)
        short(t, real, "upper word or remainder: low half", r_low)
        short(t, real, "upper word or remainder: high half", r_high, 16 - signed_product)
        has_divisor = divides * (1 - by_zero)
        short(t, has_divisor, "remainder below the divisor: low half", s_low)
        short(t, has_divisor, "remainder below the divisor: high half", s_high)
        word(t, signed1, "first operand without its sign", v1 - sign1 * 2**31, t1, 15)
        word(t, signed2, "second operand without its sign", v2 - sign2 * 2**31, t2, 15)

        # Constraints
        for flag in (sign1, sign2, negative, by_zero):
            t.boolean(flag)
        t.when(1 - signed1).zero("an unsigned first operand has no sign", sign1)
        t.when(1 - signed2).zero("an unsigned second operand has no sign", sign2)

        t.when(multiplies - signed_product).zero("an unsigned product has no sign", negative)
        upper = second + negative * 2**31
        high = upper - negative * WORD
        product = (v1 - sign1 * WORD) * (v2 - sign2 * WORD)
        t.when(multiplies).equal("the product", product, high * WORD + first)
        excluded = WORD - 1 - signed_product * 2**31
        t.when(multiplies).equal("the upper half is not the excluded value", (high - excluded) * inverse, 1)
        t.when(is_mul).equal("the lower word", out, first)
        t.when(multiplies - is_mul).equal("the upper word", out, upper)

        dividend = v1 + sign1 * (WORD - 2 * v1)
        divisor = v2 + sign2 * (WORD - 2 * v2)
        t.when(divides).equal("a divisor has an inverse unless it is zero", v2 * inverse, 1 - by_zero)
        t.when(by_zero).zero("the divisor is zero", v2)
        t.when(by_zero).equal("the quotient by zero", first, WORD - 1)
        t.when(divides).equal("the division", first * divisor + second, dividend)
        t.when(has_divisor).equal("the remainder is below the divisor", slack, divisor - second - 1)
        takes_quotient, takes_remainder = is_div + is_divu, is_rem + is_remu
        differ = sign1 + sign2 - 2 * sign1 * sign2
        t.when(takes_quotient).equal("the quotient's sign", negative, differ * (1 - by_zero))
        t.when(takes_remainder).equal("the remainder's sign", negative, sign1)
        result = takes_quotient * first + takes_remainder * second
        t.equal("the result has an inverse unless it is zero", result * result_inverse, nonzero)
        t.when(1 - nonzero).zero("the result is zero", result)
        t.when(divides).equal("the result with its sign", out, result + negative * (nonzero * WORD - 2 * result))

        # Cells that do not matter
        t.free(t1, when=1 - signed1, reason="the operand is unsigned")
        t.free(t2, when=1 - signed2, reason="the operand is unsigned")
        for column in (s_low, s_high):
            t.free(column, when=1 - divides + by_zero, reason="no remainder is below zero")
        t.free(inverse, when=by_zero, reason="zero has no inverse")
        t.free(result_inverse, when=1 - nonzero, reason="zero has no inverse")
        padding(t, real)
