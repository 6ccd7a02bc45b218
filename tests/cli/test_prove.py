"""`hallmark prove`: budgets, stopping and going on, inputs and where results lie."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cli.run import ROOT
from cli.unfinished import folder_of
from proving.machine.program import Program
from proving.stages.witness import cut
from tests.proving.machine import assembler as asm
from tests.proving.stages.chain import elf_of

#: Cut into three segments at size class 12.
ROUNDS = 3000
#: The smallest memory budget that `hallmark prove` takes, in bytes.
BUDGET = 1 << 30


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "cli.main", *map(str, arguments)]


def hallmark(*arguments: str | Path, status: int = 0) -> str:
    done = subprocess.run(command(*arguments), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


#: A process of the command line that says at its end how many keys it holds ready for proving.
_HOLDING = (
    "import atexit; from cli.main import main; from proving import keys;"
    "atexit.register(lambda: print('holds', keys.proving_key.cache_info().currsize)); main()"
)


def tree(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A program and the place of its proof, whose making was killed when only the scheduler's proof was missing."""
    folder = tmp_path_factory.mktemp("stopped")
    program, proof = folder / "program.elf", folder / "proof"
    program.write_bytes(elf_of(ROUNDS))
    running = subprocess.Popen(
        command("prove", program, "-o", proof, "--size-class", "12"), cwd=ROOT, stderr=subprocess.DEVNULL
    )
    kept = folder_of(proof)
    deadline = time.monotonic() + 180
    while not list(kept.glob("tip-*.proof")):
        assert running.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    running.wait()
    return program, proof


