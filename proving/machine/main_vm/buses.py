"""The buses of `main_vm` and the identifiers that travel on them."""

from __future__ import annotations

from enum import IntEnum

from proving.circuits.requests import RequestType
from proving.stark.air import Bus

#: Control flow: (pc, clk), the state before an instruction. One path from the boundary's start to its end.
STATE = Bus(1, 2, "permutation", "state")
#: Instruction fetch: (pc, operation, rd, rs1, rs2, imm, target), provided by the decode table.
DECODE = Bus(2, 7, "lookup", "decode", asked=1)
#: Registers, data memory and code: (key, value, timestamp); key = byte address + 2^40 * space.
MEMORY = Bus(3, 3, "permutation", "memory")
#: Paging: (space, level, index, old digest[4], new digest[4]), from parent to touched child.
PAGE = Bus(4, 11, "permutation", "page")
#: Compression: (input[16], output[4]), provided by the poseidon2 table.
POSEIDON2 = Bus(5, 20, "lookup", "poseidon2", asked=16)
#: (a, b), two bytes, provided by the byte_and table.
BYTES = Bus(7, 2, "lookup", "bytes")
#: (a, b, a & b) of two bytes, provided by the byte_and table.
AND = Bus(8, 3, "lookup", "and")
#: (kind, a, b, c, d), small fixed relations provided by the constant table: shift powers and instruction encodings.
CONSTANT = Bus(9, 5, "lookup", "constant")
#: Requests: (type, clk of the last request, digest[4]), the state of a type's request chain. One path for each type
#: from the boundary's start to its end. Between the two calls of a request that has two, the type is HALFWAY.
CHAIN = Bus(10, 6, "permutation", "chain")
HALFWAY = len(RequestType) + RequestType.KECCAK_F

#: Distance of two address spaces in memory keys. The sum of a word and an immediate, reduced mod 2^32 or not, is in no
#: other space than data memory's.
SPACE = 2**40
SPACE_MEMORY, SPACE_REGISTERS, SPACE_CODE = 0, 1, 2
#: Register that takes what instructions write to x0. No instruction reads it, and no segment leaves it to the next one.
SINK = 32


class Operation(IntEnum):
    """What a decoded instruction does; the value is the `operation` field of the DECODE bus.

    The operations of `memory_sub`, `control` and `add` are sums of a base and of modifiers, so that their tables need
    no flag per instruction. Sums that are not listed name no instruction: the decode table never provides them.
    """

    ADD_IMMEDIATE = 1
    ADVICE = 2
    AND = 3
    OR = 4
    XOR = 5
    SLL = 6
    SRL = 7
    SRA = 8
    MUL = 9
    MULH = 10
    MULHU = 11
    MULHSU = 12
    DIV = 13
    DIVU = 14
    REM = 15
    REMU = 16
    LW = 17
    SW = 18
    POSEIDON2 = 19
    HALT = 20
    ARITH256 = 21
    KECCAK_F = 22
    SHA256 = 23
    BLAKE2S = 24

    # 32 + (1 when a byte) + (2 when sign-extended) + (4 when a store)
    LHU = 32
    LBU = 33
    LH = 34
    LB = 35
    SH = 36
    SB = 37

    # `control`: base + (1 when negated)
    JAL = 64
    JALR = 68
    BLT = 78
    BGE = 79
    SET_IMMEDIATE = 80
    SET_SIGNED = 82

    # `add`: base + (1 when negated)
    BEQ = 72
    BNE = 73
    BLTU = 76
    BGEU = 77
    ADD = 84
    SUB = 86
    SLTU = 88


class Constant(IntEnum):
    """Kinds of rows of the constant table: the first field of the CONSTANT bus.

    The instruction formats say which fields of the word an instruction uses; their rows are
    (format, opcode, funct3, funct7, operation), with funct7 = 0 where the format does not use it.
    """

    #: (byte, 2^(byte mod 32), 0, 0)
    SHIFT_LEFT = 1
    #: (byte, 2^(31 - byte mod 32), 0, 0)
    SHIFT_RIGHT = 2
    #: rd, rs1, rs2
    REGISTER = 16
    #: rd, rs1, 12-bit immediate
    IMMEDIATE = 17
    #: rd, rs1, 5-bit shift amount
    SHIFT = 18
    #: rs1, rs2, 12-bit immediate
    STORE = 19
    #: rs1, rs2, 13-bit offset
    BRANCH = 20
    #: rd, upper immediate
    UPPER = 21
    #: rd, upper immediate relative to pc
    UPPER_PC = 22
    #: rd, 21-bit offset
    JUMP = 23
    #: rd, rs1, 12-bit immediate, the target in the instruction's own row
    JUMP_REGISTER = 24
    #: the halt word
    HALT = 25
    #: rd, from CSR 0x7C0
    ADVICE = 26
    #: rs1, to CSR 0x7D0
    POSEIDON2 = 27
    #: no operand
    FENCE = 28
    #: x10 and x11, to CSR 0x7D1 + type of request
    REQUEST = 29


def request_operation(kind: RequestType) -> Operation:
    """Return the operation of a type of request: the types' are next to each other, as their CSRs are."""
    return Operation(Operation.ARITH256 + kind)
