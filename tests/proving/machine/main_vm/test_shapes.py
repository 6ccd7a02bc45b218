"""Every segment has a listed shape, whatever the program, the size class and the memory budget."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proving.machine.main_vm import shape, shapes
from proving.machine.main_vm.circuit import circuit
from proving.machine.main_vm.expand import compression_count
from proving.machine.program import Program
from proving.machine.replay import replay
from proving.machine.witness import Segment, witness
from proving.stages import budget
from runtime.errors import OutOfMemory
from tests.proving.machine import assembler as asm

_BUFFERS, _POINTER, _LEFT, _VALUE = 0x0100_0000, 7, 5, 6
SIZE_CLASSES = range(shapes.MIN_SIZE_CLASS, shapes.MAX_SIZE_CLASS + 1)
#: By table, instructions that fill it.
FILLING = {
    "add_immediate": [asm.i_type("addi", _VALUE, _VALUE, 3)],
    "add": [asm.r_type("add", _VALUE, _VALUE, _LEFT)],
    "control": [asm.r_type("slt", _VALUE, _VALUE, _LEFT)],
    "bitwise": [asm.r_type("xor", _VALUE, _VALUE, _LEFT)],
    "mul_div": [asm.r_type("mulhu", _VALUE, _VALUE, _LEFT)],
    "memory_word": [asm.load("lw", _VALUE, _POINTER)],
    "memory_sub": [asm.store("sb", _VALUE, _POINTER, 3)],
    "call": [asm.poseidon2(_POINTER)],
    "decode": [asm.NOP] * 100,
    "page": [asm.load("lw", _VALUE, _POINTER, 64)],
}


def program(mix: list[str], rounds: int) -> Program:
    """A loop over what fills each named table; it walks over fresh memory."""
    body = [word for table in mix for word in FILLING[table]]
    body.append(asm.i_type("addi", _POINTER, _POINTER, 1024 if "page" in mix else 0))
    loop = [*body, asm.i_type("addi", _LEFT, _LEFT, -1), asm.branch("beq", _LEFT, 0, 8)]
    loop.append(asm.jal(0, -4 * len(loop)))
    return Program.from_elf(asm.elf([*asm.li(_POINTER, _BUFFERS), *asm.li(_LEFT, rounds), *loop, asm.HALT]))


def assert_listed(segment: Segment, numbers: tuple[int, ...]) -> None:
    """Both what was reserved and what replay finds has a shape, no larger than one that the cutter was given."""
    reserved = shape.rows_of(segment.used)
    found = shapes.smallest(reserved)
    assert found <= max(numbers)
    assert any(all(reserved[t] <= 1 << shapes.SHAPES[n][t] for t in shapes.TABLES) for n in numbers)
    records = replay(segment.checkpoint)
    rows = shape.used_rows(records.counts(), compression_count(records))
    assert all(rows[t] <= reserved[t] for t in shapes.TABLES)
    assert shapes.smallest(rows) <= found


def test_the_list_is_short_and_within_the_keys_bounds() -> None:
    assert 8 <= len(shapes.SHAPES) <= 16
    for heights in shapes.SHAPES:
        assert list(heights) == [table.name for table in circuit()]
        assert all(6 <= heights[name] <= bound for name, bound in shape.MAX_LOG_HEIGHTS.items())
        assert {name: heights[name] for name in shapes.FIXED} == shapes.FIXED


def test_the_list_ascends_in_memory_and_no_shape_is_for_nothing() -> None:
    peaks = [budget.kept_bytes(number) for number in range(len(shapes.SHAPES))]
    assert peaks == sorted(peaks)
    for number, heights in enumerate(shapes.SHAPES):
        full = {table: 1 << heights[table] for table in shapes.TABLES}
        assert shapes.smallest(full) == number


def test_heights_have_the_number_of_their_place() -> None:
    for number, heights in enumerate(shapes.SHAPES):
        assert shapes.number(tuple(heights.values())) == number
    with pytest.raises(shapes.UnlistedShape):
        shapes.number([height + 1 for height in shapes.SHAPES[0].values()])
    with pytest.raises(shapes.UnlistedShape):
        shapes.number(())


def test_more_rows_than_any_shape_has_are_refused() -> None:
    with pytest.raises(shapes.NoShape):
        shapes.smallest(dict.fromkeys(shapes.TABLES, 1 << 21))


def test_a_size_class_has_the_shapes_that_are_no_taller() -> None:
    listed = [shapes.within(name) for name in SIZE_CLASSES]
    assert len(listed[0]) >= 2 and listed[-1] == tuple(range(len(shapes.SHAPES)))
    assert all(set(small) <= set(large) for small, large in pairwise(listed))
    for name in (SIZE_CLASSES[0] - 1, SIZE_CLASSES[-1] + 1):
        with pytest.raises(ValueError, match="size class"):
            shapes.within(name)


@given(
    mix=st.lists(st.sampled_from(sorted(FILLING)), min_size=1, max_size=12),
    cycles=st.integers(1, 40_000),
    size_class=st.sampled_from([12, 12, 13, 14, 16, 18, 20]),
    memory=st.integers(0, 60),
)
@settings(max_examples=40, deadline=None)
def test_every_segment_of_any_mix_has_a_shape(mix: list[str], cycles: int, size_class: int, memory: int) -> None:
    found = program(mix, max(1, cycles // sum(len(FILLING[table]) for table in mix)))
    # Sixtieths of what the class takes; 0 is no budget.
    room = budget.shape_bytes(0) + memory * (budget.peak_bytes(size_class) - budget.shape_bytes(0)) // 60
    numbers = budget.fitting(size_class, memory and room)
    for segment in witness(found, b"", shape.capacities(numbers)):
        assert_listed(segment, numbers)


@pytest.mark.parametrize("table", sorted(FILLING))
def test_the_smallest_shape_alone_proves_any_instruction(table: str) -> None:
    segments = list(witness(program([table], 60), b"", shape.capacities([0])))
    assert all(shapes.smallest(shape.rows_of(segment.used)) == 0 for segment in segments)


def test_a_budget_below_the_smallest_segment_is_refused() -> None:
    least = budget.shape_bytes(0)
    assert budget.fitting(20, least) == (0,)
    with pytest.raises(OutOfMemory, match="GiB"):
        budget.fitting(20, least - 1)


@pytest.mark.parametrize("order", [1, -1])
def test_a_segment_goes_on_where_another_size_holds_it(order: int) -> None:
    """The first size lacks products, the second sums; together they hold what either holds, and no more."""
    words = [asm.i_type("addi", _VALUE, _VALUE, 1)] * 20 + [asm.r_type("mul", _VALUE, _VALUE, _VALUE)] * 30
    plain = shape.capacities([0])[0]
    sizes = [{**plain, "add_immediate": a, "mul_div": m} for a, m in ((20, 10), (10, 40), (25, 25))]
    cycles = [s.checkpoint.cycles for s in witness(Program.from_elf(asm.elf([*words, asm.HALT])), b"", sizes[::order])]
    assert cycles == [20 + 25, 5]
    alone = [s.checkpoint.cycles for s in witness(Program.from_elf(asm.elf([*words, asm.HALT])), b"", sizes[0])]
    assert alone == [20 + 10, 10, 10]


def test_what_is_reserved_is_the_same_for_one_size_and_for_several() -> None:
    run = program(["page", "memory_word", "call"], 200)
    sizes = shape.capacities(shapes.within(14))
    (whole,) = witness(run, b"", shape.capacities([len(shapes.SHAPES) - 1]))
    parts = list(witness(run, b"", sizes))
    assert len(parts) > 1
    assert sum(part.checkpoint.cycles for part in parts) == whole.checkpoint.cycles
    assert np.array_equal(parts[-1].checkpoint.end, whole.checkpoint.end)
