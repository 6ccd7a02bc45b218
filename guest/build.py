"""Builds the proven programs with the pinned compiler and compares them with the committed ones.

``python -m guest.build`` rebuilds every program and fails when bytes, SHA-256 or program commitment differ from what is
committed; ``--write`` replaces the committed files instead. Only this needs the compiler: everybody else uses the ELFs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from guest.compile import FOLDER, MACHINE, BuildError, check_compiler, run_compiler
from proving.machine.program import Program as MachineProgram

PROGRAMS = FOLDER / "programs"
MANIFEST = PROGRAMS / "manifest.json"
FLAGS = (
    *MACHINE, "-std=c11", "-nostdlib", "-Wall", "-Wextra", "-Werror", "-Wl,--gc-sections", "-Wl,-s",
    "-Wl,--build-id=none", "-T", "runtime/hallmark.ld", "-I", "runtime", "-I", "stf",
)  # fmt: skip
#: What they link of the guest kit.
RUNTIME = ("runtime/crt0.S", "runtime/memory.c")


@dataclass(frozen=True)
class Source:
    """A program: its name and its C files, relative to this folder."""

    name: str
    files: tuple[str, ...]


_STF = (
    "main hash output tree rlp keccak permutation field scalar endomorphism recover recover_hinted transaction "
    "state_diffs priority messages"
)
STATE_TRANSITION = Source("stf", tuple(f"stf/{module}.c" for module in _STF.split()))
EXAMPLE = Source("keccak", ("example/keccak256.c", "example/permutation.c", "stf/keccak.c"))
SORT = Source("sort", ("example/sort.c",))
SOURCES = (STATE_TRANSITION, EXAMPLE, SORT)


def build(source: Source) -> bytes:
    """Compile and link a program and return its ELF.

    Raises
    ------
    BuildError
        The compiler refuses, or the code contains an instruction that the machine traps on.
    """
    with tempfile.TemporaryDirectory(prefix="hallmark-guest-") as scratch:
        target = Path(scratch) / "program.elf"
        command = ["cc", *FLAGS, "-o", str(target), *RUNTIME, *source.files]
        try:
            run_compiler(command, cwd=FOLDER, cache=Path(scratch))
        except BuildError as error:
            raise BuildError(f"{source.name} does not compile:\n{error}") from None
        elf = target.read_bytes()
    unknown = list(unknown_instructions(elf))
    if unknown:
        address, word = unknown[0]
        raise BuildError(f"{source.name}: {len(unknown)} words are no instruction, first {word:#010x} at {address:#x}")
    return elf


def unknown_instructions(elf: bytes) -> Iterator[tuple[int, int]]:
    """Yield address and word of everything in the code that the machine would trap on."""
    for segment in MachineProgram.from_elf(elf).segments:
        if segment.executable:
            for offset in range(0, len(segment.data), 4):
                word = int.from_bytes(segment.data[offset : offset + 4], "little")
                if not is_instruction(word):
                    yield segment.address + offset, word


def is_instruction(word: int) -> bool:
    """Return whether the word is an RV32IM instruction or one of the machine's three CSR forms."""
    opcode, middle, top = word & 0x7F, word >> 12 & 7, word >> 25
    if opcode in (0x37, 0x17, 0x6F):
        return True
    if opcode == 0x33:
        return top in (0, 1) or (top == 0x20 and middle in (0, 5))
    if opcode == 0x13:
        return (middle not in (1, 5)) or top == 0 or (middle == 5 and top == 0x20)
    if opcode == 0x73:
        reads_advice = word >> 20 == 0x7C0 and word >> 15 & 0x1F == 0
        compresses = word >> 20 == 0x7D0 and word >> 7 & 0x1F == 0
        requests = 0x7D1 <= word >> 20 <= 0x7D4 and word >> 7 & 0x1F == 0 and word >> 15 & 0x1F == 0
        return middle == 1 and (reads_advice or compresses or requests)
    allowed = {0x67: (0,), 0x63: (0, 1, 4, 5, 6, 7), 0x03: (0, 1, 2, 4, 5), 0x23: (0, 1, 2), 0x0F: (0,)}
    return middle in allowed.get(opcode, ())


def describe(elf: bytes) -> dict[str, str]:
    """Return SHA-256 and program commitment of an ELF, in hex."""
    commitment = MachineProgram.from_elf(elf).commitment.astype("<u8").tobytes().hex()
    return {"sha256": hashlib.sha256(elf).hexdigest(), "commitment": commitment}


def manifest() -> dict[str, dict[str, str]]:
    """Return what is committed: for each program SHA-256 and program commitment."""
    content: dict[str, dict[str, str]] = json.loads(MANIFEST.read_text())
    return content


def compare(source: Source, elf: bytes) -> None:
    """Compare a build with the committed ELF and manifest.

    Raises
    ------
    BuildError
        They differ.
    """
    committed = (PROGRAMS / f"{source.name}.elf").read_bytes()
    if elf != committed:
        raise BuildError(f"{source.name}.elf: the build differs from the committed file")
    if describe(elf) != manifest().get(source.name):
        raise BuildError(f"{source.name}.elf: SHA-256 or program commitment differ from {MANIFEST.name}")


def main() -> int:
    """Build everything, then write or compare."""
    parser = argparse.ArgumentParser(prog="python -m guest.build", description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="replace the committed programs")
    arguments = parser.parse_args()
    try:
        check_compiler()
        programs = {source: build(source) for source in SOURCES}
        if arguments.write:
            PROGRAMS.mkdir(exist_ok=True)
            for source, elf in programs.items():
                (PROGRAMS / f"{source.name}.elf").write_bytes(elf)
            described = {source.name: describe(elf) for source, elf in programs.items()}
            MANIFEST.write_text(json.dumps(described, indent=2, sort_keys=True) + "\n")
        for source, elf in programs.items():
            compare(source, elf)
            print(f"{source.name}.elf  sha256 {describe(elf)['sha256']}  commitment {describe(elf)['commitment']}")
    except BuildError as error:
        print(f"hallmark: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
