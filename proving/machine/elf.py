"""A strict reader of 32-bit RISC-V executables.

Only what is loaded is read: the ELF header and the program headers. Everything is bounded and checked before use, so
that any byte string ends in segments or in an `ElfError`. Source: System V ABI (gABI 4.1), chapters 4 and 5, and the
RISC-V ELF psABI 1.0, section 8.1.
"""

from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass
from typing import ClassVar, Final

from runtime.errors import InvalidInput

#: Largest file, in bytes.
MAX_FILE: Final = 64 << 20
#: Most program headers.
MAX_HEADERS: Final = 64
#: Most bytes of executable segments.
MAX_CODE: Final = 16 << 20

_HEADER = struct.Struct("<4sBBBB8xHHIIIIIHHHHHH")
_PROGRAM_HEADER = struct.Struct("<8I")
_TYPE_EXECUTABLE: Final = 2
_MACHINE_RISCV: Final = 243
_FLAG_COMPRESSED: Final = 1
_PT_LOAD: Final = 1
_PT_DYNAMIC: Final = 2
_PT_INTERP: Final = 3
_PF_EXECUTABLE: Final = 1


class ElfError(InvalidInput):
    """The file is not a program that this machine can run."""

    code: ClassVar[str] = "elf"
    default_remedy: ClassVar[str] = "Link statically for rv32im (-march=rv32im -mabi=ilp32 -static -no-pie)."


class TruncatedElf(ElfError):
    """The file ends before the parts that its headers name."""

    code = "elf_truncated"


class NotElf(ElfError):
    """The file is not an ELF file."""

    code = "elf_magic"


class WrongMachine(ElfError):
    """The file is for another processor than little-endian 32-bit RISC-V."""

    code = "elf_machine"


class CompressedCode(ElfError):
    """The file may contain compressed instructions, which this machine does not have."""

    code = "elf_compressed"


class UnsupportedFlags(ElfError):
    """The file was compiled for extensions that this machine does not have."""

    code = "elf_flags"


class DynamicElf(ElfError):
    """The file is not statically linked at fixed addresses."""

    code = "elf_dynamic"


class MisplacedSegment(ElfError):
    """A segment lies at an address where it cannot be loaded."""

    code = "elf_misplaced_segment"


class OverlappingSegments(ElfError):
    """Two segments claim the same address."""

    code = "elf_overlapping_segments"


class BadEntry(ElfError):
    """The entry point is not an aligned address inside an executable segment."""

    code = "elf_entry"


class ElfTooLarge(ElfError):
    """The file, its code or its header table is larger than this machine accepts."""

    code = "elf_too_large"
    default_remedy = "Make the program smaller."


@dataclass(frozen=True)
class Segment:
    """One loaded segment.

    Attributes
    ----------
    address
        First byte address.
    data
        The bytes of the file; the rest of `size` is zero.
    size
        Bytes occupied in memory.
    executable
        Whether the bytes are also code.
    """

    address: int
    data: bytes
    size: int
    executable: bool


@dataclass(frozen=True)
class Elf:
    """The loadable part of an executable: its entry point and its segments, ascending."""

    entry: int
    segments: tuple[Segment, ...]


