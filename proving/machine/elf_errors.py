"""Why a file is no program of this machine: one error per reason, each with what helps."""

from __future__ import annotations

from typing import ClassVar

from runtime.errors import InvalidInput


class ElfError(InvalidInput):
    """The file is not a program that this machine can run."""

    code: ClassVar[str] = "elf"
    default_remedy: ClassVar[str] = "Link statically for rv32im (-march=rv32im -mabi=ilp32 -static -no-pie)."


class TruncatedElf(ElfError):
    """The file ends before the parts that its headers name."""

    code = "elf_truncated"
    default_remedy = "The file is incomplete or was changed after linking: copy or link it again."


class NotElf(ElfError):
    """The file is not an ELF file."""

    code = "elf_magic"
    default_remedy = "Give the linked executable, not its source, an archive or a raw binary."


class WrongMachine(ElfError):
    """The file is for another processor than little-endian 32-bit RISC-V."""

    code = "elf_machine"


class CompressedCode(ElfError):
    """The code contains a compressed instruction, which this machine does not have."""

    code = "elf_compressed"
    default_remedy = "Compile everything that is linked, libraries too, with -march=rv32im."


class DynamicElf(ElfError):
    """The file is not statically linked at fixed addresses."""

    code = "elf_dynamic"


class ThreadLocalData(ElfError):
    """The program has thread-local variables, for which this machine has no thread pointer."""

    code = "elf_thread_local"
    default_remedy = "The machine has one thread: declare the variables without thread_local (_Thread_local, __thread)."


class MisplacedSegment(ElfError):
    """A segment lies at an address where it cannot be loaded."""

    code = "elf_misplaced_segment"
    default_remedy = (
        "Give the segment another address in the linker script; guest/runtime/hallmark.ld is one that works."
    )


class OverlappingSegments(ElfError):
    """Two segments claim the same address."""

    code = "elf_overlapping_segments"
    default_remedy = "Give each segment addresses of its own in the linker script."


class BadGuard(ElfError):
    """A segment without permissions is no guard that this machine can keep."""

    code = "elf_guard"
    default_remedy = (
        "A program has at most one segment without permissions, of whole pages of 4096 bytes, at most 16 MiB, without "
        "bytes in the file; guest/runtime/hallmark.ld has one."
    )


class BadEntry(ElfError):
    """The entry point is not an aligned address inside an executable segment."""

    code = "elf_entry"
    default_remedy = "Link the start-up code (guest/runtime/crt0.S) and name its symbol as the entry: ENTRY(_start)."


class ElfTooLarge(ElfError):
    """The file, its code or its header table is larger than this machine accepts."""

    code = "elf_too_large"
    default_remedy = "Make the program smaller, or give large data to it as input."
