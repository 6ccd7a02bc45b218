"""Programs whose segments exercise every table of `main_vm`, and their execution records."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cache

import numpy as np

from proving.circuits.keccak_f import KECCAK_F
from proving.circuits.requests import RequestType
from proving.circuits.served import SERVED
from proving.machine.main_vm.expand import Traces, expand
from proving.machine.main_vm.shape import capacities
from proving.machine.main_vm.shapes import within
from proving.machine.program import Program
from proving.machine.records import MEMORY, SPACE_MEMORY, SPACE_REGISTERS, Records
from proving.machine.replay import replay
from proving.machine.witness import witness
from tests.proving.machine import assembler as asm
from tests.proving.machine.programs import WINDOW

EDGES = (0, 1, 2, 31, 32, 0xFF, 0x8000, 0x7FFFFFFF, 0x80000000, 0x80000001, 0xFFFF0000, 0xFFFFFFFE, 0xFFFFFFFF)
_FIRST, _RESULT, _BASE = 1, 20, 21


def records(words: list[int], advice: list[int] | None = None, size_class: int = 14) -> list[Records]:
    """The records of every segment of a program."""
    program = Program.from_elf(asm.elf(words, data=[(WINDOW, bytes(range(256)) * 4)]))
    given = np.array(advice or [], dtype=np.uint32)
    return [replay(segment.checkpoint) for segment in witness(program, given, capacities(within(size_class)))]


def load_edges() -> list[int]:
    """Instructions that put the edge values into registers 1, 2, ... and the data window's address into x21."""
    words: list[int] = []
    for i, value in enumerate(EDGES):
        words += asm.li(_FIRST + i, value)
    return [*words, *asm.li(_BASE, WINDOW)]


def arithmetic(names: list[str]) -> list[int]:
    """Each named register-register instruction on every pair of edge values, and once into x0."""
    words = load_edges()
    for name in names:
        for a in range(len(EDGES)):
            words += [asm.r_type(name, _RESULT, _FIRST + a, _FIRST + b) for b in range(len(EDGES))]
        words.append(asm.r_type(name, 0, 3, 4))
    return [*words, asm.HALT]


def immediates() -> list[int]:
    """Each immediate instruction on every edge value, and once into x0."""
    words = load_edges()
    for name in asm.I_TYPE:
        for a in range(len(EDGES)):
            words += [asm.i_type(name, _RESULT, _FIRST + a, value) for value in (0, 1, -1, 2047, -2048)]
        words.append(asm.i_type(name, 0, 3, 5))
    for name in asm.SHIFT_TYPE:
        for a in range(len(EDGES)):
            words += [asm.i_type(name, _RESULT, _FIRST + a, amount) for amount in (0, 1, 16, 31)]
        words.append(asm.i_type(name, 0, 3, 5))
    for value in (0, 0x1000, 0x80000000, 0xFFFFF000):
        words += [asm.lui(_RESULT, value), asm.auipc(_RESULT, value), asm.lui(0, value), asm.auipc(0, value)]
    return [*words, asm.FENCE, asm.HALT]


def branches() -> list[int]:
    """Each branch on pairs of edge values, taken over a NOP; jumps forward, back and computed."""
    words = load_edges()
    for name in asm.BRANCHES:
        for a in range(len(EDGES)):
            for b in (a, (a + 1) % len(EDGES), (a + 5) % len(EDGES), 7, 8):
                words += [asm.branch(name, _FIRST + a, _FIRST + b, 8), asm.NOP]
    words += [asm.jal(0, 8), asm.jal(_RESULT, 8), asm.jal(0, -4)]
    words += [asm.auipc(_RESULT, 0), asm.jalr(_RESULT, _RESULT, 13), asm.NOP]
    words += [asm.auipc(_RESULT, 0), asm.i_type("addi", _RESULT, _RESULT, 14), asm.jalr(0, _RESULT, -2)]
    return [*words, asm.NOP, asm.HALT]


def memory() -> list[int]:
    """Loads and stores of every width at every offset, sign bits set and not, addresses that wrap."""
    words = load_edges()
    for offset in range(16):
        for size, names in ((1, ("lb", "lbu")), (2, ("lh", "lhu")), (4, ("lw",))):
            words += [asm.load(name, _RESULT, _BASE, 120 + offset) for name in names if offset % size == 0]
        for size, name in ((1, "sb"), (2, "sh"), (4, "sw")):
            if offset % size == 0:
                words += [asm.store(name, _FIRST + (offset + i) % len(EDGES), _BASE, offset) for i in range(3)]
                words += [asm.load("l" + name[1], _RESULT, _BASE, offset)]
    for name in asm.LOADS:
        words += [asm.load(name, 0, _BASE, 4), asm.load(name, _RESULT, _BASE, -64)]
    # x2 = 1: the sum with a negative immediate wraps to 0xFFFFFFFC; x0 stays below 2^32.
    words += [asm.store("sw", 12, 2, -5), asm.load("lw", _RESULT, 0, -4), asm.load("lb", _RESULT, 13, -7)]
    return [*words, asm.HALT]


def hashing() -> tuple[list[int], list[int]]:
    """Advice into a buffer, two compressions of it; lane 5 is p - 1, the largest canonical value."""
    lanes = [0, 1, 2**32 - 1, 2**32, 2**63, 0xFFFFFFFF00000000, *range(7, 17)]
    advice = [half for lane in lanes for half in (lane & 0xFFFFFFFF, lane >> 32)]
    words = load_edges()
    for i in range(32):
        words += [asm.advice(_RESULT), asm.store("sw", _RESULT, _BASE, 4 * i)]
    return [*words, asm.advice(0), asm.poseidon2(_BASE), asm.poseidon2(_BASE), asm.HALT], [*advice, 7]