def parse_elf(data: bytes) -> Elf:
    """Read an executable.

    Raises
    ------
    ElfError
        One of its subclasses, for everything that is not a static little-endian RV32IM executable.
    """
    if len(data) > MAX_FILE:
        raise ElfTooLarge(f"The file has {len(data)} bytes; at most {MAX_FILE} are accepted.")
    if data[:4] != b"\x7fELF"[: len(data[:4])] or not data:
        raise NotElf("The file does not begin with the ELF magic.")
    if len(data) < _HEADER.size:
        raise TruncatedElf(f"The file has {len(data)} bytes; the ELF header alone has {_HEADER.size}.")
    (
        _,
        elf_class,
        order,
        ident_version,
        _,
        kind,
        machine,
        version,
        entry,
        table,
        _,
        flags,
        _,
        entry_size,
        count,
        *_,
    ) = _HEADER.unpack_from(data)
    _check_target(elf_class, order, machine, flags)
    if kind != _TYPE_EXECUTABLE:
        raise DynamicElf(f"The ELF type is {kind}; only executables at fixed addresses (2) can be run.")
    if ident_version != 1 or version != 1:
        raise NotElf(f"The ELF version is {version}, not 1.")
    if count > MAX_HEADERS:
        raise ElfTooLarge(f"The file has {count} program headers; at most {MAX_HEADERS} are accepted.")
    if entry_size != _PROGRAM_HEADER.size:
        raise TruncatedElf(f"A program header has {entry_size} bytes instead of {_PROGRAM_HEADER.size}.")
    if table + count * entry_size > len(data):
        raise TruncatedElf("The program headers lie beyond the end of the file.")
    segments = []
    loaded = 0
    for i in range(count):
        kind, offset, address, _, file_size, size, segment_flags, _ = _PROGRAM_HEADER.unpack_from(
            data, table + i * entry_size
        )
        if kind in (_PT_DYNAMIC, _PT_INTERP):
            raise DynamicElf("The file needs a dynamic linker.")
        if kind == _PT_LOAD and size:
            loaded += file_size
            if loaded > MAX_FILE:
                raise ElfTooLarge(f"The segments load more than {MAX_FILE} bytes: some share bytes of the file.")
            segments.append(
                _segment(data, offset, address, file_size, size, executable=bool(segment_flags & _PF_EXECUTABLE))
            )
    segments.sort(key=lambda segment: segment.address)
    _check_layout(segments)
    _check_entry(entry, segments)
    return Elf(entry, tuple(segments))


def _check_target(elf_class: int, order: int, machine: int, flags: int) -> None:
    if machine != _MACHINE_RISCV:
        raise WrongMachine(f"The file is for machine {machine}, not RISC-V ({_MACHINE_RISCV}).")
    if elf_class != 1:
        raise WrongMachine("The file is not a 32-bit ELF file.")
    if order != 1:
        raise WrongMachine("The file is not little-endian.")
    if flags & _FLAG_COMPRESSED:
        raise CompressedCode("The file may contain compressed instructions (extension C).")
    if flags:
        raise UnsupportedFlags(f"The ELF flags {flags:#x} ask for extensions beyond rv32im.")


def _segment(data: bytes, offset: int, address: int, file_size: int, size: int, *, executable: bool) -> Segment:
    if file_size > size:
        raise MisplacedSegment(f"The segment at {address:#010x} has more bytes in the file than in memory.")
    if offset + file_size > len(data):
        raise TruncatedElf(f"The segment at {address:#010x} lies beyond the end of the file.")
    if address + size > 1 << 32:
        raise MisplacedSegment(f"The segment at {address:#010x} of {size} bytes leaves the address space.")
    if executable and address % 4:
        raise MisplacedSegment(f"The executable segment at {address:#010x} is not word aligned.")
    if executable and address + file_size > (1 << 32) - 4:
        raise MisplacedSegment("The last word of the address space cannot hold code.")
    return Segment(address, data[offset : offset + file_size], size, executable)


def _check_layout(segments: list[Segment]) -> None:
    for low, high in itertools.pairwise(segments):
        if low.address + low.size > high.address:
            raise OverlappingSegments(f"The segments at {low.address:#010x} and {high.address:#010x} overlap.")
    code = sum(len(segment.data) for segment in segments if segment.executable)
    if code > MAX_CODE:
        raise ElfTooLarge(f"The file has {code} bytes of code; at most {MAX_CODE} are accepted.")


def _check_entry(entry: int, segments: list[Segment]) -> None:
    if entry % 4:
        raise BadEntry(f"The entry point {entry:#010x} is not word aligned.")
    if not any(s.executable and s.address <= entry <= s.address + len(s.data) - 4 for s in segments):
        raise BadEntry(f"The entry point {entry:#010x} is not inside an executable segment.")
