"""A state-transition program with the rules of the committed one and another commitment, made without a compiler."""

from __future__ import annotations

import struct
from pathlib import Path

from core.settings import PROGRAM

_NOP = struct.pack("<I", 0x13)
_LOAD, _EXECUTABLE = 1, 1


def second_program() -> bytes:
    """Return the committed ELF with one more instruction behind the last, a NOP that nothing reaches."""
    elf = bytearray(PROGRAM.read_bytes())
    table, count = struct.unpack_from("<I", elf, 28)[0], struct.unpack_from("<H", elf, 44)[0]
    for at in range(table, table + 32 * count, 32):
        kind, offset, _, _, in_file, in_memory, flags, align = struct.unpack_from("<8I", elf, at)
        if kind == _LOAD and flags & _EXECUTABLE:
            end = offset + in_file
            assert in_file == in_memory
            assert in_file % align
            assert elf[end : end + 4] == bytes(4), "no padding behind the code"
            elf[end : end + 4] = _NOP
            struct.pack_into("<2I", elf, at + 16, in_file + 4, in_memory + 4)
            return bytes(elf)
    raise AssertionError("the program has no code")


def write_second_program(folder: Path) -> Path:
    """Write it to a file, for ``HALLMARK_CORE_PROGRAM``."""
    path = folder / "second.elf"
    path.write_bytes(second_program())
    return path
