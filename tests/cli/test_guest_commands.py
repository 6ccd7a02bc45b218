"""What `execute`, `prove` and `verify` say of programs built with the guest kit, and `new`, run as a user runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from proving.stages import batch_proof
from proving.stages.development import NotProven
from tests.cli.test_program_commands import hallmark
from tests.guest.kit.compiled import EXAMPLES, Compiler, needs_compiler

TEXT = "the cat and the dog"
TABLE = b"".join(n.to_bytes(4, "little") + w + b"\n" for w, n in ((b"and", 1), (b"cat", 1), (b"dog", 1), (b"the", 2)))


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("words")
    (folder / "words.elf").write_bytes(Compiler(folder).file(EXAMPLES / "words.c"))
    (folder / "input").write_text(TEXT)
    return folder


@needs_compiler
def test_execute_prints_what_the_program_prints_and_where_cycles_go(words: Path, tmp_path: Path) -> None:
    graph, output = tmp_path / "graph.svg", tmp_path / "output"
    shown = hallmark(
        "execute", words / "words.elf", "--input", words / "input", "--profile", "--flame-graph", graph,
        "--output-file", output,
    )  # fmt: skip
    assert "5 words, 4 of them different" in shown
    assert "not proven" in shown and "cycles by function" in shown and "qsort" in shown
    assert any(line.split()[0] == "sort" for line in shown.splitlines() if line.strip())
    assert graph.read_text().startswith("<svg")
    assert output.read_bytes() == TABLE
    folded = tmp_path / "folded"
    hallmark("execute", words / "words.elf", "--input", words / "input", "--flame-graph", folded)
    assert "_start;main;qsort" in folded.read_text()


@needs_compiler
def test_a_long_output_is_written_beside_the_proof_and_verified(words: Path, tmp_path: Path) -> None:
    program, proof = words / "words.elf", tmp_path / "proof"
    shown = hallmark("prove", program, "--input", words / "input", "-o", proof, "--size-class", "16")
    written = tmp_path / "proof.output"
    assert str(written) in shown and written.read_bytes() == TABLE
    hallmark("verify", proof, "--program", program, "--output-file", written)
    for other in (TABLE + b"\0", TABLE[:-1], b"", TABLE[::-1]):
        written.write_bytes(other)
        assert "other_output" in hallmark("verify", proof, "--program", program, "--output-file", written, status=1)


@needs_compiler
def test_development_mode_makes_nothing_that_passes_for_a_proof(words: Path, tmp_path: Path) -> None:
    program, made = words / "words.elf", tmp_path / "made"
    shown = hallmark("prove", program, "--input", words / "input", "-o", made, "--development")
    assert "DEVELOPMENT MODE, NOT PROVEN" in shown
    assert (tmp_path / "made.output").read_bytes() == TABLE
    assert "development_run" in hallmark("verify", made, "--program", program, status=1)
    assert "NOT PROVEN" in hallmark("inspect", made)
    with pytest.raises(NotProven):
        batch_proof.unpack(made.read_bytes())


@needs_compiler
@pytest.mark.parametrize("command", ["execute", "prove"])
def test_a_panic_reaches_the_user(tmp_path: Path, command: str) -> None:
    program = tmp_path / "program.elf"
    program.write_bytes(
        Compiler(tmp_path).text('#include <hallmark.h>\nint main(void) {\n    hallmark_panic("no luck");\n}\n')
    )
    arguments = ["-o", tmp_path / "proof"] if command == "prove" else []
    shown = hallmark(command, program, *arguments, status=65)
    assert "guest_panic" in shown and "no luck" in shown and "main (program1.c:3)" in shown
    assert not (tmp_path / "proof").exists()


def make(folder: Path, target: str) -> str:
    done = subprocess.run(
        ["make", "-C", str(folder), target, f"PYTHON={sys.executable}"],
        capture_output=True, text=True, check=False, env={**os.environ, "MAKEFLAGS": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@needs_compiler
@pytest.mark.parametrize("language", [pytest.param("c", marks=pytest.mark.long), "cpp", "zig"])
def test_new_makes_a_program_that_builds_and_runs(tmp_path: Path, language: str) -> None:
    folder = tmp_path / "my $program"
    assert "prove it" in hallmark("new", folder, "--language", language)
    assert "0300000000" in make(folder, "run")
    assert "count" in make(folder, "profile") and (folder / "profile.svg").exists()
    if language == "c":
        assert "NOT PROVEN" in make(folder, "try")
        make(folder, "prove")
        assert "is valid" in make(folder, "verify")
    make(folder, "clean")
    assert {path.name for path in folder.iterdir()} == {f"main.{language}", "Makefile", "input.txt", ".gitignore"}


def test_new_leaves_what_is_there_alone(tmp_path: Path) -> None:
    (tmp_path / "main.c").write_text("mine")
    assert "not an empty folder" in hallmark("new", tmp_path, status=65)
    assert "not an empty folder" in hallmark("new", tmp_path / "main.c", status=65)
    assert (tmp_path / "main.c").read_text() == "mine"
