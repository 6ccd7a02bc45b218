"""Random programs and small fixed ones, shared by the tests of the machine."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.proving.machine import assembler as asm

#: The data window of random programs; x31 points at its middle and is never written.
WINDOW = 0x0002_0000
WINDOW_BYTES = 4096
CODE = 0x1000

_BASE, _COUNTER, _SCRATCH = 31, 30, 29
#: Buffer of Poseidon2 calls; x28 points at it in programs that use the machine's own instructions.
BUFFER = 0x0004_0000
_BUFFER = 28
_EDGES = (0, 1, 2, 3, 31, 32, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0x80000001, 0xFFFFFFFE,
          0xFFFFFFFF)  # fmt: skip


@dataclass(frozen=True)
class RandomProgram:
    """Code words whose last word halts, and the initial data window."""

    words: list[int]
    data: bytes

    def elf(self) -> bytes:
        """Return the executable."""
        return asm.elf(self.words, address=CODE, data=[(WINDOW, self.data)])


def _value(rng: random.Random) -> int:
    return rng.choice(_EDGES) if rng.random() < 0.5 else rng.getrandbits(32)


def _instruction(rng: random.Random, own: bool) -> list[int]:
    rd, rs1, rs2 = rng.randrange(_BUFFER), rng.randrange(32), rng.randrange(32)
    kind = rng.randrange(12 if own else 11)
    if kind == 11:
        return [rng.choice((asm.advice(rd), asm.poseidon2(_BUFFER)))]
    if kind <= 2:
        return [asm.r_type(rng.choice(list(asm.R_TYPE)), rd, rs1, rs2)]
    if kind == 3:
        return [
            asm.i_type(rng.choice(list(asm.I_TYPE)), rd, rs1, rng.choice((0, 1, -1, 2047, -2048, rng.getrandbits(12))))
        ]
    if kind == 4:
        return [asm.i_type(rng.choice(list(asm.SHIFT_TYPE)), rd, rs1, rng.randrange(32))]
    if kind == 5:
        return [rng.choice((asm.lui, asm.auipc))(rd, rng.getrandbits(32))]
    if kind == 6:
        name = rng.choice(list(asm.LOADS))
        return [asm.load(name, rd, _BASE, _offset(rng, name))]
    if kind == 7:
        name = rng.choice(list(asm.STORES))
        return [asm.store(name, rs2, _BASE, _offset(rng, name))]
    if kind == 8:
        return [asm.branch(rng.choice(list(asm.BRANCHES)), rs1, rs2, 4 * rng.randrange(1, 4))]
    if kind == 9:
        return rng.choice(
            (
                [asm.jal(rd, 4 * rng.randrange(1, 4))],
                # No jump of at most three words over the NOPs reaches the JALR without its AUIPC.
                [asm.NOP] * 3
                + [asm.auipc(_SCRATCH, 0), asm.jalr(rd, _SCRATCH, 8 + 4 * rng.randrange(3) + rng.randrange(2))],
                [asm.FENCE],
            )
        )
    return asm.li(rd, _value(rng))


def _offset(rng: random.Random, name: str) -> int:
    size = {"b": 1, "h": 2, "w": 4}[name[1]]
    return rng.randrange(-2048, 2048) // size * size


def random_program(seed: int, *, length: int = 200, rounds: int = 3, own: bool = False) -> RandomProgram:
    """Return a program that uses every RV32IM instruction and runs `length` random ones `rounds` times.

    With `own` it also reads advice (at most `length * rounds` words) and calls Poseidon2.
    """
    rng = random.Random(seed)
    words = asm.li(_BASE, WINDOW + WINDOW_BYTES // 2) + asm.li(_COUNTER, rounds)
    for register in range(1, _SCRATCH + 1):
        words += asm.li(register, _value(rng))
    if own:
        words += asm.li(_BUFFER, BUFFER)
    start = len(words)
    while len(words) < start + length:
        words += _instruction(rng, own)
    words += [asm.NOP] * 4
    words += [asm.i_type("addi", _COUNTER, _COUNTER, -1), asm.branch("beq", _COUNTER, 0, 8)]
    words += [asm.jal(0, 4 * (start - len(words))), asm.HALT]
    return RandomProgram(words, rng.randbytes(WINDOW_BYTES))


def counting_loop(rounds: int) -> list[int]:
    """Return code that walks over memory, one word a round, and leaves the number of rounds in x10."""
    loop = [
        asm.i_type("addi", 10, 10, 1),
        asm.i_type("slli", 12, 10, 2),
        asm.r_type("add", 12, 12, 7),
        asm.load("lw", 13, 12),
        asm.r_type("xor", 13, 13, 10),
        asm.r_type("mul", 14, 13, 10),
        asm.store("sw", 13, 12),
        asm.store("sb", 14, 12, 65),
    ]
    loop.append(asm.branch("bne", 10, 5, -4 * len(loop)))
    return [*asm.li(5, rounds), *asm.li(7, WINDOW), *loop, asm.HALT]


def hash_chain(rounds: int) -> list[int]:
    """Return code that reads 32 advice words into a buffer, compresses it `rounds` times and outputs the digest."""
    fill = [asm.advice(6), asm.store("sw", 6, 8), asm.i_type("addi", 8, 8, 4), asm.i_type("addi", 9, 9, -1)]
    fill.append(asm.branch("bne", 9, 0, -4 * len(fill)))
    loop = [asm.poseidon2(7), asm.i_type("addi", 5, 5, -1), asm.branch("bne", 5, 0, -8)]
    out = [asm.load("lw", 10 + i, 7, 4 * i) for i in range(8)]
    return [*asm.li(7, WINDOW), *asm.li(8, WINDOW), *asm.li(9, 32), *asm.li(5, rounds), *fill, *loop, *out, asm.HALT]
