"""A small RV32IM assembler for tests: one function per format, labels, and a minimal ELF file around the words."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

from proving.circuits.requests import RequestType

R_TYPE = {
    "add": (0, 0), "sub": (0x20, 0), "sll": (0, 1), "slt": (0, 2), "sltu": (0, 3), "xor": (0, 4), "srl": (0, 5),
    "sra": (0x20, 5), "or": (0, 6), "and": (0, 7),
    "mul": (1, 0), "mulh": (1, 1), "mulhsu": (1, 2), "mulhu": (1, 3), "div": (1, 4), "divu": (1, 5), "rem": (1, 6),
    "remu": (1, 7),
}  # fmt: skip
I_TYPE = {"addi": 0, "slti": 2, "sltiu": 3, "xori": 4, "ori": 6, "andi": 7}
SHIFT_TYPE = {"slli": (0, 1), "srli": (0, 5), "srai": (0x20, 5)}
LOADS = {"lb": 0, "lh": 1, "lw": 2, "lbu": 4, "lhu": 5}
STORES = {"sb": 0, "sh": 1, "sw": 2}
BRANCHES = {"beq": 0, "bne": 1, "blt": 4, "bge": 5, "bltu": 6, "bgeu": 7}

#: The word that halts the machine.
HALT = 0x0000006F
ECALL = 0x00000073
EBREAK = 0x00100073
FENCE = 0x0FF0000F
NOP = 0x00000013


def r_type(name: str, rd: int, rs1: int, rs2: int) -> int:
    """Encode a register-register instruction."""
    funct7, funct3 = R_TYPE[name]
    return funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | 0x33


def i_type(name: str, rd: int, rs1: int, immediate: int) -> int:
    """Encode an instruction with a 12-bit immediate (or a shift amount)."""
    if name in SHIFT_TYPE:
        funct7, funct3 = SHIFT_TYPE[name]
        return funct7 << 25 | (immediate & 31) << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | 0x13
    return (immediate & 0xFFF) << 20 | rs1 << 15 | I_TYPE[name] << 12 | rd << 7 | 0x13


def load(name: str, rd: int, rs1: int, offset: int = 0) -> int:
    """Encode a load."""
    return (offset & 0xFFF) << 20 | rs1 << 15 | LOADS[name] << 12 | rd << 7 | 0x03


def store(name: str, rs2: int, rs1: int, offset: int = 0) -> int:
    """Encode a store of rs2 at rs1 + offset."""
    offset &= 0xFFF
    return offset >> 5 << 25 | rs2 << 20 | rs1 << 15 | STORES[name] << 12 | (offset & 31) << 7 | 0x23


def branch(name: str, rs1: int, rs2: int, offset: int) -> int:
    """Encode a branch by `offset` bytes."""
    o = offset & 0x1FFF
    high = o >> 12 << 31 | (o >> 5 & 0x3F) << 25
    return high | rs2 << 20 | rs1 << 15 | BRANCHES[name] << 12 | (o >> 1 & 0xF) << 8 | (o >> 11 & 1) << 7 | 0x63


def jal(rd: int, offset: int) -> int:
    """Encode a jump by `offset` bytes."""
    o = offset & 0x1FFFFF
    return o >> 20 << 31 | (o >> 1 & 0x3FF) << 21 | (o >> 11 & 1) << 20 | (o >> 12 & 0xFF) << 12 | rd << 7 | 0x6F


def jalr(rd: int, rs1: int, offset: int = 0) -> int:
    """Encode a jump to rs1 + offset."""
    return (offset & 0xFFF) << 20 | rs1 << 15 | rd << 7 | 0x67


def lui(rd: int, value: int) -> int:
    """Encode a load of the upper 20 bits of `value`."""
    return value & 0xFFFFF000 | rd << 7 | 0x37


def auipc(rd: int, value: int) -> int:
    """Encode an addition of the upper 20 bits of `value` to the pc."""
    return value & 0xFFFFF000 | rd << 7 | 0x17


def li(rd: int, value: int) -> list[int]:
    """Load a 32-bit constant: two instructions."""
    return [lui(rd, value + 0x800), i_type("addi", rd, rd, value & 0xFFF)]


def wait(timestamps: int, register: int = 31) -> list[int]:
    """Count a register down for at least as many timestamps, four a cycle."""
    return [*li(register, timestamps // 8 + 1), i_type("addi", register, register, -1), branch("bne", register, 0, -4)]


def advice(rd: int) -> int:
    """Encode the read of the next advice word."""
    return 0x7C0 << 20 | 1 << 12 | rd << 7 | 0x73


def poseidon2(rs1: int) -> int:
    """Encode the Poseidon2 call on the buffer at rs1."""
    return 0x7D0 << 20 | rs1 << 15 | 1 << 12 | 0x73


def request(kind: RequestType) -> int:
    """Encode the request of a type on the buffers at x10 and x11."""
    return 0x7D1 + kind << 20 | 1 << 12 | 0x73


def elf(
    code: Sequence[int],
    *,
    address: int = 0x1000,
    entry: int | None = None,
    data: Iterable[tuple[int, bytes]] = (),
    guard: tuple[int, int] | None = None,
) -> bytes:
    """Wrap code words at `address`, data segments, and a guard (address, size) into an executable."""
    segments = [(address, struct.pack(f"<{len(code)}I", *code), 5), *((at, content, 6) for at, content in data)]
    guards = [] if guard is None else [struct.pack("<8I", 1, 0, guard[0], guard[0], 0, guard[1], 0, 4096)]
    offset = 52 + 32 * (len(segments) + len(guards))
    headers, body = b"", b""
    for at, content, flags in segments:
        headers += struct.pack("<8I", 1, offset + len(body), at, at, len(content), len(content), flags, 4)
        body += content
    start = address if entry is None else entry
    ident = b"\x7fELF\x01\x01\x01" + bytes(9)
    header = ident + struct.pack(
        "<HHIIIIIHHHHHH", 2, 243, 1, start, 52, 0, 0, 52, 32, len(segments) + len(guards), 40, 0, 0
    )
    return header + headers + b"".join(guards) + body
