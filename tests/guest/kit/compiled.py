"""Programs compiled with the pinned compiler and the guest kit, and their runs."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from guest.compile import COMPILER, COMPILER_VERSION, FOLDER, compile_program
from proving.machine.observe import Observed, observe
from proving.machine.program import Program
from proving.machine.symbols import Symbols

EXAMPLES = FOLDER / "example"


def compiler_is_there() -> bool:
    """Whether the pinned compiler is installed; `tools/setup.sh guest` does it."""
    try:
        return version(COMPILER) == COMPILER_VERSION
    except PackageNotFoundError:
        return False


needs_compiler = pytest.mark.skipif(not compiler_is_there(), reason=f"{COMPILER} {COMPILER_VERSION} is not installed")


class Compiler:
    """Compiles into one folder, so that what several programs share is compiled once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._count = 0

    def file(self, source: Path, *flags: str) -> bytes:
        """Return the ELF of a source file."""
        target = self.folder / f"{source.stem}.elf"
        compile_program([source], target, cache=self.folder / "cache", flags=flags)
        return target.read_bytes()

    def text(self, source: str, suffix: str = ".c", *flags: str) -> bytes:
        """Return the ELF of a source text."""
        self._count += 1
        path = self.folder / f"program{self._count}{suffix}"
        path.write_text(source)
        return self.file(path, *flags)


def run(elf: bytes, content: bytes = b"", *, profile: bool = False) -> tuple[Observed, str]:
    """Run an ELF on an input and return what was seen and what it printed."""
    printed: list[str] = []
    seen = observe(Program.from_elf(elf), Symbols(elf), content, printed=printed.append, profile=profile)
    return seen, "".join(printed)


def words(seen: Observed) -> list[int]:
    """Return the eight words of a run's output."""
    output = seen.execution.output
    return [int.from_bytes(output[i : i + 4], "little") for i in range(0, 32, 4)]
