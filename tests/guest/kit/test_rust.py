"""The Rust crate: checked wherever there is a Rust compiler, built and run where its core library can be had."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from guest.compile import FOLDER
from proving.machine.traps import GuestPanic
from tests.guest.kit.compiled import Compiler, needs_compiler, run

CRATE = FOLDER / "rust"
TARGET = "riscv32im-unknown-none-elf"

needs_cargo = pytest.mark.skipif(not shutil.which("cargo"), reason="there is no Rust compiler")


def cargo(target_folder: Path, *arguments: str, **environment: str) -> None:
    done = subprocess.run(
        ["cargo", *arguments, "--offline", "--release", "--example", "median"],
        cwd=CRATE,
        env={**os.environ, "CARGO_TARGET_DIR": str(target_folder), "RUSTFLAGS": "-Dwarnings", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def sources_of_core() -> tuple[str, ...] | None:
    """Return what makes cargo find the core library for the machine, None when it is not there."""

    def rustc(*arguments: str) -> Path:
        return Path(subprocess.run(["rustc", *arguments], capture_output=True, text=True, check=True).stdout.strip())

    if list(rustc("--print", "target-libdir", "--target", TARGET).glob("libcore-*.rlib")):
        return ()
    if (rustc("--print", "sysroot") / "lib/rustlib/src/rust/library/core").is_dir():
        return ("-Zbuild-std=core,alloc",)
    return None


@needs_cargo
def test_the_crate_and_its_example_are_valid_rust(tmp_path: Path) -> None:
    cargo(tmp_path, "check")


@needs_cargo
@needs_compiler
def test_the_example_in_rust(tmp_path: Path, compiler: Compiler) -> None:
    found = sources_of_core()
    if found is None:
        pytest.skip(f"Rust's core library is not there for {TARGET}: rustup component add rust-src, or target add")
    cargo(tmp_path, "build", "--target", TARGET, *found, **({"RUSTC_BOOTSTRAP": "1"} if found else {}))
    elf = compiler.file(tmp_path / TARGET / "release/examples/libmedian.a")
    seen, printed = run(elf, struct.pack("<5I", 5, 3, 9, 1, 2))
    assert seen.written == struct.pack("<8I", 5, 3, 4, 1, 2, 3, 5, 9)
    assert printed == "5 numbers, their mean is 4\n"
    assert seen.markers.closed["sort"].times == 1
    with pytest.raises(GuestPanic, match=r"median\.rs.*there are no numbers"):
        run(elf)
