"""The commands over files, run as a user runs them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cli.run import ROOT
from tests.proving.machine import assembler as asm
from tests.proving.stages.batch import batch
from tests.proving.stages.chain import elf_of


def hallmark(*arguments: str | Path, status: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program.elf"
    path.write_bytes(elf_of(40))
    return path


def test_execute_prove_verify_inspect(program: Path, tmp_path: Path) -> None:
    output = (40).to_bytes(4, "little").hex()
    assert output in hallmark("execute", program)
    proof = tmp_path / "proof"
    hallmark("prove", program, "-o", proof, "--size-class", "16")
    shown = hallmark("verify", proof, "--program", program)
    line = next(line for line in shown.splitlines() if line.strip().startswith("output"))
    value = line.split()[-1]
    assert value.startswith(output)
    hallmark("verify", proof, "--program", program, "--output", value)
    assert "run_proof" in hallmark("inspect", proof)
    snark = tmp_path / "snark"
    assert "not_joined" in hallmark("compress", proof, "-o", snark, status=1)
    joined = tmp_path / "joined"
    hallmark("prove", program, "-o", joined, "--size-class", "16", "--join")
    assert value in hallmark("verify", joined, "--program", program)
    assert "batch_proof" in hallmark("inspect", joined)
    assert "program commitment" in hallmark("inspect", program)

    other = tmp_path / "other.elf"
    other.write_bytes(elf_of(41))
    assert "other_program" in hallmark("verify", proof, "--program", other, status=1)
    assert "other_output" in hallmark("verify", proof, "--program", program, "--output", "00" * 32, status=1)
    text = hallmark("verify", proof, "--program", program, "--profile", "proven128", status=1)
    assert "other_key_set" in text and "proven100" in text and "proven128" in text
    changed = bytearray(proof.read_bytes())
    changed[len(changed) // 2] ^= 1
    proof.write_bytes(changed)
    text = hallmark("verify", proof, "--program", program, status=1)
    assert "malformed_batch_proof" in text and "changed or damaged" in text
    assert "not a Hallmark artifact" in hallmark("verify", other, "--program", program, status=1)


def test_stores_to_code_are_warned_of(tmp_path: Path) -> None:
    path = tmp_path / "store.elf"
    path.write_bytes(asm.elf([asm.auipc(7, 0), asm.store("sw", 0, 7, 8), asm.store("sb", 0, 7, 9), asm.HALT]))
    shown = " ".join(hallmark("execute", path).split())
    assert "warning: the program stores to its code, 2 times, first at 0x00001008" in shown
    path.write_bytes(asm.elf([asm.store("sw", 0, 0, 8), asm.HALT]))
    assert "warning" not in hallmark("execute", path)


def test_the_memory_limit_can_be_raised(tmp_path: Path) -> None:
    path = tmp_path / "wide.elf"
    path.write_bytes(asm.elf([asm.HALT], data=[(0x10000, b"x" * 20_000)]))
    refusal = hallmark("execute", path, "--memory-limit", "16K", status=65)
    assert "0x00010000" in refusal and "--memory-limit" in refusal
    assert "executed" in hallmark("execute", path, "--memory-limit", "1M")
    assert "memory_limit" in hallmark("prove", path, "-o", tmp_path / "proof", "--memory-limit", "16K", status=65)
    assert "no size" in hallmark("execute", path, "--memory-limit", "much", status=65)


def test_bad_programs_end_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.elf"
    for content in (b"", b"\x7fELF", elf_of(3)[:100], bytes(200)):
        path.write_bytes(content)
        text = hallmark("execute", path, status=65)
        assert len(text.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([asm.jal(0, 4), asm.jal(0, -4)], "cycle_limit"),
        ([asm.jal(0, 0x1000)], "trap"),
        ([0xFFFFFFFF], "trap_illegal_instruction"),
        ([asm.advice(1)] * 3, "trap_advice"),
        ([asm.ECALL], "trap_environment_call"),
    ],
)
def test_traps_end_in_one_line(tmp_path: Path, words: list[int], code: str) -> None:
    path = tmp_path / "trap.elf"
    path.write_bytes(asm.elf(words))
    text = hallmark("execute", path, "--cycle-limit", "100000", status=65)
    assert code in text
    assert len(text.strip().splitlines()) == 1


def test_a_budget_that_is_too_small_is_refused_early(program: Path, tmp_path: Path) -> None:
    text = hallmark("prove", program, "-o", tmp_path / "proof", "--memory", "10M", status=70)
    assert "out_of_memory" in text
    assert "GiB" in text


def test_missing_files_are_named(tmp_path: Path) -> None:
    assert "cannot be read" in hallmark("execute", tmp_path / "absent", status=65)
    assert "cannot be read" in hallmark("inspect", tmp_path / "absent", status=65)


def test_every_artifact_kind_is_inspected(tmp_path: Path) -> None:
    from proving import stages

    made = batch()
    kinds = {
        "checkpoint": made.witnesses[0],
        "execution_records": stages.execution_records(made.witnesses[0]),
        "segment_proof": made.proofs[0],
        "recursion_witness": made.witnesses[-1],
        "recursion_proof": made.proofs[-2],
        "batch_proof": made.proofs[-1],
    }
    for kind, content in kinds.items():
        path = tmp_path / kind
        path.write_bytes(content)
        assert kind in hallmark("inspect", path)


def test_config_check_lists_the_faults_of_every_process(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = ("HALLMARK_LEASE_SECONDS", "HALLMARK_CORE_BATCH_SECONDS", "HALLMARK_GATEWAY_POLL_SECONDS")
    assert all(name in hallmark("config", "check") for name in wrong)
    for name in wrong:
        monkeypatch.setenv(name, "often")
    text = hallmark("config", "check", status=78)
    assert all(name in text for name in wrong)
    assert len(text.strip().splitlines()) == 1
