"""The command of docs/guest.md, with the clang of the pinned compiler and whatever gcc for RISC-V is at hand."""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from guest.compile import FOLDER
from tests.guest.kit.compiled import EXAMPLES, needs_compiler, run, words

ROOT = FOLDER.parent
#: A program that leaves 64-bit and floating-point arithmetic and bit counts to the kit.
ARITHMETIC = """
#include <hallmark.h>
int main(void) {
    uint64_t a = hallmark_read_u64(), b = hallmark_read_u64();
    double quotient = (double)a / (double)(int64_t)b;
    uint32_t output[8] = {(uint32_t)(a / b), (uint32_t)(a % b), (uint32_t)(a << (b & 63)), (uint32_t)quotient,
                          (uint32_t)(float)quotient, (uint32_t)__builtin_popcountll(a), __builtin_bswap32((uint32_t)a)};
    hallmark_exit(output);
}
"""


def documented() -> str:
    """Return the documented command of clang as one line."""
    found = re.search(r"^(clang (?:.*\\\n)+.*)$", (ROOT / "docs/guest.md").read_text(), re.M)
    assert found is not None
    return found[1].replace("\\\n", " ")


@pytest.fixture
def clang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the compiler package's clang and lld under their own names; they need its headers."""
    import ziglang

    package = Path(ziglang.__file__).parent
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, options in (("clang", f"-isystem {package}/lib/include"), ("ld.lld", "")):
        (folder / name).write_text(f'#!/bin/sh\nexec {package}/zig {name} {options} "$@"\n')
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


def commands() -> list[str]:
    """Return the documented command, and what it says of gcc for each one that is installed."""
    bare = documented().replace("--target=riscv32-unknown-none-elf", "").replace("-fuse-ld=lld", "")
    compilers = ("riscv64-unknown-elf-gcc", "riscv32-unknown-elf-gcc")
    return [documented(), *(bare.replace("clang", name, 1) for name in compilers if shutil.which(name))]


@needs_compiler
@pytest.mark.usefixtures("clang")
@pytest.mark.parametrize("program", ["words.c", "arithmetic"])
def test_the_documented_command_builds_programs(tmp_path: Path, program: str) -> None:
    source = EXAMPLES / program
    if program == "arithmetic":
        source = tmp_path / "arithmetic.c"
        source.write_text(ARITHMETIC)
    for command in commands():
        line = command.replace("mine.c", str(source)).replace("mine.elf", str(tmp_path / "mine.elf"))
        subprocess.run(line, shell=True, check=True, cwd=ROOT)
        elf = (tmp_path / "mine.elf").read_bytes()
        if program == "words.c":
            seen, printed = run(elf, b"the cat and the dog")
            assert seen.written is not None and printed == "5 words, 4 of them different\n"
        else:
            a, b = 0xFEDCBA9876543210, 12345678901
            swapped = int.from_bytes((a % 2**32).to_bytes(4, "little"), "big")
            assert words(run(elf, struct.pack("<QQ", a, b))[0])[:7] == [
                a // b % 2**32, a % b % 2**32, (a << (b & 63)) % 2**32, a // b, 1487545472, 32, swapped,
            ]  # fmt: skip


def test_the_documented_command_names_every_file_of_the_kit() -> None:
    named = {
        path.name for pattern in re.findall(r"guest/runtime/\S*\*\.\w+", documented()) for path in ROOT.glob(pattern)
    }
    there = {path.name for path in (FOLDER / "runtime").rglob("*") if path.suffix in (".c", ".S")}
    assert named == there
