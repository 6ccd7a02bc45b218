"""Every instruction on edge operands expands to traces that satisfy the circuit."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest

from proving.circuits.keccak_f import KECCAK_F
from proving.circuits.requests import RequestType
from proving.circuits.served import SERVED
from proving.machine.main_vm.circuit import circuit
from proving.machine.main_vm.expand import ExpansionRefused, expand
from proving.machine.records import Records
from proving.stark.air import require
from tests.proving.machine import assembler as asm
from tests.proving.machine import programs
from tests.proving.machine.main_vm import segments

FAMILIES = {
    "add": ["add", "sub", "sltu"],
    "control": ["slt"],
    "bitwise": ["and", "or", "xor"],
    "shift": ["sll", "srl", "sra"],
    "mul": ["mul", "mulh", "mulhu", "mulhsu"],
    "div": ["div", "divu", "rem", "remu"],
}

#: Types with two buffers.
KINDS = [served.kind for served in SERVED.values() if served is not KECCAK_F]


def accept(found: list[Records]) -> None:
    for one in found:
        traces, publics = expand(one)
        require(circuit(), traces, publics)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_arithmetic_on_pairs_of_edge_values(family: str) -> None:
    found = segments.records(segments.arithmetic(FAMILIES[family]))
    assert len(found[0].family(family)) > len(segments.EDGES) ** 2
    accept(found)


def test_immediates_on_edge_values() -> None:
    accept(segments.records(segments.immediates()))


def test_branches_and_jumps() -> None:
    accept(segments.records(segments.branches()))


def idling(timestamps: int) -> list[int]:
    """Registers, words, a compression's and requests' buffers that are accessed, and later again."""
    hashed, _ = segments.hashing()
    touched = [*asm.li(7, 5), asm.r_type("add", 0, 7, 7), *hashed[:-1]]
    requests = [*asm.li(11, segments.NUMBERS), *asm.li(10, segments.NUMBERS - 32), segments.ARITH256]
    state = [*asm.li(10, segments.NUMBERS + 128), asm.request(RequestType.KECCAK_F)]
    advance = [word for word in touched if word >> 20 != 0x7C0]
    again = [*advance[2:], *requests, *state, asm.jal(0, 4), asm.load("lb", 8, 21, 3)]
    return [*touched, *requests, *state, *asm.wait(timestamps), *again, asm.HALT]


@pytest.mark.parametrize("timestamps", [65_000, 66_000, 200_000])
def test_what_lies_idle_is_carried_on(timestamps: int) -> None:
    advice = segments.hashing()[1]
    (found,) = segments.records(idling(timestamps), advice, 16)
    # Words of the compression, of both requests and of the registers.
    assert (len(found.idle) > 32 + 40 + 50) == (timestamps > 2**16)
    accept([found])


def test_what_is_first_accessed_late_starts_late() -> None:
    words = [*segments.load_edges(), *asm.wait(100_000), asm.load("lw", 9, 21), asm.r_type("add", 0, 30, 30)]
    (found,) = segments.records([*words, asm.HALT], size_class=16)
    starts = found.block[:, 34:50]
    assert (starts > 2**16).any()
    accept([found])


def test_loads_and_stores() -> None:
    found = segments.records(segments.memory())
    assert len(found[0].memory_sub) and len(found[0].memory_word)
    accept(found)


def test_advice_and_compression() -> None:
    words, advice = segments.hashing()
    found = segments.records(words, advice)
    assert len(found[0].poseidon2_call) == 2
    accept(found)


@pytest.mark.parametrize("kinds", [[kind] for kind in KINDS] + [KINDS], ids=str)
def test_requests_whose_buffers_overlap(kinds: list[RequestType]) -> None:
    found = segments.records(*segments.requesting(kinds))
    assert found[0].request[:, 2].tolist() == [kinds[i % len(kinds)] for i in range(6)]
    accept(found)


def test_requests_of_keccak() -> None:
    found = segments.records(*segments.permuting())
    assert found[0].keccak_call[:, 2].tolist() == [0, 1] * 3
    accept(found)


def test_one_segment_with_everything() -> None:
    accept([segments.everything()])


@pytest.mark.parametrize("seed", range(4))
def test_random_programs(seed: int) -> None:
    words = programs.random_program(seed, length=400, rounds=2).words
    accept(segments.records(words))


def test_segments_join_end_to_start() -> None:
    found = segments.records(programs.counting_loop(3000), size_class=12)
    assert len(found) > 2
    for before, after in pairwise(found):
        assert np.array_equal(before.end, after.start)
        assert not before.halted
    assert found[-1].halted
    accept(found)


def test_a_program_that_only_halts() -> None:
    found = segments.records([asm.HALT])
    assert found[0].cycles == 0
    accept(found)


def test_an_instruction_without_a_decode_row_is_refused() -> None:
    found = segments.everything()
    with pytest.raises(ExpansionRefused, match="not decoded"):
        expand(dataclasses.replace(found, decode=found.decode[1:]))


def test_a_word_that_is_no_instruction_is_refused() -> None:
    found = segments.everything()
    decode = found.decode.copy()
    decode[0, 1] = asm.ECALL
    with pytest.raises(ExpansionRefused, match="no instruction"):
        expand(dataclasses.replace(found, decode=decode))
