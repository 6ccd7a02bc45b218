"""Compiles programs for the machine with the pinned compiler, and links them with the guest kit.

``python -m guest.compile -o PROGRAM.elf SOURCES...`` takes C (.c), C++ (.cpp, .cc), Zig (.zig) and assembly (.S), and
what another compiler made for rv32im: objects (.o) and libraries (.a), such as a Rust static library. The linker is
called directly, so that nothing but the kit itself stands below a program.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

FOLDER = Path(__file__).parent
RUNTIME = FOLDER / "runtime"
LINKER_SCRIPT = RUNTIME / "hallmark.ld"
#: The PyPI package that brings clang and lld; its version decides the bytes of the programs.
COMPILER = "ziglang"
COMPILER_VERSION = "0.13.0.post1"

#: The machine, for clang.
MACHINE = (
    "-target", "riscv32-freestanding-none", "-mcpu=generic_rv32+m-a-c-d-f", "-mabi=ilp32", "-O3", "-ffreestanding",
    "-fno-pic", "-fno-pie", "-fno-sanitize=all", "-fno-stack-protector", "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables", "-ffunction-sections", "-fdata-sections",
)  # fmt: skip
#: A function with more variables on the stack could step over the guard below it.
_FRAMES = ("-Wframe-larger-than=1048576", "-Werror=frame-larger-than")
_C = ("-std=c11", *_FRAMES)
_CXX = ("-std=c++20", *_FRAMES, "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics", "-nostdinc++")
_ZIG = ("-target", "riscv32-freestanding-none", "-mcpu=generic_rv32+m-a-c-d-f", "-O", "ReleaseSafe")
#: The compiler package defines NDEBUG when it optimises; assertions are off only when a program says so.
_OWN = ("-g", "-UNDEBUG")
_INCLUDES = ("-I", str(RUNTIME), "-isystem", str(RUNTIME / "include"))
_LANGUAGES = {
    ".c": ("cc", _C),
    ".S": ("cc", ()),
    ".cpp": ("c++", _CXX),
    ".cc": ("c++", _CXX),
}
_LINK = (
    *("ld.lld", "-m", "elf32lriscv", "-T", str(LINKER_SCRIPT)),
    *("--gc-sections", "--build-id=none", "--orphan-handling=error"),
)
#: What is linked as it is.
_COMPILED = (".o", ".a")


class BuildError(Exception):
    """A program could not be built, or is not what is committed."""


def check_compiler() -> None:
    """Refuse another compiler than the pinned one.

    Raises
    ------
    BuildError
    """
    try:
        found = version(COMPILER)
    except PackageNotFoundError:
        found = "none"
    if found != COMPILER_VERSION:
        raise BuildError(f"{COMPILER} {COMPILER_VERSION} is needed, found {found}; run tools/setup.sh guest")


def kit() -> list[Path]:
    """Return the sources of the guest kit: start-up, runtime library, and what compilers leave to a library."""
    return sorted(path for path in RUNTIME.rglob("*") if path.suffix in _LANGUAGES)


def run_compiler(arguments: Sequence[str], *, cwd: Path, cache: Path) -> None:
    """Run the compiler package with arguments.

    Parameters
    ----------
    cache
        A folder for what it keeps between runs.

    Raises
    ------
    BuildError
        It refuses; the message holds what it printed.
    """
    environment = {
        **os.environ,
        "ZIG_GLOBAL_CACHE_DIR": str(cache / "global"),
        "ZIG_LOCAL_CACHE_DIR": str(cache / "local"),
    }
    command = [sys.executable, "-m", "ziglang", *arguments]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BuildError(done.stderr.strip() or f"{' '.join(arguments)} ended with status {done.returncode}")


def compile_object(source: Path, target: Path, *, cache: Path, flags: Sequence[str] = ()) -> None:
    """Compile one source file into an object file.

    Raises
    ------
    BuildError
        The language is unknown, or the compiler refuses.
    """
    source, target = source.resolve(), target.resolve()
    if source.suffix == ".zig":
        modules = ("--dep", "hallmark", f"-Mroot={source}", f"-Mhallmark={RUNTIME / 'hallmark.zig'}")
        arguments = ["build-obj", *_ZIG, f"-femit-bin={target}", *modules]
    elif source.suffix in _LANGUAGES:
        command, language = _LANGUAGES[source.suffix]
        # The kit's own memcpy must not become a call of memcpy.
        own = ("-fno-builtin",) if source.is_relative_to(RUNTIME) else ()
        options = (*MACHINE, *language, *own, *_OWN, *_INCLUDES, *flags)
        arguments = [command, *options, "-c", str(source), "-o", str(target)]
    else:
        known = ", ".join([*_LANGUAGES, ".zig"])
        raise BuildError(f"{source.name}: {known} files are compiled, {', '.join(_COMPILED)} files are linked.")
    run_compiler(arguments, cwd=source.parent, cache=cache)


def compile_program(sources: Sequence[Path], target: Path, *, cache: Path, flags: Sequence[str] = ()) -> None:
    """Compile sources, link them with the guest kit, and write an ELF with symbols and line numbers.

    Parameters
    ----------
    cache
        A folder for objects and for what the compiler keeps between runs.
    flags
        For the C and C++ compiler, for the program's own sources only.

    Raises
    ------
    BuildError
        A source does not compile, or the linker misses something.
    """
    kit_files, objects = kit_objects(cache), []
    for number, source in enumerate(sources):
        if source.suffix in _COMPILED:
            objects.append(source)
            continue
        objects.append(cache / f"{number}-{source.name}.o")
        compile_object(source, objects[-1], cache=cache, flags=flags)
    link(objects, kit_files, target, cache=cache)


def kit_objects(cache: Path) -> list[Path]:
    """Return the object files of the guest kit, compiled once for a state of its files.

    Raises
    ------
    BuildError
        The compiler refuses.
    """
    state = hashlib.sha256(repr((COMPILER_VERSION, MACHINE, _C, _CXX)).encode())
    for path in sorted(path for path in RUNTIME.rglob("*") if path.is_file()):
        state.update(path.relative_to(RUNTIME).as_posix().encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    folder = cache / f"kit-{state.hexdigest()[:16]}"
    sources = kit()
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            made = Path(scratch) / "kit"
            made.mkdir()
            for number, source in enumerate(sources):
                compile_object(source, made / f"{number}.o", cache=cache, flags=("-Wall", "-Wextra", "-Werror"))
            # Whole or not at all; another process may have been quicker.
            with contextlib.suppress(OSError):
                made.rename(folder)
    return [folder / f"{number}.o" for number in range(len(sources))]


def link(objects: Sequence[Path], library: Sequence[Path], target: Path, *, cache: Path) -> None:
    """Link object files into an executable.

    Parameters
    ----------
    library
        Object files of which those are linked that something refers to, and nothing else: a program that needs no
        destructors, say, has no code that runs them.

    Raises
    ------
    BuildError
        The linker misses something.
    """
    names = [str(item.resolve()) for item in objects]
    offered = ["--start-lib", *(str(item.resolve()) for item in library), "--end-lib"]
    run_compiler([*_LINK, "-o", str(target.resolve()), *offered, *names], cwd=FOLDER, cache=cache)


def main() -> int:
    """Compile and link the files that the arguments name."""
    parser = argparse.ArgumentParser(prog="python -m guest.compile", description=__doc__.splitlines()[0])
    parser.add_argument("sources", nargs="+", type=Path, help="C, C++, Zig and assembly files, objects and libraries")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the ELF that is written")
    parser.add_argument("--cache", type=Path, help="folder that makes the next build quick; none when left out")
    parser.add_argument("--flag", action="append", default=[], help="for the C and C++ compiler, as --flag=-DNAME")
    arguments = parser.parse_args()
    try:
        check_compiler()
        with tempfile.TemporaryDirectory(prefix="hallmark-guest-") as scratch:
            cache = arguments.cache or Path(scratch)
            compile_program(arguments.sources, arguments.output, cache=cache, flags=arguments.flag)
    except BuildError as error:
        print(f"hallmark: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