#: Where requests have their other words.
NUMBERS = 0x0005_0080
ARITH256 = asm.request(RequestType.ARITH256)


def requesting(kinds: Sequence[RequestType] = (RequestType.ARITH256,)) -> tuple[list[int], list[int]]:
    """Numbers from advice, and requests: into a buffer of its own, again, and into each number of the other buffer.

    Each of the six is of the next of the types.
    """
    advice = [0xFFFFFFFF, 1, 0x80000000, *range(2, 31), 0xFFFFFFFE, 5, *range(40, 46)]
    words = [*asm.li(11, NUMBERS), *asm.li(10, NUMBERS - 32)]
    for i in range(32):
        words += [asm.advice(_RESULT), asm.store("sw", _RESULT, 10, 4 * i)]
    made = [asm.request(kinds[i % len(kinds)]) for i in range(6)]
    words += made[:2]
    for offset, request in zip((0, 32, 64, 96), made[2:], strict=True):
        words += [asm.i_type("addi", 10, 11, offset), request]
    return [*words, asm.HALT], advice[:32]


def requesting_all() -> tuple[list[int], list[int]]:
    """Requests of every type."""
    words, advice = requesting([served.kind for served in SERVED.values() if served is not KECCAK_F])
    return [*words[:-1], *asm.li(10, NUMBERS + 128), asm.request(RequestType.KECCAK_F), asm.HALT], advice


def permuting() -> tuple[list[int], list[int]]:
    """A state from advice, and Keccak-f of it twice, then a request of 256-bit arithmetic within it, and once more."""
    state = NUMBERS + 128
    advice = [0, 1, 0xFFFFFFFF, 0x80000000, *range(5, 51)]
    words = asm.li(10, state)
    for i in range(50):
        words += [asm.advice(_RESULT), asm.store("sw", _RESULT, 10, 4 * i)]
    keccak = asm.request(RequestType.KECCAK_F)
    words += [keccak, keccak, *asm.li(11, state), ARITH256, keccak]
    return [*words, asm.HALT], advice


def delayed(found: Records) -> Records:
    """The segment with words that are carried on although they were accessed not long before: one of memory and x21."""
    word = int(np.flatnonzero(found.memory_word[:, MEMORY.index("pm")] > 0)[0])
    words, previous, base = found.memory_word.copy(), MEMORY.index("pm"), MEMORY.index("p1")
    row = words[word]
    address = int(row[MEMORY.index("v1")]) + _immediate(found, int(row[MEMORY.index("pc")]))
    idle = [
        [SPACE_MEMORY, address % 2**32, row[MEMORY.index("mem_old")], row[previous], row[previous] + 1],
        [SPACE_REGISTERS, 4 * _BASE, row[MEMORY.index("v1")], row[base], row[base] + 1],
    ]
    row[[previous, base]] += 1
    return dataclasses.replace(found, memory_word=words, idle=np.array(idle, dtype=np.uint32))


def _immediate(found: Records, pc: int) -> int:
    """The immediate of a load or store, sign-extended."""
    word = int(found.decode[found.decode[:, 0] == pc, 1][0])
    low = word >> 20 if word & 0x20 == 0 else (word >> 25) << 5 | word >> 7 & 31
    return low - (low >> 11 << 12)


@cache
def everything() -> Records:
    """One segment with a few rows of every instruction, small enough to fuzz."""
    words = load_edges()
    pairs = ((9, 13), (3, 2), (12, 1), (8, 7))
    for name in asm.R_TYPE:
        words += [asm.r_type(name, _RESULT, a, b) for a, b in pairs]
        words.append(asm.r_type(name, 0, 3, 4))
    words += [asm.i_type(name, _RESULT, 13, -3) for name in (*asm.I_TYPE, *asm.SHIFT_TYPE)]
    words += [asm.lui(_RESULT, 0x12345000), asm.auipc(_RESULT, 0xFFFFF000), asm.FENCE]
    for name in asm.BRANCHES:
        for a, b in ((9, 9), (9, 8), (2, 13)):
            words += [asm.branch(name, a, b, 8), asm.NOP]
    words += [asm.jal(0, 8), asm.jal(_RESULT, 8), asm.jal(0, -4)]
    words += [asm.auipc(_RESULT, 0), asm.jalr(_RESULT, _RESULT, 9)]
    for name in asm.LOADS:
        words += [asm.load(name, _RESULT, _BASE, offset) for offset in (128, 252)]
        words.append(asm.load(name, 0, _BASE, 0))
    words += [asm.load(name, _RESULT, _BASE, o) for name, o in (("lb", 129), ("lb", 131), ("lh", 130), ("lhu", 130))]
    words += [asm.store(name, 12, _BASE, o) for name, o in (("sb", 1), ("sb", 2), ("sh", 6), ("sw", 8), ("sb", 15))]
    words += [asm.store("sw", 12, 2, -5), asm.store("sw", 0, _BASE)]
    hashed, advice = hashing()
    # Three requests, two of them with buffers that overlap, and two of every other type.
    words += [*hashed[:-1], *asm.li(11, WINDOW + 128), *asm.li(10, WINDOW + 96), ARITH256]
    for offset in (32, 64):
        words += [asm.i_type("addi", 10, 11, offset), ARITH256]
    for served in SERVED.values():
        if served.kind not in (RequestType.ARITH256, RequestType.KECCAK_F):
            words += [asm.request(served.kind), asm.request(served.kind)]
    words += [*asm.li(10, WINDOW + 256), *[asm.request(RequestType.KECCAK_F)] * 2]
    return delayed(records([*words, asm.HALT], advice)[0])


@cache
def everything_expanded() -> tuple[Traces, np.ndarray]:
    """Traces and public inputs of `everything`."""
    return expand(everything())
