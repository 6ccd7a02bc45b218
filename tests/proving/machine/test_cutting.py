"""Wherever a segment is cut, it can be replayed: an instruction reserves all that it touches, or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from proving.circuits.requests import RequestType
from proving.machine.checkpoint import CheckpointError
from proving.machine.main_vm import shape, shapes
from proving.machine.program import Program
from proving.machine.replay import replay
from proving.machine.witness import witness
from runtime.errors import Retry
from tests.proving.machine import assembler as asm
from tests.proving.machine.capacities import capacities

Capacities = Mapping[str, int] | Sequence[Mapping[str, int]]

#: Buffers lie here, each in 128 bytes of its own; 64 blocks are the children of one node of level 3.
_BUFFERS = 0x0100_0000
_POINTER, _LEFT, _VALUE = 7, 5, 6


def _over_buffers(body: list[int], rounds: int, step: int = 128) -> Program:
    """Return a program that runs `body` on one fresh buffer after the other."""
    loop = [
        *body,
        asm.i_type("addi", _POINTER, _POINTER, step),
        asm.i_type("addi", _LEFT, _LEFT, -1),
    ]
    loop.append(asm.branch("bne", _LEFT, 0, -4 * len(loop)))
    return Program.from_elf(asm.elf([*asm.li(_POINTER, _BUFFERS), *asm.li(_LEFT, rounds), *loop, asm.HALT]))


#: What an instruction may find when it comes to a buffer: no block of it, the first, the second, one that is only read.
BODIES = {
    "hash": [asm.poseidon2(_POINTER)],
    "hash after a read of the first block": [asm.load("lw", _VALUE, _POINTER), asm.poseidon2(_POINTER)],
    "hash after a read of the second block": [asm.load("lb", _VALUE, _POINTER, 64), asm.poseidon2(_POINTER)],
    "hash after a write to the second block": [asm.store("sh", 0, _POINTER, 126), asm.poseidon2(_POINTER)],
    "hash, then a write to the second block": [asm.poseidon2(_POINTER), asm.store("sb", 0, _POINTER, 64)],
    "read, then write": [asm.load("lw", _VALUE, _POINTER), asm.store("sw", _VALUE, _POINTER, 4)],
    "write": [asm.store("sw", _LEFT, _POINTER)],
    "read": [asm.load("lhu", _VALUE, _POINTER, 2)],
}


def _assert_every_segment_replays(program: Program, limits: Capacities) -> int:
    cycles = [replay(segment.checkpoint).cycles for segment in witness(program, b"", limits)]
    assert len(cycles) > 1
    return sum(cycles)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize(("table", "first"), [("page", 70), ("poseidon2", 120)])
def test_loops_over_fresh_buffers_replay_at_every_remainder(body: str, table: str, first: int) -> None:
    program = _over_buffers(BODIES[body], 80)
    cycles = set()
    for capacity in range(first, first + 24):
        cycles.add(_assert_every_segment_replays(program, {**capacities(16), table: capacity}))
    assert len(cycles) == 1


#: What Keccak-f may find: no block of its state, one that is read, one that is written, all of them.
_KECCAK = [asm.i_type("addi", 10, _POINTER, 0), asm.request(RequestType.KECCAK_F)]
STATES = {
    "fresh": _KECCAK,
    "after a read of the third block": [asm.load("lw", _VALUE, _POINTER, 128), *_KECCAK],
    "after a write to the last block": [asm.store("sw", 0, _POINTER, 252), *_KECCAK],
    "twice": [*_KECCAK, _KECCAK[1]],
}


@pytest.mark.parametrize("body", STATES)
@pytest.mark.parametrize(("table", "first"), [("page", 75), ("poseidon2", 130), ("call", 2)])
def test_keccak_replays_at_every_remainder(body: str, table: str, first: int) -> None:
    program = _over_buffers(STATES[body], 20, step=256)
    cycles = set()
    for capacity in range(first, first + 12):
        cycles.add(_assert_every_segment_replays(program, {**capacities(16), table: capacity}))
    assert len(cycles) == 1


@pytest.mark.parametrize("size_class", [12, 13])
def test_hashing_an_array_in_place_replays_at_the_circuits_own_capacities(size_class: int) -> None:
    program = _over_buffers(BODIES["hash"], 2000)
    _assert_every_segment_replays(program, shape.capacities(shapes.within(size_class)))


def test_buffers_far_apart_need_paths_of_their_own() -> None:
    far = [*asm.li(_VALUE, 0x0010_0000), asm.r_type("add", _POINTER, _POINTER, _VALUE), asm.poseidon2(_POINTER)]
    for capacity in range(90, 120):
        _assert_every_segment_replays(_over_buffers(far, 30), {**capacities(16), "page": capacity})


def test_a_checkpoint_that_no_run_has_is_not_worth_another_try() -> None:
    error = CheckpointError()
    assert error.retry is Retry.NEVER
    assert "requeue" not in error.line().lower()


@pytest.mark.parametrize(
    ("name", "table"), [("remu", "mul_div"), ("mulhu", "mul_div"), ("srl", "bitwise"), ("xor", "bitwise")]
)
def test_instructions_that_share_a_table_have_all_of_its_room(name: str, table: str) -> None:
    """A Fibonacci loop modulo a prime was cut after a sixteenth of the rows that its remainders had."""
    sizes = shape.capacities(shapes.within(12))
    room = max(size[table] for size in sizes)
    loop = [asm.r_type(name, 10, 11, 12)] * 64 + [asm.i_type("addi", _LEFT, _LEFT, -1)]
    loop.append(asm.branch("bne", _LEFT, 0, -4 * len(loop)))
    words = [*asm.li(_LEFT, room // 64), *loop, loop[0], asm.HALT]
    first, second = witness(Program.from_elf(asm.elf(words)), b"", sizes)
    assert (first.used[table], second.checkpoint.cycles) == (room, 1)
