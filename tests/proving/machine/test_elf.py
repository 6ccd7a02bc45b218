"""The ELF loader: what is refused, with which error, and that nothing else ever happens."""

from __future__ import annotations

import contextlib
import random
import struct

import numpy as np
import pytest

from proving.hash import compress
from proving.machine import elf
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
        (b"", elf.NotElf),
        (b"#!/bin/sh\n" * 10, elf.NotElf),
        (GOOD[:40], elf.TruncatedElf),
        (GOOD[:60], elf.TruncatedElf),
        (GOOD[:-1], elf.TruncatedElf),
        (_patched(4, "<B", 2), elf.WrongMachine),
        (_patched(5, "<B", 2), elf.WrongMachine),
        (_patched(18, "<H", 62), elf.WrongMachine),
        (_patched(16, "<H", 3), elf.DynamicElf),
        (_header(1, 0, 2), elf.DynamicElf),
        (_header(1, 0, 3), elf.DynamicElf),
        (_patched(36, "<I", 1), elf.CompressedCode),
        (_patched(36, "<I", 4), elf.UnsupportedFlags),
        (_patched(44, "<H", 65), elf.ElfTooLarge),
        (_patched(44, "<H", 60), elf.TruncatedElf),
        (_patched(42, "<H", 56), elf.TruncatedElf),
        (_patched(28, "<I", 0xFFFFFFFF), elf.TruncatedElf),
        (_header(1, 1, 0xFFFFFFF0), elf.TruncatedElf),
        (_header(1, 5, 3), elf.MisplacedSegment),
        (_header(1, 2, 0xFFFFFFFE), elf.MisplacedSegment),
        (_header(0, 2, 0x1002), elf.MisplacedSegment),
        (_header(0, 2, 0xFFFFFFF8), elf.MisplacedSegment),
        (_header(1, 2, 0x1004), elf.OverlappingSegments),
        (_header(1, 2, 0x1000), elf.OverlappingSegments),
        (_patched(24, "<I", 0x1002), elf.BadEntry),
        (_patched(24, "<I", 0x1008), elf.BadEntry),
        (_patched(24, "<I", 0x2000), elf.BadEntry),
        (_header(0, 6, 4), elf.BadEntry),
        (_patched(44, "<H", 0), elf.BadEntry),
        (GOOD + bytes(elf.MAX_FILE), elf.ElfTooLarge),
        (asm.elf([asm.HALT] * (elf.MAX_CODE // 4 + 1)), elf.ElfTooLarge),
    ],
)
def test_bad_files_are_refused(data: bytes, error: type[elf.ElfError]) -> None:
    with pytest.raises(error) as caught:
        parse_elf(data)
    assert type(caught.value) is error


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
    with pytest.raises(elf.ElfTooLarge, match="share"):
        parse_elf(bytes(data) + content)


@pytest.mark.parametrize("seed", range(300))
def test_mutated_files_give_a_program_or_a_typed_error(seed: int) -> None:
    rng = random.Random(seed)
    data = bytearray(GOOD)
    for _ in range(rng.randrange(1, 6)):
        data[rng.randrange(len(data))] = rng.getrandbits(8)
    if rng.random() < 0.3:
        del data[rng.randrange(len(data)) :]
    with contextlib.suppress(elf.ElfError):
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
