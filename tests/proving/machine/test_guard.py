"""The guard: memory that no instruction may access. Every way of running agrees where it traps, and no proof passes."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import unicorn
from unicorn import riscv_const

from proving.hash import compress
from proving.hash.tags import Tag
from proving.machine.checkpoint import CheckpointError
from proving.machine.elf_errors import BadGuard, OverlappingSegments
from proving.machine.executor import execute, loaded
from proving.machine.observe import observe
from proving.machine.program import Program
from proving.machine.replay import replay
from proving.machine.symbols import Symbols
from proving.machine.traps import GuardAccess, MisalignedAccess, Trap
from proving.machine.witness import witness
from tests.proving.machine import assembler as asm
from tests.proving.machine.capacities import capacities

CODE = 0x0100_0000
#: At the bottom of memory, in the middle, and at its top.
GUARDS = [(0, 0x10_0000), (0x4000_0000, 0x1000), (0x4000_3000, 0x5000), (0xFFFF_0000, 0x1_0000)]
_POINTER, _VALUE = 7, 6
_SIZES = {"b": 1, "h": 2, "w": 4}


def _program(words: list[int], guard: tuple[int, int] | None) -> bytes:
    return asm.elf([*words, asm.HALT], address=CODE, guard=guard)


def _ways(elf: bytes) -> list[Callable[[], object]]:
    program = Program.from_elf(elf)
    return [
        lambda: execute(program),
        lambda: list(witness(program, b"", {**capacities(12), "add_immediate": 50})),
        lambda: observe(program, Symbols(elf), printed=lambda text: None),
        lambda: observe(program, Symbols(elf), printed=lambda text: None, profile=True),
    ]


def _trap(elf: bytes, kind: type[Trap]) -> Trap:
    """Run a program in every way and return the trap, which must be of this kind, at this place, each time."""
    caught = []
    for way in _ways(elf):
        with pytest.raises(kind) as info:
            way()
        caught.append(info.value)
    assert {str(trap) for trap in caught} == {str(caught[0])}
    return caught[0]


def _access(name: str, offset: int = 0) -> int:
    return asm.load(name, _VALUE, _POINTER, offset) if name[0] == "l" else asm.store(name, _VALUE, _POINTER, offset)


@pytest.mark.parametrize("guard", GUARDS)
@pytest.mark.parametrize("name", [*asm.LOADS, *asm.STORES])
def test_every_access_to_the_guard_traps(guard: tuple[int, int], name: str) -> None:
    size = _SIZES[name[1]]
    first, end = guard[0], guard[0] + guard[1]
    for address in (first, first + 0x800, end - size):
        access = _access(name)
        trap = _trap(_program([*asm.li(_POINTER, address), access], guard), GuardAccess)
        assert (trap.pc, trap.instruction, trap.address, trap.cycle) == (CODE + 8, access, address, 2)


@pytest.mark.parametrize("guard", GUARDS)
def test_accesses_beside_the_guard_do_not_trap(guard: tuple[int, int]) -> None:
    words = []
    for name in (*asm.LOADS, *asm.STORES):
        for address in (guard[0] - _SIZES[name[1]], guard[0] + guard[1]):
            words += [*asm.li(_POINTER, address % (1 << 32)), _access(name)]
    for address in (guard[0] - 128, guard[0] + guard[1]):
        words += [*asm.li(_POINTER, address % (1 << 32)), asm.poseidon2(_POINTER)]
    program = Program.from_elf(_program(words, guard))
    whole = execute(program, with_state=True)
    assert whole.state is not None and whole.cycles == len(words)
    (segment,) = witness(program, b"", capacities(16))
    records = replay(segment.checkpoint)
    assert np.array_equal(records.start, program.commitment)
    assert np.array_equal(records.end, whole.state.digest())


@pytest.mark.parametrize("guard", GUARDS)
def test_a_call_on_the_guard_and_a_misaligned_access_to_it_trap(guard: tuple[int, int]) -> None:
    pointer = asm.li(_POINTER, guard[0])
    assert _trap(_program([*pointer, asm.poseidon2(_POINTER)], guard), GuardAccess).address == guard[0]
    for name, offset in (("lw", 2), ("lh", 1), ("lhu", 3), ("sw", 1), ("sh", 1)):
        assert _trap(_program([*pointer, _access(name, offset)], guard), MisalignedAccess).address == guard[0] + offset


@pytest.mark.parametrize("seed", range(40))
def test_walks_around_the_guard_end_as_in_unicorn(seed: int) -> None:
    rng = random.Random(seed)
    guard = (0x4000_0000, 0x3000)
    words = []
    for _ in range(60):
        name = rng.choice([*asm.LOADS, *asm.STORES])
        edge = guard[0] + rng.choice((0, guard[1]))
        # Four times as often outside as inside.
        outward = -1 if edge == guard[0] else 1
        distance = rng.randrange(0x40) * (outward if rng.random() < 0.8 else -outward)
        address = (edge + distance) // _SIZES[name[1]] * _SIZES[name[1]]
        words += [*asm.li(_POINTER, address - 5), *asm.li(_VALUE, rng.getrandbits(32)), _access(name, 5)]
    emulator = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV32)
    emulator.mem_map(CODE, 0x10000)
    emulator.mem_map(guard[0] - 0x1000, 0x1000)
    emulator.mem_map(guard[0] + guard[1], 0x1000)
    emulator.mem_write(CODE, struct.pack(f"<{len(words)}I", *words))
    unmapped = (unicorn.UC_ERR_READ_UNMAPPED, unicorn.UC_ERR_WRITE_UNMAPPED)
    with pytest.raises(unicorn.UcError) as stopped:
        emulator.emu_start(CODE, CODE + 4 * len(words))
    assert stopped.value.errno in unmapped
    pc = emulator.reg_read(riscv_const.UC_RISCV_REG_PC)
    elf = _program(words, guard)
    assert _trap(elf, GuardAccess).pc == pc
    with loaded(Program.from_elf(elf), np.zeros(0, dtype=np.uint32), 1 << 20) as machine:
        with pytest.raises(GuardAccess):
            machine.run(1000)
        registers = [emulator.reg_read(riscv_const.UC_RISCV_REG_X0 + i) & 0xFFFFFFFF for i in range(32)]
        assert machine.registers().tolist() == registers
        for start in (guard[0] - 0x1000, guard[0] + guard[1]):
            assert machine.read(start, 0x1000) == bytes(emulator.mem_read(start, 0x1000))


def test_a_guarded_block_has_a_digest_that_is_no_compression() -> None:
    """The root straight from the definition: (GUARD, 0, 0, 0) for each block of the guard, zeros elsewhere."""
    first, size = 0x0001_F000, 0x3000
    program = Program.from_elf(_program([], (first, size)))
    zero = compress(np.zeros((1, 16), dtype=np.uint64))[0]
    guard = np.array([Tag.GUARD, 0, 0, 0], dtype=np.uint64)
    level = dict.fromkeys(range(first // 64, (first + size) // 64), guard)
    code = np.zeros((1, 16), dtype=np.uint64)
    code[0, 0] = asm.HALT
    level[CODE // 64] = compress(code)[0]
    for _ in range(13):
        level = {
            parent: compress(np.concatenate([level.get(4 * parent + i, zero) for i in range(4)])[np.newaxis])[0]
            for parent in {index >> 2 for index in level}
        }
        zero = compress(np.tile(zero, 4)[np.newaxis])[0]
    assert np.array_equal(program.memory_image.root(), level[0])
    final = execute(program, with_state=True).state
    assert final is not None and np.array_equal(final.memory_root, level[0])


def test_a_segment_that_opens_the_guard_starts_in_another_state() -> None:
    """A prover who ignores the guard has a provable run, but of a program with another commitment.

    The opened block's words may be anything: no words have the guard's digest, so the root is never the program's.
    """
    guard = (0, 0x1000)
    words = [asm.store("sw", _VALUE, 0, 64), asm.load("lw", 10, 0, 64)]
    guarded, open_ = (Program.from_elf(_program(words, with_guard)) for with_guard in (guard, None))
    assert not np.array_equal(guarded.commitment, open_.commitment)
    (segment,) = witness(open_, b"", capacities(12))
    checkpoint = segment.checkpoint
    assert checkpoint.data_blocks.tolist() == [1]
    # Everything beside the opened block as in the guarded program's tree.
    levels = [compress(np.zeros((1, 16), dtype=np.uint64))[0]]
    inside = [np.array([Tag.GUARD, 0, 0, 0], dtype=np.uint64)]
    for _ in range(12):
        levels.append(compress(np.tile(levels[-1], 4)[np.newaxis])[0])
        inside.append(compress(np.tile(inside[-1], 4)[np.newaxis])[0])
    siblings = checkpoint.data_siblings.copy()
    for level in range(3):
        siblings[3 * level : 3 * level + 3] = inside[level]
    for content in (0, 1, 12, 2**32 - 1):
        data = np.full((1, 16), content, dtype=np.uint32)
        forged = replace(checkpoint, start=guarded.commitment, data_words=data, data_siblings=siblings)
        with pytest.raises(CheckpointError, match="start state"):
            replay(forged)


@pytest.mark.parametrize("guard", [(0x800, 0x1000), (0, 0x1800), (0, (16 << 20) + 4096), (0xFFFF_F000, 0x2000)])
def test_guards_of_other_shapes_are_refused(guard: tuple[int, int]) -> None:
    with pytest.raises(BadGuard, match=f"{guard[0]:#010x}"):
        Program.from_elf(_program([], guard))


def test_a_guard_is_the_only_one_has_no_bytes_and_overlaps_nothing() -> None:
    data = bytearray(asm.elf([asm.HALT], address=CODE, data=[(0x20_0000, bytes(4096))], guard=(0, 4096)))
    assert Program.from_elf(bytes(data)).guard is not None
    second = 52 + 32
    struct.pack_into("<I", data, second + 24, 0)
    with pytest.raises(BadGuard):
        Program.from_elf(bytes(data))
    struct.pack_into("<I", data, second + 16, 0)
    with pytest.raises(BadGuard, match="both"):
        Program.from_elf(bytes(data))
    with pytest.raises(OverlappingSegments):
        Program.from_elf(asm.elf([asm.HALT], address=CODE, guard=(CODE, 4096)))


@pytest.mark.parametrize("name", asm.STORES)
def test_stores_to_code_are_counted_and_change_nothing(name: str) -> None:
    store = [*asm.li(_POINTER, CODE), *[_access(name, 4 * i) for i in range(3)]]
    beside = [asm.store("sw", _VALUE, _POINTER, 1024), asm.store("sw", _VALUE, _POINTER, -4)]
    run = execute(Program.from_elf(_program([*store, *beside], None)))
    assert run.code_stores == (3, CODE)
    assert execute(Program.from_elf(_program([*store[:2], *beside], None))).code_stores is None
