"""SLL, SRL, SRA.

The second operand is amount + 32 q; only the amount counts. A shift is a multiplication by a power of two:

* left, m = 2^amount: v1 m = other 2^32 + out.
* right, m = 2^(31 - amount): v1 m = shifted 2^31 + other; SRA adds the sign's copies, 2^32 - 2 m.

The products stay below 2^63, so the equations hold over the integers and determine both parts.

============ =====================================================================
column       meaning
============ =====================================================================
clk, pc      time and address of the instruction
is_*         the operation, one-hot; all zero on padding rows
rs1 .. hd    operands from decode and register access, as in `add`, without v2
amount       the shift amount, v2 + imm mod 32
q_low/high   bits 5..20 and 21..31 of v2 + imm
power        m
r_low/high   halves of the shifted word before the sign's copies
o_low/high   halves of the 31 bits that leave the word (left) or lie below it (right)
sign, t_high bit 31 of v1 and bits 16..30 of v1, for SRA
============ =====================================================================
"""

from __future__ import annotations

from proving.machine.main_vm.buses import CONSTANT, Constant, Operation
from proving.machine.main_vm.frame import WORD, one_hot, padding, registers, short, step, weighted, word
from proving.stark.air import Table, TableBuilder


class Shift(Table):
    """One row for each shift, immediate or not."""

    name = "shift"

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        # Columns
        clk, pc, is_sll, is_srl, is_sra = (t.main(n) for n in ("clk", "pc", "is_sll", "is_srl", "is_sra"))
        rs1, rs2, rd, imm, writes = (t.main(n) for n in ("rs1", "rs2", "rd", "imm", "writes"))
        v1, old, out = (t.main(n) for n in ("v1", "old", "out"))
        previous = [t.main(n) for n in ("p1", "p2", "pd")]
        high = [t.main(n) for n in ("h1", "h2", "hd")]
        amount, q_low, q_high, power = (t.main(n) for n in ("amount", "q_low", "q_high", "power"))
        r_low, r_high, o_low, o_high = (t.main(n) for n in ("r_low", "r_high", "o_low", "o_high"))
        sign, t_high = t.main("sign"), t.main("t_high")
        real = one_hot(t, [is_sll, is_srl, is_sra])
        right = is_srl + is_sra
        second = amount + 32 * (q_low + q_high * 2**16)
        shifted, other = r_low + r_high * 2**16, o_low + o_high * 2**16

        # Buses
        operation = weighted(t, [(is_sll, Operation.SLL), (is_srl, Operation.SRL), (is_sra, Operation.SRA)])
        step(t, real, clk=clk, pc=pc, operation=operation, rd=rd, rs1=rs1, rs2=rs2, imm=imm, writes=writes)
        registers(
            t, real, clk=clk, rs1=rs1, rs2=rs2, rd=rd, writes=writes,
            v1=v1, v2=second - imm, old=old, out=out, previous=previous, high=high,
        )  # fmt: skip
        kind = weighted(t, [(is_sll, Constant.SHIFT_LEFT), (right, Constant.SHIFT_RIGHT)])
        t.send(CONSTANT, [kind, amount, power, 0, 0], real, "power of the amount")
        short(t, real, "second operand: bits 5 to 20", q_low)
        short(t, real, "second operand: bits 21 to 31", q_high, 11)
        short(t, real, "shifted: low half", r_low)
        short(t, real, "shifted: high half", r_high)
        short(t, real, "other part: low half", o_low)
        short(t, real, "other part: high half", o_high, 15)
        word(t, is_sra, "first operand without its sign", v1 - sign * 2**31, t_high, 15)

        # Constraints
        t.boolean(sign)
        t.when(is_sll).equal("the product, left", v1 * power, other * WORD + shifted)
        t.when(right).equal("the product, right", v1 * power, shifted * 2**31 + other)
        t.when(is_sll + is_srl).equal("the result", out, shifted)
        t.when(is_sra).equal("the result with the sign's copies", out, shifted + sign * (WORD - 2 * power))
        for column in (sign, t_high):
            t.free(column, when=1 - is_sra, reason="used by SRA only")
        padding(t, real)
