"""The ELF loader: what is refused, with which error, and that nothing else ever happens."""

from __future__ import annotations

import contextlib
import random
import struct

import numpy as np
import pytest

from proving.hash import compress
from proving.machine import elf, elf_errors
from proving.machine.elf import parse_elf
from proving.machine.program import Program
from tests.proving.machine import assembler as asm

GOOD = asm.elf([asm.NOP, asm.HALT], data=[(0x2000, b"data")])


def _patched(offset: int, form: str, value: int, base: bytes = GOOD) -> bytes:
    data = bytearray(base)
    struct.pack_into(form, data, offset, value)
    return bytes(data)


def _header(index: int, field: int, value: int) -> bytes:
    return _patched(52 + 32 * index + 4 * field, "<I", value)


def test_a_good_file_is_loaded() -> None:
    loaded = parse_elf(GOOD)
    assert loaded.entry == 0x1000
    assert [(s.address, s.size, s.executable) for s in loaded.segments] == [(0x1000, 8, True), (0x2000, 4, False)]
    assert loaded.segments[1].data == b"data"


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", elf_errors.NotElf),
        (b"#!/bin/sh\n" * 10, elf_errors.NotElf),
        (GOOD[:40], elf_errors.TruncatedElf),
        (GOOD[:60], elf_errors.TruncatedElf),
        (GOOD[:-1], elf_errors.TruncatedElf),
        (_patched(4, "<B", 2), elf_errors.WrongMachine),
        (_patched(5, "<B", 2), elf_errors.WrongMachine),
        (_patched(18, "<H", 62), elf_errors.WrongMachine),
        (_patched(16, "<H", 3), elf_errors.DynamicElf),
        (_header(1, 0, 2), elf_errors.DynamicElf),
        (_header(1, 0, 3), elf_errors.DynamicElf),
        (_header(1, 0, 7), elf_errors.ThreadLocalData),
        (_patched(44, "<H", 65), elf_errors.ElfTooLarge),
        (_patched(44, "<H", 60), elf_errors.TruncatedElf),
        (_patched(42, "<H", 56), elf_errors.TruncatedElf),
        (_patched(28, "<I", 0xFFFFFFFF), elf_errors.TruncatedElf),
        (_header(1, 1, 0xFFFFFFF0), elf_errors.TruncatedElf),
        (_header(1, 5, 3), elf_errors.MisplacedSegment),
        (_header(1, 2, 0xFFFFFFFE), elf_errors.MisplacedSegment),
        (_header(0, 2, 0x1002), elf_errors.MisplacedSegment),
        (_header(0, 2, 0xFFFFFFF8), elf_errors.MisplacedSegment),
        (_header(1, 2, 0x1004), elf_errors.OverlappingSegments),
        (_header(1, 2, 0x1000), elf_errors.OverlappingSegments),
        (_patched(24, "<I", 0x1002), elf_errors.BadEntry),
        (_patched(24, "<I", 0x1008), elf_errors.BadEntry),
        (_patched(24, "<I", 0x2000), elf_errors.BadEntry),
        (_header(0, 6, 4), elf_errors.BadEntry),
        (_patched(44, "<H", 0), elf_errors.BadEntry),
        (GOOD + bytes(elf.MAX_FILE), elf_errors.ElfTooLarge),
        (asm.elf([asm.HALT] * (elf.MAX_CODE // 4 + 1)), elf_errors.ElfTooLarge),
    ],
)
def test_bad_files_are_refused(data: bytes, error: type[elf_errors.ElfError]) -> None:
    with pytest.raises(error) as caught:
        parse_elf(data)
    assert type(caught.value) is error


@pytest.mark.parametrize("flags", [1, 4, 8, 16, 0x1F])
def test_what_the_header_flags_say_does_not_decide(flags: int) -> None:
    """Linkers set a flag when any object has it; the official architecture tests carry RVC without using it."""
    assert parse_elf(_patched(36, "<I", flags)) == parse_elf(GOOD)


#: c.addi sp, -16; c.nop
_COMPRESSED = 0x0001_1141


@pytest.mark.parametrize(
    ("words", "address"),
    [
        ([_COMPRESSED], 0x1000),
        ([asm.NOP, _COMPRESSED], 0x1004),
        ([asm.jal(1, 12), asm.HALT, asm.NOP, _COMPRESSED], 0x100C),
        ([asm.branch("bltu", 5, 5, 8), _COMPRESSED, asm.HALT], 0x1004),
        ([asm.branch("beq", 5, 6, 8), asm.HALT, asm.branch("beq", 0, 0, -4), asm.branch("bne", 0, 0, 8)], None),
        ([asm.NOP, asm.NOP, asm.jal(0, 8), asm.HALT, asm.branch("blt", 5, 6, 8), asm.jal(0, -8), _COMPRESSED], 0x1018),
    ],
)
@pytest.mark.parametrize("flags", [0, 1])
def test_a_compressed_instruction_is_named(words: list[int], address: int | None, flags: int) -> None:
    data = _patched(36, "<I", flags, asm.elf(words))
    if address is None:
        parse_elf(data)
        return
    with pytest.raises(
        elf_errors.CompressedCode, match=rf"{address:#010x} is a compressed instruction \(0x1141"
    ) as caught:
        parse_elf(data)
    assert "-march=rv32im" in caught.value.remedy


@pytest.mark.parametrize(
    "words",
    [
        [asm.HALT, _COMPRESSED],
        [asm.jal(0, 8), _COMPRESSED, asm.HALT],
        [asm.jal(1, 8), _COMPRESSED, asm.HALT],
        [asm.branch("bgeu", 7, 7, 8), _COMPRESSED, asm.HALT],
        [asm.jalr(0, 1), _COMPRESSED],
        [asm.ECALL, _COMPRESSED],
        [asm.NOP, 0],
    ],
)
def test_data_between_the_code_is_no_compressed_instruction(words: list[int]) -> None:
    parse_elf(asm.elf(words))


def test_a_segment_without_bytes_in_the_file_may_have_any_offset() -> None:
    for offset in (0, 0x1F00, 0xFFFFFFFF):
        data = bytearray(_header(1, 1, offset))
        struct.pack_into("<I", data, 52 + 32 + 16, 0)
        loaded = parse_elf(bytes(data[:-4]))
        assert (loaded.segments[1].data, loaded.segments[1].size) == (b"", 4)


def test_refusals_name_the_segment_and_what_helps() -> None:
    for data, words in (
        (_header(1, 1, 0xFFFFFFF0), ("0x00002000", "again")),
        (_header(1, 5, 3), ("0x00002000", "linker script")),
        (_header(1, 2, 0x1004), ("0x00001000", "0x00001004", "linker script")),
        (_header(0, 2, 0xFFFFFFF8), ("0xfffffff8", "linker script")),
        (_header(1, 0, 7), ("0x00002000", ".tdata", "thread_local")),
        (_patched(24, "<I", 0x2000), ("0x00002000", "_start")),
    ):
        with pytest.raises(elf_errors.ElfError) as caught:
            parse_elf(data)
        assert all(word in caught.value.line() for word in words), caught.value.line()


def test_segments_that_share_the_bytes_of_the_file_are_bounded() -> None:
    """40 headers that each load the same 2 MB."""
    headers, size = 40, 2 << 20
    data = bytearray(asm.elf([asm.HALT]))
    content = bytes(size)
    table = len(data)
    struct.pack_into("<I", data, 28, table)
    struct.pack_into("<H", data, 44, headers)
    offset = table + 32 * headers
    for i in range(headers):
        address = 0x1000_0000 + i * size
        data += struct.pack("<8I", 1, offset, address, address, size, size, 4, 4)
    with pytest.raises(elf_errors.ElfTooLarge, match="share"):
        parse_elf(bytes(data) + content)


@pytest.mark.parametrize("seed", range(300))
def test_mutated_files_give_a_program_or_a_typed_error(seed: int) -> None:
    rng = random.Random(seed)
    data = bytearray(GOOD)
    for _ in range(rng.randrange(1, 6)):
        data[rng.randrange(len(data))] = rng.getrandbits(8)
    if rng.random() < 0.3:
        del data[rng.randrange(len(data)) :]
    with contextlib.suppress(elf_errors.ElfError):
        assert len(Program.from_elf(bytes(data)).commitment) == 4


def _reference_root(words: dict[int, int]) -> list[int]:
    """Root of the tree over word index -> word, straight from the definition."""
    zero = compress(np.zeros((1, 16), dtype=np.uint64))[0]
    level: dict[int, np.ndarray] = {}
    for block in {index >> 4 for index in words}:
        content = np.array([[words.get(16 * block + i, 0) for i in range(16)]], dtype=np.uint64)
        level[block] = compress(content)[0]
    for _ in range(13):
        parents = {index >> 2 for index in level}
        level = {
            parent: compress(np.concatenate([level.get(4 * parent + i, zero) for i in range(4)])[np.newaxis])[0]
            for parent in parents
        }
        zero = compress(np.tile(zero, 4)[np.newaxis])[0]
    return [int(x) for x in level[0]]


def test_roots_follow_the_definition() -> None:
    rng = random.Random(3)
    pieces = [(0x2001, rng.randbytes(777)), (0x0400_0000, rng.randbytes(64)), (0xFFFF_FF00, rng.randbytes(256))]
    code = [asm.NOP] * 37 + [asm.HALT]
    program = Program.from_elf(asm.elf(code, data=pieces))
    code_words = {0x400 + i: word for i, word in enumerate(code)}
    memory = bytearray(0x3000)
    memory[0x2001 : 0x2001 + 777] = pieces[0][1]
    words = dict(enumerate(struct.unpack(f"<{len(memory) // 4}I", memory)))
    for address, data in pieces[1:]:
        words |= dict(enumerate(struct.unpack(f"<{len(data) // 4}I", data), address // 4))
    assert program.code_image.root().tolist() == _reference_root(code_words)
    assert program.memory_image.root().tolist() == _reference_root({k: w for k, w in (words | code_words).items() if w})


def test_the_commitment_depends_on_everything_that_is_executed() -> None:
    base = Program.from_elf(GOOD).commitment.tolist()
    others = [
        asm.elf([asm.NOP, asm.HALT], data=[(0x2000, b"dat\x00")]),
        asm.elf([asm.NOP, asm.HALT], data=[(0x2004, b"data")]),
        asm.elf([asm.HALT, asm.NOP], data=[(0x2000, b"data")]),
        asm.elf([asm.NOP, asm.HALT], entry=0x1004, data=[(0x2000, b"data")]),
    ]
    commitments = {tuple(base), *(tuple(Program.from_elf(data).commitment.tolist()) for data in others)}
    assert len(commitments) == 5
    # A comment at the end of the file changes the file, not the program.
    assert Program.from_elf(GOOD + b"comment").commitment.tolist() == base
