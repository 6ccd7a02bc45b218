"""LB, LBU, LH, LHU, SB, SH: read-modify-write of one aligned word.

The word's address is v1 + imm - 2 o1 - o0 mod 2^32, a multiple of four as in `memory_word`; a halfword has o0 = 0, so a
misaligned one has no proof. The word is the halfword at o1, as bytes x0 and x1, and the other halfword y. The other
register is accessed as in `memory_word`.

============ =====================================================================
column       meaning
============ =====================================================================
clk, pc      time and address of the instruction
load, store  the direction, one-hot; all zero on padding rows
byte, signed modifiers: a byte instead of a halfword; sign extension
rs1 ..       operands from decode
carry, v1    of the address, and the value of rs1
o0, o1       bits 0 and 1 of the address
mem_old/new  the word in memory before and after
reg_old/new  the word in rd (load) or rs2 (store) before and after
p1 .. pr     as in `memory_word`
x0, x1, y    bytes of the halfword at o1, and the other halfword
c0, c1       the two low bytes of what is stored
rest         store: bits 16..31 of reg_old; signed load: the 7 bits below the sign
sign         bit 7 or 15 of what is loaded, when signed
change       what a store adds to the halfword at o1
============ =====================================================================
"""

from __future__ import annotations

from proving.circuits.gadgets.padding import padding
from proving.circuits.gadgets.range import short
from proving.machine.main_vm.frame import WORD, access, byte_pair, one_hot, register_key, step
from proving.stark.air import Table, TableBuilder


class MemorySub(Table):
    """One row for each load or store of a byte or halfword."""

    name = "memory_sub"

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        # Columns
        clk, pc, load, store = (t.main(n) for n in ("clk", "pc", "load", "store"))
        byte, signed = t.main("byte"), t.main("signed")
        rs1, rs2, rd, imm = (t.main(n) for n in ("rs1", "rs2", "rd", "imm"))
        carry, v1, o0, o1 = (t.main(n) for n in ("carry", "v1", "o0", "o1"))
        mem_old, mem_new, reg_old, reg_new = (t.main(n) for n in ("mem_old", "mem_new", "reg_old", "reg_new"))
        p1, pm, pr = (t.main(n) for n in ("p1", "pm", "pr"))
        x0, x1, y, c0, c1 = (t.main(n) for n in ("x0", "x1", "y", "c0", "c1"))
        rest, sign, change = t.main("rest"), t.main("sign"), t.main("change")
        real = one_hot(t, [load, store])
        word_address = v1 + imm - 2 * o1 - o0 - carry * WORD
        time = clk * 4

        # Buses
        operation = 32 * real + byte + 2 * signed + 4 * store
        step(t, real, clk=clk, pc=pc, operation=operation, rd=rd, rs1=rs1, rs2=rs2, imm=imm)
        access(t, real, "rs1", key=register_key(rs1), previous=p1, time=time, old=v1, new=v1)
        access(t, real, "memory", key=word_address, previous=pm, time=time + 2, old=mem_old, new=mem_new)
        access(
            t, real, "rd or rs2", key=register_key(rd + rs2), previous=pr, time=time + 3, old=reg_old, new=reg_new,
        )  # fmt: skip
        byte_pair(t, real, "bytes of the halfword", x0, x1)
        short(t, real, "the other halfword", y)
        byte_pair(t, store, "low bytes of the stored word", c0, c1)
        rest_bits = 16 * store + 7 * signed
        short(t, store + load * signed, "upper half of the stored word, or bits below the sign", rest, rest_bits)

        # Constraints
        for flag in (byte, signed, carry, o0, o1, sign):
            t.boolean(flag)
        t.when(o0).zero("a halfword has an even address", 1 - byte)
        half = x0 + 256 * x1
        chosen = x0 + o0 * (x1 - x0)
        t.equal("the word before", mem_old, half + y * 2**16 + o1 * (2**16 - 1) * (half - y))
        t.equal("the word after", mem_new, mem_old + change * (1 + o1 * (2**16 - 1)))
        t.when(load).zero("a load changes nothing", change)
        t.when(store).equal("the stored word", reg_old, c0 + 256 * c1 + rest * 2**16)
        t.when(store).equal("a store keeps the register", reg_new, reg_old)
        t.when(store * byte).equal("a byte is stored", change, (c0 - chosen) * (1 + 255 * o0))
        t.when(store * (1 - byte)).equal("a halfword is stored", change, c0 + 256 * c1 - half)
        t.when(1 - signed).zero("an unsigned load has no sign", sign)
        top = byte * chosen + (1 - byte) * x1
        t.when(signed).equal("the sign", top, 128 * sign + rest)
        t.when(load * byte).equal("a byte is loaded", reg_new, chosen + sign * (WORD - 2**8))
        t.when(load * (1 - byte)).equal("a halfword is loaded", reg_new, half + sign * (WORD - 2**16))

        for column in (c0, c1):
            t.free(column, when=load, reason="used by stores only")
        t.free(rest, when=load - signed, reason="used by stores and signed loads only")
        padding(t, real)
