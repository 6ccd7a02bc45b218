"""Decode: one row for each distinct pc executed in the segment.

The row takes its word from the code pages, cuts it into fields, and looks (format, opcode, funct3, funct7) up in the
constant table, which gives the operation. Everything an instruction table needs is resolved here, once per pc: register
numbers (0 where the format has none, SINK in place of an x0 that is written), the immediate as the final second
operand, branch and jump targets.

A word is taken at timestamp 0 and left at timestamp 1, and time does not run back (`frame`), so a pc has at most one
row, and code is never written. Only pc values that name a code word can have a row; instruction addresses are below
2^32 + 4, as every next pc is.

============== =====================================================================
column         meaning
============== =====================================================================
pc, count      address; number of fetches, free
opcode .. b31  fields of the word: bits 0-6, 7, 8-11, 12-14, 15-19, 20, 21-24, 25-30, 31
format flags   one-hot; all zero on padding rows (see `Constant` for the formats)
operation      what the instruction does
funct7         bits 25..31 where the format uses them, else 0
rd, rs1, rs2   register numbers, 0 where the format has none; SINK for an rd that is x0, and for FENCE
imm, target    second operand; branch or jump target, or JALR's link value
imm_high ..    upper halves of both
imm_carry ..   whether 2^32 was subtracted from the immediate or the target
writes         1 when the word's rd is not 0: if it is not 1 then rd is 0, and as rd rd_inverse = writes, so is it
rd_inverse     of the word's rd, when not 0
halt_inverse   of the word less the halt word, for jumps
============== =====================================================================
"""

from __future__ import annotations

from proving.circuits.gadgets.padding import padding
from proving.circuits.gadgets.range import short
from proving.machine.main_vm.buses import CONSTANT, DECODE, MEMORY, SINK, SPACE, SPACE_CODE, Constant, Operation
from proving.machine.main_vm.frame import WORD, one_hot, weighted, word
from proving.stark.air import Table, TableBuilder
from proving.stark.air.expr import Expr

#: JAL x0, 0: the only word that halts.
HALT_WORD = 0x0000006F
ADVICE_CSR = 0x7C0
POSEIDON2_CSR = 0x7D0
#: CSR of a request of type 0; the other types' follow.
REQUEST_CSR = 0x7D1

FORMATS = (
    Constant.REGISTER,
    Constant.IMMEDIATE,
    Constant.SHIFT,
    Constant.STORE,
    Constant.BRANCH,
    Constant.UPPER,
    Constant.UPPER_PC,
    Constant.JUMP,
    Constant.JUMP_REGISTER,
    Constant.HALT,
    Constant.ADVICE,
    Constant.POSEIDON2,
    Constant.FENCE,
    Constant.REQUEST,
)


