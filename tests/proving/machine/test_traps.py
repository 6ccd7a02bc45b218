"""Every trap, with the pc, instruction, cycle and address it reports, in plain execution and in witness generation."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest

from proving.circuits.requests import RequestType
from proving.machine import traps
from proving.machine.executor import execute
from proving.machine.program import Program
from proving.machine.witness import witness
from tests.proving.machine import assembler as asm
from tests.proving.machine.capacities import capacities

CODE = 0x1000


def _program(words: Sequence[int]) -> Program:
    return Program.from_elf(asm.elf(words, address=CODE))


def _trap(words: Sequence[int], kind: type[traps.Trap], advice: Sequence[int] = ()) -> traps.Trap:
    """Run a program both ways and return the trap, which must be of exactly this kind both times."""
    program, given = _program(words), np.array(advice, dtype=np.uint32)
    with pytest.raises(kind) as plain:
        execute(program, given, cycle_limit=10_000)
    with pytest.raises(kind) as cut:
        list(witness(program, given, {**capacities(12), "add_immediate": 50}, cycle_limit=10_000))
    assert type(plain.value) is type(cut.value) is kind
    if kind is not traps.CycleLimit:
        assert str(plain.value) == str(cut.value)
    return plain.value


def _padding(rng: random.Random) -> list[int]:
    return [asm.i_type("addi", 5, 5, 1)] * rng.randrange(200)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("word", "kind"),
    [
        (0x00000000, traps.IllegalInstruction),
        (0xFFFFFFFF, traps.IllegalInstruction),
        (0x0000100F, traps.IllegalInstruction),  # FENCE.I
        (0x30200073, traps.IllegalInstruction),  # MRET
        (0xC0002573, traps.IllegalInstruction),  # RDCYCLE
        (0x7C002573, traps.IllegalInstruction),  # CSRRS on the advice register
        (0x7C029573, traps.IllegalInstruction),  # a write to the advice register
        (0x7D029573, traps.IllegalInstruction),  # a Poseidon2 call with rd
        (0x7D201573, traps.IllegalInstruction),  # a request of Keccak-f with rd
        (0x7D229073, traps.IllegalInstruction),  # and with rs1
        (0x7D501073, traps.IllegalInstruction),  # a request of no type
        (0x40001033, traps.IllegalInstruction),  # SLL with funct7 0x20
        (0x02001013, traps.IllegalInstruction),  # SLLI with shift amount bit 5
        (0x00002063, traps.IllegalInstruction),  # branch funct3 2
        (0x00003003, traps.IllegalInstruction),  # LD
        (0x00003023, traps.IllegalInstruction),  # SD
        (0x00001067, traps.IllegalInstruction),  # JALR funct3 1
        (asm.ECALL, traps.EnvironmentCall),
        (asm.EBREAK, traps.EnvironmentCall),
        (asm.advice(6), traps.AdviceExhausted),
    ],
)
def test_word_traps(word: int, kind: type[traps.Trap], seed: int) -> None:
    before = _padding(random.Random(seed))
    trap = _trap([*before, word, asm.HALT], kind)
    assert (trap.pc, trap.instruction, trap.cycle) == (CODE + 4 * len(before), word, len(before))


def test_random_words_outside_rv32im_trap() -> None:
    rng = random.Random(7)
    legal = {0x37, 0x17, 0x6F, 0x67, 0x63, 0x03, 0x23, 0x13, 0x33, 0x0F, 0x73}
    for _ in range(100):
        word = rng.getrandbits(32) | 3
        if word & 0x7F not in legal:
            assert _trap([word], traps.IllegalInstruction).pc == CODE


@pytest.mark.parametrize("seed", range(10))
def test_misaligned_accesses_trap(seed: int) -> None:
    rng = random.Random(seed)
    before = _padding(rng)
    name = rng.choice(["lh", "lhu", "lw", "sh", "sw"])
    size = 2 if name[1] == "h" else 4
    address = rng.getrandbits(32) // size * size + rng.randrange(1, size)
    offset = rng.randrange(-2048, 2048)
    access = asm.load(name, 6, 7, offset) if name[0] == "l" else asm.store(name, 6, 7, offset)
    trap = _trap([*before, *asm.li(7, address - offset), access, asm.HALT], traps.MisalignedAccess)
    assert (trap.instruction, trap.address, trap.cycle) == (access, address & 0xFFFFFFFF, len(before) + 2)


@pytest.mark.parametrize("address", [4, 64, 0x20001, 0xFFFFFFC0])
def test_misaligned_poseidon2_buffers_trap(address: int) -> None:
    trap = _trap([*asm.li(7, address), asm.poseidon2(7), asm.HALT], traps.MisalignedAccess)
    assert trap.address == address


@pytest.mark.parametrize("address", [4, 64, 128, 0x20001, 0xFFFFFF80])
def test_misaligned_states_of_keccak_trap(address: int) -> None:
    trap = _trap([*asm.li(10, address), asm.request(RequestType.KECCAK_F), asm.HALT], traps.MisalignedAccess)
    assert trap.address == address


def test_a_pair_of_words_that_is_no_field_element_traps() -> None:
    low, high = 24, 28
    words = [*asm.li(7, 0x8000), *asm.li(8, 0xFFFFFFFF), asm.store("sw", 8, 7, high)]
    fine = [*words, asm.poseidon2(7), asm.HALT]
    assert execute(_program(fine)).cycles == 6
    _trap([*words, *asm.li(9, 1), asm.store("sw", 9, 7, low), asm.poseidon2(7), asm.HALT], traps.NonCanonicalField)


@pytest.mark.parametrize("jump", [asm.jal(1, 6), asm.branch("beq", 0, 0, 6), asm.jalr(0, 7, 2), asm.jalr(0, 7, 3)])
def test_misaligned_targets_trap(jump: int) -> None:
    trap = _trap([*asm.li(7, CODE), jump, asm.HALT], traps.MisalignedTarget)
    assert (trap.pc, trap.cycle) == (CODE + 8, 2)
    assert trap.address % 4 == 2


def test_a_branch_that_is_not_taken_may_have_any_target() -> None:
    words = [asm.branch("bne", 0, 0, 6), asm.branch("bltu", 0, 0, -2048), asm.HALT]
    assert execute(_program(words)).cycles == 2


@pytest.mark.parametrize(
    ("jump", "target"),
    [
        (asm.jal(1, 0x8000), CODE + 8 + 0x8000),
        (asm.jal(1, -0x800), CODE + 8 - 0x800),
        (asm.branch("beq", 0, 0, 2048), CODE + 8 + 2048),
        (asm.jalr(0, 0, 0), 0),
        (asm.jalr(0, 7, -4), CODE - 4),
        (asm.jalr(0, 0, -4), 0xFFFFFFFC),
    ],
)
def test_jumps_outside_the_code_trap(jump: int, target: int) -> None:
    trap = _trap([*asm.li(7, CODE), jump, asm.HALT], traps.PcOutOfCode)
    assert trap.address == target


def test_running_off_the_end_of_the_code_traps() -> None:
    trap = _trap([asm.NOP] * 3, traps.PcOutOfCode)
    assert (trap.pc, trap.cycle) == (CODE + 12, 3)


def test_jumps_into_a_gap_between_segments_trap() -> None:
    first, second = [asm.jal(0, 0x100), asm.HALT], asm.HALT.to_bytes(4, "little")
    elf = bytearray(asm.elf(first, address=CODE, data=[(0x2000, second)]))
    elf[52 + 32 + 24] = 5
    with pytest.raises(traps.PcOutOfCode):
        execute(Program.from_elf(bytes(elf)))


@pytest.mark.parametrize(
    "loop",
    [[asm.jal(0, 4), asm.jal(0, -4)], [asm.NOP, asm.branch("beq", 0, 0, -4)], [asm.li(7, CODE)[0], asm.jalr(0, 7)]],
)
def test_a_program_that_loops_for_ever_reaches_the_cycle_limit(loop: list[int]) -> None:
    assert 10_000 <= _trap(loop, traps.CycleLimit).cycle <= 10_000 + len(loop)


def test_the_cycle_limit_is_exact_at_the_halt() -> None:
    program = _program([asm.NOP] * 9 + [asm.HALT])
    assert execute(program, cycle_limit=9).cycles == 9
    assert sum(s.checkpoint.cycles for s in witness(program, b"", capacities(12), cycle_limit=9)) == 9
    with pytest.raises(traps.CycleLimit):
        execute(program, cycle_limit=8)
    with pytest.raises(traps.CycleLimit):
        list(witness(program, b"", capacities(12), cycle_limit=8))


def test_a_compressed_instruction_behind_a_computed_jump_traps_by_name() -> None:
    trap = _trap([asm.auipc(5, 0), asm.jalr(0, 5, 12), asm.HALT, 0x0001_1141], traps.CompressedInstruction)
    assert (trap.pc, trap.instruction) == (CODE + 12, 0x0001_1141)


def test_writing_everywhere_reaches_the_memory_limit_and_reading_does_not() -> None:
    step = [asm.i_type("addi", 10, 10, 1), asm.r_type("add", 7, 7, 8)]
    write = [*asm.li(8, 4096), asm.store("sb", 10, 7), *step, asm.jal(0, -12)]
    for run in (
        lambda p: execute(p, memory_limit=1 << 20),
        lambda p: list(witness(p, b"", capacities(12), memory_limit=1 << 20)),
    ):
        with pytest.raises(traps.MemoryLimit) as caught:
            run(_program(write))
        assert caught.value.address == 1 << 20
    read = [*asm.li(8, 4096), *asm.li(9, 5000), asm.load("lw", 11, 7), *step, asm.branch("bne", 10, 9, -12), asm.HALT]
    assert execute(_program(read), memory_limit=1 << 14).memory_bytes == 4096


def test_an_image_over_the_memory_limit_is_refused() -> None:
    program = Program.from_elf(asm.elf([asm.HALT], data=[(0x10000, b"x" * 20_000)]))
    with pytest.raises(traps.ImageOverMemoryLimit, match="segment at 0x00010000") as caught:
        execute(program, memory_limit=1 << 14)
    assert "--memory-limit" in caught.value.remedy


@pytest.mark.parametrize("seed", range(150))
def test_random_code_never_harms_the_process(seed: int) -> None:
    rng = random.Random(seed)
    opcodes = (0x37, 0x17, 0x6F, 0x67, 0x63, 0x03, 0x23, 0x13, 0x33, 0x0F, 0x73)
    words = [rng.getrandbits(32) & ~0x7F | rng.choice(opcodes) for _ in range(64)]
    program = _program(words)
    endings = set()
    for run in (
        lambda: execute(program, rng.randbytes(64), cycle_limit=5000, memory_limit=1 << 20),
        lambda: list(witness(program, rng.randbytes(64), capacities(12), cycle_limit=5000, memory_limit=1 << 20)),
    ):
        try:
            run()
            endings.add("halted")
        except traps.Trap as trap:
            endings.add(type(trap).__name__)
    assert len(endings) == 1
