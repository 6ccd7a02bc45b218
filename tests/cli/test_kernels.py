"""`python -m cli.kernels` compiles what the circuits are now, with a stand-in for the compiler."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli import kernels
from cuda import programs, sources
from proving import keys
from proving.keys import registry

COMPILER = Path(__file__).parent.parent / "cuda" / "fake_nvcc.sh"


def test_every_table_of_a_circuit_is_compiled(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sources, "BUILD", tmp_path / "build")
    monkeypatch.setenv("FAKE_NVCC_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("HALLMARK_NVCC", str(COMPILER))
    assert kernels.main(["--architecture", "sm_90", "--circuit", keys.MAIN_VM]) == 0
    said = capsys.readouterr().out
    assert "kernels of circuits for sm_90, at most 1000 registers and 12 bytes spilled" in said
    made = programs.load()
    assert made is not None
    assert set(programs.texts(keys.key(keys.MAIN_VM).program.tables)) <= set(made.manifest["kernels"])
    monkeypatch.setenv("FAKE_NVCC_FAIL", "sm_80")
    assert kernels.main(["--architecture", "sm_80", "--circuit", keys.MAIN_VM]) == 1
    assert "refused" in capsys.readouterr().err


def test_one_circuit_of_each_kind_is_taken() -> None:
    known = registry.names()
    assert set(kernels.circuits()) <= set(known)
    kinds = {name.partition(".")[0] for name in known}
    assert {name.partition(".")[0] for name in kernels.circuits()} == kinds
