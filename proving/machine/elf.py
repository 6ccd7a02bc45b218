"""A strict reader of 32-bit RISC-V executables.

Only what is loaded is read: the ELF header and the program headers. Everything is bounded and checked before use, so
that any byte string ends in segments or in an `ElfError`. What the program contains decides, not what the header's
flags say that it may contain: an instruction that the machine does not have traps, by name, when it is executed.
Source: System V ABI (gABI 4.1), chapters 4 and 5, and the RISC-V ELF psABI 1.0, section 8.1.
"""

from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass
from typing import Final

from proving.machine.compressed import first_compressed
from proving.machine.elf_errors import (
    BadEntry,
    BadGuard,
    CompressedCode,
    DynamicElf,
    ElfTooLarge,
    MisplacedSegment,
    NotElf,
    OverlappingSegments,
    ThreadLocalData,
    TruncatedElf,
    WrongMachine,
)

#: Largest file, in bytes.
MAX_FILE: Final = 64 << 20
#: Most program headers.
MAX_HEADERS: Final = 64
#: Most bytes of executable segments.
MAX_CODE: Final = 16 << 20
#: Most bytes of the guard.
MAX_GUARD: Final = 16 << 20

_HEADER = struct.Struct("<4sBBBB8xHHIIIIIHHHHHH")
_PROGRAM_HEADER = struct.Struct("<8I")
_TYPE_EXECUTABLE: Final = 2
_MACHINE_RISCV: Final = 243
_PT_LOAD: Final = 1
_PT_DYNAMIC: Final = 2
_PT_INTERP: Final = 3
_PT_TLS: Final = 7
_PF_EXECUTABLE: Final = 1
_PF_ANY: Final = 7
_PAGE: Final = 4096


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
class Guard:
    """Memory that no instruction may access, in whole pages of 4096 bytes."""

    address: int
    size: int


@dataclass(frozen=True)
class Elf:
    """The loadable part of an executable.

    Attributes
    ----------
    entry
        First pc.
    segments
        Ascending and disjoint.
    guard
        What its segment without permissions covers; None when it has none.
    """

    entry: int
    segments: tuple[Segment, ...]
    guard: Guard | None


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
        _,
        _,
        entry_size,
        count,
        *_,
    ) = _HEADER.unpack_from(data)
    _check_target(elf_class, order, machine)
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
    guard: Guard | None = None
    loaded = 0
    for i in range(count):
        kind, offset, address, _, file_size, size, segment_flags, _ = _PROGRAM_HEADER.unpack_from(
            data, table + i * entry_size
        )
        if kind in (_PT_DYNAMIC, _PT_INTERP):
            name = "PT_INTERP" if kind == _PT_INTERP else "PT_DYNAMIC"
            raise DynamicElf(f"The file needs a dynamic linker: program header {i} is {name}.")
        if kind == _PT_TLS and size:
            raise ThreadLocalData(
                f"The program has {size} bytes of thread-local data (.tdata, .tbss) at {address:#010x}."
            )
        if kind == _PT_LOAD and size and not segment_flags & _PF_ANY:
            guard = _guard(guard, address, file_size, size)
        elif kind == _PT_LOAD and size:
            loaded += file_size
            if loaded > MAX_FILE:
                raise ElfTooLarge(
                    f"With the segment at {address:#010x} more than {MAX_FILE} bytes are loaded: some segments share "
                    "bytes of the file."
                )
            segments.append(
                _segment(data, offset, address, file_size, size, executable=bool(segment_flags & _PF_EXECUTABLE))
            )
    segments.sort(key=lambda segment: segment.address)
    _check_layout(segments, guard)
    _check_entry(entry, segments)
    found = first_compressed(entry, {s.address: s.data for s in segments if s.executable})
    if found is not None:
        raise CompressedCode(
            f"The code at {found[0]:#010x} is a compressed instruction ({found[1]:#06x}, extension C)."
        )
    return Elf(entry, tuple(segments), guard)


def _check_target(elf_class: int, order: int, machine: int) -> None:
    if machine != _MACHINE_RISCV:
        raise WrongMachine(f"The file is for machine {machine}, not RISC-V ({_MACHINE_RISCV}).")
    if elf_class != 1:
        raise WrongMachine("The file is not a 32-bit ELF file.")
    if order != 1:
        raise WrongMachine("The file is not little-endian.")


def _segment(data: bytes, offset: int, address: int, file_size: int, size: int, *, executable: bool) -> Segment:
    if file_size > size:
        raise MisplacedSegment(f"The segment at {address:#010x} has more bytes in the file than in memory.")
    # Without bytes in the file the offset means nothing.
    if file_size and offset + file_size > len(data):
        raise TruncatedElf(
            f"The segment at {address:#010x} ends at byte {offset + file_size} of a file of {len(data)} bytes."
        )
    if address + size > 1 << 32:
        raise MisplacedSegment(f"The segment at {address:#010x} of {size} bytes leaves the address space.")
    if executable and address % 4:
        raise MisplacedSegment(f"The executable segment at {address:#010x} is not aligned to words.")
    if executable and address + file_size > (1 << 32) - 4:
        raise MisplacedSegment(
            f"The executable segment at {address:#010x} reaches the last word of memory, which holds no code."
        )
    return Segment(address, data[offset : offset + file_size], size, executable)


def _guard(other: Guard | None, address: int, file_size: int, size: int) -> Guard:
    if other is not None:
        raise BadGuard(f"The segments at {other.address:#010x} and {address:#010x} both have no permissions.")
    if file_size:
        raise BadGuard(f"The segment at {address:#010x} has no permissions, but {file_size} bytes in the file.")
    if address % _PAGE or size % _PAGE or size > MAX_GUARD or address + size > 1 << 32:
        raise BadGuard(f"The segment without permissions at {address:#010x} has {size} bytes.")
    return Guard(address, size)


def _check_layout(segments: list[Segment], guard: Guard | None) -> None:
    taken: list[Segment | Guard] = [*segments] if guard is None else [*segments, guard]
    for low, high in itertools.pairwise(sorted(taken, key=lambda segment: segment.address)):
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