@pytest.fixture
def again(stopped: tuple[Path, Path], tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """A copy of the stopped proof that a test may spoil."""
    program, proof = stopped
    copy = tmp_path / "proof"
    folder_of(copy).mkdir(mode=0o700)
    for name, content in tree(folder_of(proof)).items():
        (folder_of(copy) / name).write_bytes(content)
    yield program, copy


def proven(text: str) -> set[str]:
    """Return what a run of `hallmark prove` says it has proven, of what it may find kept."""
    lines = (line.partition(": done in") for line in text.splitlines())
    return {title for title, done, _ in lines if done and title not in ("all proofs", "scheduler", "witness")}


def test_a_stopped_proof_goes_on_with_what_is_proven(again: tuple[Path, Path]) -> None:
    program, proof = again
    total = len(list(folder_of(proof).glob("*.checkpoint")))
    last = f"{total - 1:05d}"
    (folder_of(proof) / f"basic-0-{last}.proof").unlink()
    (folder_of(proof) / f"leaf-0-{last}.proof").unlink()
    arguments = ["prove", str(program), "-o", str(proof), "--size-class", "12"]
    done = subprocess.run(
        [sys.executable, "-c", _HOLDING, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "holds 1"
    text = done.stdout + done.stderr
    assert "kept from before" in text
    assert proven(text) == {f"segment {total} of {total}", f"leaf {total} of {total}"}
    hallmark("verify", proof, "--program", program)
    assert not folder_of(proof).exists()


def test_a_kept_proof_that_does_not_hold_is_made_again(again: tuple[Path, Path]) -> None:
    program, proof = again
    cut_off, flipped, replaced = sorted(folder_of(proof).glob("basic-*.proof"))
    first, content = cut_off.read_bytes(), flipped.read_bytes()
    cut_off.write_bytes(first[:1000])
    flipped.write_bytes(content[:5000] + bytes([content[5000] ^ 1]) + content[5001:])
    replaced.write_bytes(first)
    (leaf, *_) = sorted(folder_of(proof).glob("leaf-*.proof"))
    other = next(folder_of(proof).glob("tip-*.proof"))
    leaf.write_bytes(other.read_bytes())
    text = hallmark("prove", program, "-o", proof, "--size-class", "12")
    assert proven(text) == {*(f"segment {number} of 3" for number in (1, 2, 3)), "leaf 1 of 3"}
    hallmark("verify", proof, "--program", program)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        (("--profile", "proven128"), "key set, profile"),
        (("--size-class", "13"), "size class"),
        (("--input", "{program}"), "input"),
        ((), "program"),
    ],
)
def test_an_unfinished_proof_of_something_else_is_not_touched(
    again: tuple[Path, Path], tmp_path: Path, changed: tuple[str, ...], named: str
) -> None:
    program, proof = again
    before = tree(folder_of(proof))
    if not changed:
        program = tmp_path / "other.elf"
        program.write_bytes(elf_of(ROUNDS + 1))
    options = ["--size-class", "12", *(part.format(program=program) for part in changed)]
    text = hallmark("prove", program, "-o", proof, *options, status=65)
    assert f"differs in: {named}." in text
    assert tree(folder_of(proof)) == before


def test_two_at_once_are_refused(again: tuple[Path, Path]) -> None:
    import fcntl

    program, proof = again
    with (folder_of(proof) / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "Another" in hallmark("prove", program, "-o", proof, "--size-class", "12", status=65)


def test_a_failure_before_the_first_proof_leaves_nothing(tmp_path: Path) -> None:
    program = tmp_path / "program.elf"
    program.write_bytes(elf_of(ROUNDS))
    text = hallmark("prove", program, "-o", tmp_path / "proof", "--cycle-limit", "5000", status=65)
    assert "cycle_limit" in text
    assert [path.name for path in tmp_path.iterdir()] == ["program.elf"]


@pytest.fixture(scope="module")
def smallest(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A short program, and the peak memory in bytes of proving it within the smallest budget for a large class."""
    folder = tmp_path_factory.mktemp("smallest")
    program, proof = folder / "program.elf", folder / "proof"
    program.write_bytes(elf_of(20))
    options = ("--memory", str(BUDGET), "--size-class", "18", "--join")
    peak = peak_of(command("prove", program, "-o", proof, *options))
    hallmark("verify", proof, "--program", program)
    return program, peak


def test_a_budget_that_holds_the_program_is_enough(smallest: tuple[Path, int]) -> None:
    """The tables of a short run are small, whatever the class that it is cut for."""
    assert smallest[1] < BUDGET


def test_a_small_budget_cuts_smaller_segments() -> None:
    program, nothing = Program.from_elf(elf_of(40_000)), np.empty(0, dtype=np.uint32)
    segments = [len(list(cut(program, nothing, size_class=18, memory=memory))) for memory in (400 << 20, 0)]
    assert segments[0] > segments[1]


def peak_of(arguments: list[str]) -> int:
    """Run a command that must succeed; return its peak memory in bytes."""
    # A process of its own starts it: a child's peak begins with its parent's, and that of the tests is large.
    launcher = (
        "import resource, subprocess, sys;"
        "subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", launcher, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    return int(done.stdout) << 10


@pytest.mark.parametrize(
    ("setting", "named"), [(("PROFILE", "proven128"), "key set, profile"), (("SIZE_CLASS", "13"), "size class")]
)
def test_what_no_option_says_is_as_the_settings_say(
    again: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, setting: tuple[str, str], named: str
) -> None:
    program, proof = again
    monkeypatch.setenv("HALLMARK_SIZE_CLASS", "12")
    monkeypatch.setenv(f"HALLMARK_{setting[0]}", setting[1])
    assert f"differs in: {named}." in hallmark("prove", program, "-o", proof, status=65)
    options = ("--profile", "proven100", "--size-class", "12")
    monkeypatch.setenv("HALLMARK_DEVICE", "cuda:7")
    assert "cuda:7" in hallmark("prove", program, "-o", proof, *options, status=78)
    monkeypatch.setenv("HALLMARK_CYCLE_LIMIT", "10")
    assert "cycle_limit" in hallmark("prove", program, "-o", proof, *options, "--device", "cpu", status=65)


@pytest.mark.long
def test_an_input_is_held_once(smallest: tuple[Path, int], tmp_path: Path) -> None:
    program, proving = smallest
    large = tmp_path / "input"
    size = 100 << 20
    with large.open("wb") as stream:
        stream.truncate(size)
    executing = peak_of(command("execute", program))
    for empty, arguments in ((executing, ["execute"]), (proving, ["prove", "-o", tmp_path / "proof"])):
        assert peak_of(command(*arguments, program, "--input", large)) - empty < 1.25 * size


def test_an_input_from_a_pipe_is_the_same_input(tmp_path: Path) -> None:
    program, large = tmp_path / "program.elf", tmp_path / "input"
    program.write_bytes(asm.elf([asm.advice(10), asm.advice(11), asm.advice(12), asm.HALT]))
    large.write_bytes(b"abcdefg")
    from_file = hallmark("execute", program, "--input", large)
    done = subprocess.run(
        command("execute", program, "--input", "/dev/stdin"),
        input=b"abcdefg",
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    expected = b"\x07\0\0\0abcdefg\0".hex()
    assert expected in from_file and expected in done.stdout.decode()