class Decode(Table):
    """One row for each distinct pc."""

    name = "decode"

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        # Columns
        pc, count = t.main("pc"), t.main("count")
        opcode, b7, b8, funct3, rs1_field = (t.main(n) for n in ("opcode", "b7", "b8", "funct3", "rs1_field"))
        b20, b21, b25, b31 = (t.main(n) for n in ("b20", "b21", "b25", "b31"))
        flags = {kind: t.main(f"is_{kind.name.lower()}") for kind in FORMATS}
        operation, funct7 = t.main("operation"), t.main("funct7")
        rd, rs1, rs2, imm, target = (t.main(n) for n in ("rd", "rs1", "rs2", "imm", "target"))
        imm_high, target_high, imm_carry, target_carry = (
            t.main(n) for n in ("imm_high", "target_high", "imm_carry", "target_carry")
        )
        writes, rd_inverse, halt_inverse = t.main("writes"), t.main("rd_inverse"), t.main("halt_inverse")
        real = one_hot(t, list(flags.values()))

        def uses(*kinds: Constant) -> Expr:
            return weighted(t, [(flags[kind], 1) for kind in kinds])

        fields = (opcode, b7, b8, funct3, rs1_field, b20, b21, b25, b31)
        code = weighted(t, list(zip(fields, (1 << s for s in (0, 7, 8, 12, 15, 20, 21, 25, 31)), strict=True)))
        rd_field, rs2_field, b25_to_31 = b7 + 2 * b8, b20 + 2 * b21, b25 + 64 * b31

        # Buses
        key = pc + SPACE * SPACE_CODE
        t.receive(MEMORY, [key, code, 0], real, "word before")
        t.send(MEMORY, [key, code, 1], real, "word after")
        kind = weighted(t, [(flag, int(constant)) for constant, flag in flags.items()])
        t.send(CONSTANT, [kind, opcode, funct3, funct7, operation], real, "operation")
        t.receive(DECODE, [pc, operation, rd, rs1, rs2, imm, target], count, "instruction")
        for name, column, bits in (("b8", b8, 4), ("rs1_field", rs1_field, 5), ("b21", b21, 4), ("b25", b25, 6)):
            short(t, real, name, column, bits)
        word(t, real, "imm", imm, imm_high)
        word(t, real, "target", target, target_high)

        # Constraints
        for flag in (b7, b20, b31, imm_carry, target_carry):
            t.boolean(flag)
        t.when(count).zero("padding provides nothing", 1 - real)
        is_ = flags
        t.equal("funct7", funct7, uses(Constant.REGISTER, Constant.SHIFT) * b25_to_31)

        with_rd = uses(
            Constant.REGISTER, Constant.IMMEDIATE, Constant.SHIFT, Constant.UPPER, Constant.UPPER_PC, Constant.JUMP,
            Constant.JUMP_REGISTER, Constant.ADVICE,
        )  # fmt: skip
        with_rs1 = uses(
            Constant.REGISTER, Constant.IMMEDIATE, Constant.SHIFT, Constant.STORE, Constant.BRANCH,
            Constant.JUMP_REGISTER, Constant.POSEIDON2,
        )  # fmt: skip
        with_rs2 = uses(Constant.REGISTER, Constant.STORE, Constant.BRANCH)
        written = rd_field + (1 - writes) * SINK
        t.equal("rd", rd, with_rd * written + is_[Constant.FENCE] * SINK)
        t.equal("rs1", rs1, with_rs1 * rs1_field)
        t.equal("rs2", rs2, with_rs2 * rs2_field)
        t.equal("a register other than x0 is written", rd_field * rd_inverse, writes)
        t.when(1 - writes).zero("x0 is not written", rd_field)

        # A sign-extended field of k bits adds 2^32 - 2^(k - 1) when bit 31 of the word is set.
        immediate = rs2_field + 2**5 * b25 + b31 * (WORD - 2**11)
        store = rd_field + 2**5 * b25 + b31 * (WORD - 2**11)
        branch = 2 * b8 + 2**5 * b25 + 2**11 * b7 + b31 * (WORD - 2**12)
        upper = code - opcode - 2**7 * rd_field
        jump = 2 * b21 + 2**5 * b25 + 2**11 * b20 + 2**12 * funct3 + 2**15 * rs1_field + b31 * (WORD - 2**20)
        t.equal(
            "imm",
            imm + imm_carry * WORD,
            uses(Constant.IMMEDIATE, Constant.JUMP_REGISTER) * immediate
            + is_[Constant.SHIFT] * rs2_field
            + is_[Constant.STORE] * store
            + uses(Constant.UPPER, Constant.UPPER_PC) * upper
            + is_[Constant.UPPER_PC] * pc
            + is_[Constant.JUMP] * (pc + 4),
        )
        t.equal(
            "target",
            target + target_carry * WORD,
            is_[Constant.BRANCH] * (pc + branch)
            + is_[Constant.JUMP] * (pc + jump)
            + is_[Constant.JUMP_REGISTER] * (pc + 4),
        )

        t.when(is_[Constant.HALT]).equal("only the halt word halts", code, HALT_WORD)
        t.when(is_[Constant.JUMP]).equal("the halt word is no jump", (code - HALT_WORD) * halt_inverse, 1)
        csr = rs2_field + 2**5 * b25_to_31
        t.when(is_[Constant.ADVICE]).equal("the advice register", csr, ADVICE_CSR)
        t.when(is_[Constant.ADVICE]).zero("advice reads no register", rs1_field)
        t.when(is_[Constant.POSEIDON2]).equal("the poseidon2 register", csr, POSEIDON2_CSR)
        t.when(is_[Constant.POSEIDON2]).zero("poseidon2 writes no register", rd_field)
        kind = operation - Operation.ARITH256
        t.when(is_[Constant.REQUEST]).equal("the register of the type of request", csr, REQUEST_CSR + kind)
        t.when(is_[Constant.REQUEST]).zero("a request writes no register", rd_field)
        t.when(is_[Constant.REQUEST]).zero("a request names no register", rs1_field)

        t.free(rd_inverse, when=real - writes, reason="rd is zero")
        t.free(halt_inverse, when=real - is_[Constant.JUMP], reason="used by jumps only")
        padding(t, real)
