"""The executor against an independent emulator, on random programs over all of RV32IM."""

from __future__ import annotations

import numpy as np
import pytest
import unicorn
from unicorn import riscv_const

from proving.machine.executor import loaded
from proving.machine.program import Program
from proving.machine.replay import replay
from proving.machine.witness import witness
from tests.proving.machine import assembler as asm
from tests.proving.machine.capacities import capacities
from tests.proving.machine.programs import CODE, WINDOW, WINDOW_BYTES, RandomProgram, random_program


def _emulate(program: RandomProgram) -> tuple[list[int], bytes]:
    emulator = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV32)
    emulator.mem_map(CODE, 0x10000)
    emulator.mem_map(WINDOW, WINDOW_BYTES)
    emulator.mem_write(CODE, b"".join(word.to_bytes(4, "little") for word in program.words))
    emulator.mem_write(WINDOW, program.data)
    halt = CODE + 4 * (len(program.words) - 1)
    emulator.emu_start(CODE, halt, count=100_000)
    assert emulator.reg_read(riscv_const.UC_RISCV_REG_PC) == halt
    registers = [emulator.reg_read(riscv_const.UC_RISCV_REG_X0 + i) & 0xFFFFFFFF for i in range(32)]
    return registers, bytes(emulator.mem_read(WINDOW, WINDOW_BYTES))


@pytest.mark.parametrize("seed", range(120))
def test_random_programs_end_as_in_unicorn(seed: int) -> None:
    program = random_program(seed, length=300)
    registers, window = _emulate(program)
    with loaded(Program.from_elf(program.elf()), np.zeros(0, dtype=np.uint32), 1 << 20) as machine:
        machine.run(1_000_000)
        assert machine.registers().tolist() == registers
        assert machine.read(WINDOW, WINDOW_BYTES) == window


@pytest.mark.parametrize("seed", range(20))
def test_replayed_segments_end_as_in_unicorn(seed: int) -> None:
    program = random_program(seed, length=300)
    registers, window = _emulate(program)
    memory = dict(enumerate(np.frombuffer(program.data, dtype="<u4").tolist()))
    for segment in witness(Program.from_elf(program.elf()), b"", {**capacities(12), "add_immediate": 300}):
        for row in replay(segment.checkpoint).block:
            if row[0] == 0:
                first = (int(row[1]) * 64 - WINDOW) // 4
                memory.update(enumerate(row[18:34].tolist(), first))
        last = segment.end.registers
    assert last.tolist() == registers
    assert np.array([memory[i] for i in range(WINDOW_BYTES // 4)], dtype="<u4").tobytes() == window


def test_random_programs_cover_every_instruction() -> None:
    seen = set()
    for seed in range(40):
        program = Program.from_elf(random_program(seed, length=300).elf())
        for segment in witness(program, b"", capacities(16)):
            for _, word, _ in replay(segment.checkpoint).decode.tolist():
                wide = word & 0x7F in (0x33, 0x13) and (word & 0x7F == 0x33 or word >> 12 & 7 in (1, 5))
                seen.add((word & 0x7F, word >> 12 & 7, word >> 25 if wide else 0))
    expected = {(0x33, funct3, funct7) for funct7, funct3 in asm.R_TYPE.values()}
    expected |= {(0x13, funct3, 0) for funct3 in asm.I_TYPE.values()}
    expected |= {(0x13, funct3, funct7) for funct7, funct3 in asm.SHIFT_TYPE.values()}
    expected |= {(0x03, funct3, 0) for funct3 in asm.LOADS.values()}
    expected |= {(0x23, funct3, 0) for funct3 in asm.STORES.values()}
    expected |= {(0x63, funct3, 0) for funct3 in asm.BRANCHES.values()}
    expected.add((0x67, 0, 0))
    assert expected <= seen
    assert {0x37, 0x17, 0x6F, 0x0F} <= {opcode for opcode, _, _ in seen}
