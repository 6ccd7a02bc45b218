"""AND, OR, XOR, SLL, SRL, SRA.

Both operands are cut into bytes, which look up their conjunction: a | b = a + b - (a & b), a ^ b = a + b - 2 (a & b).

A shift is a multiplication by a power of two, which the lowest byte of the second operand looks up:

* left, power = 2^amount: v1 power = other 2^32 + out.
* right, power = 2^(31 - amount): v1 power = shifted 2^31 + other; SRA adds the sign's copies, 2^32 - 2 power.

The products stay below 2^63, so the equations hold over the integers and determine both parts.

============ =====================================================================
column       meaning
============ =====================================================================
clk, pc      time and address of the instruction
is_*         the operation, one-hot; all zero on padding rows
rs1 .. pd    operands from decode and register access, as in `control`, without v1, v2 and target
a, b, both   bytes of v1, of v2 + imm, and of their conjunction, the lowest first
power        shifts: the power of two
r_low/high   shifts: halves of the shifted word before the sign's copies
o_low/high   shifts: halves of the 31 bits that leave the word (left) or lie below it (right)
sign         SRA: bit 31 of v1
============ =====================================================================
"""

from __future__ import annotations

from proving.circuits.gadgets.padding import padding
from proving.circuits.gadgets.range import short
from proving.machine.main_vm.buses import AND, CONSTANT, Constant, Operation
from proving.machine.main_vm.frame import WORD, one_hot, registers, step, weighted
from proving.stark.air import Table, TableBuilder

OPERATIONS = (Operation.AND, Operation.OR, Operation.XOR, Operation.SLL, Operation.SRL, Operation.SRA)


class Bitwise(Table):
    """One row for each AND, OR, XOR or shift, immediate or not."""

    name = "bitwise"

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        # Columns
        clk, pc = t.main("clk"), t.main("pc")
        flags = [t.main(f"is_{operation.name.lower()}") for operation in OPERATIONS]
        is_and, is_or, is_xor, is_sll, is_srl, is_sra = flags
        rs1, rs2, rd, imm = (t.main(n) for n in ("rs1", "rs2", "rd", "imm"))
        old, out = t.main("old"), t.main("out")
        previous = [t.main(n) for n in ("p1", "p2", "pd")]
        a, b, both = t.main_array("a", 4), t.main_array("b", 4), t.main_array("both", 4)
        power, r_low, r_high, o_low, o_high = (t.main(n) for n in ("power", "r_low", "r_high", "o_low", "o_high"))
        sign = t.main("sign")
        real = one_hot(t, flags)
        right = is_srl + is_sra
        shifts = is_sll + right
        v1, second, conjunction = (weighted(t, [(x[i], 2 ** (8 * i)) for i in range(4)]) for x in (a, b, both))
        shifted, other = r_low + r_high * 2**16, o_low + o_high * 2**16

        # Buses
        operation = weighted(t, [(flag, int(op)) for flag, op in zip(flags, OPERATIONS, strict=True)])
        step(t, real, clk=clk, pc=pc, operation=operation, rd=rd, rs1=rs1, rs2=rs2, imm=imm)
        registers(
            t, real, clk=clk, rs1=rs1, rs2=rs2, rd=rd, v1=v1, v2=second - imm, old=old, out=out, previous=previous,
        )  # fmt: skip
        for i in range(4):
            t.send(AND, [a[i], b[i], both[i]], real, f"byte {i}")
        t.send(AND, [a[3], 128, 128 * sign], is_sra, "sign of the first operand")
        kind = weighted(t, [(is_sll, Constant.SHIFT_LEFT), (right, Constant.SHIFT_RIGHT)])
        t.send(CONSTANT, [kind, b[0], power, 0, 0], shifts, "power of the amount")
        short(t, shifts, "shifted: low half", r_low)
        short(t, shifts, "shifted: high half", r_high)
        short(t, shifts, "other part: low half", o_low)
        short(t, shifts, "other part: high half", o_high, 15)

        # Constraints
        t.when(is_and).equal("and", out, conjunction)
        t.when(is_or).equal("or", out, v1 + second - conjunction)
        t.when(is_xor).equal("xor", out, v1 + second - 2 * conjunction)
        t.when(is_sll).equal("the product, left", v1 * power, other * WORD + shifted)
        t.when(right).equal("the product, right", v1 * power, shifted * 2**31 + other)
        t.when(is_sll + is_srl).equal("the shifted word", out, shifted)
        t.when(is_sra).equal("the shifted word with the sign's copies", out, shifted + sign * (WORD - 2 * power))

        # Cells that do not matter
        for column in (power, r_low, r_high, o_low, o_high):
            t.free(column, when=1 - shifts, reason="used by shifts only")
        t.free(sign, when=1 - is_sra, reason="used by SRA only")
        padding(t, real)
