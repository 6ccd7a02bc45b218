"""`hallmark keys`: what an operator sees of the keystore."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from proving import keys
from proving.keys import generate, keystore

FEW = [keys.MAIN_VM, "leaf.main_vm.0.proven100"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HALLMARK_KEY_DIR", str(tmp_path / "keys"))
    monkeypatch.setattr(generate, "_wanted", lambda profiles: FEW)
    return tmp_path / "keys"


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["keys", *arguments])
    return done.exit_code, done.output


def test_keys_are_generated_listed_and_verified(folder: Path) -> None:
    code, said = run("list")
    assert code == 0
    assert said.count("not stored") == len(FEW)
    assert keys.key_set_digest("proven100") in said

    code, said = run("generate", "--processes", "1")
    assert (code, "2 keys made, 0 kept" in said) == (0, True), said
    code, said = run("generate", "--processes", "1")
    assert (code, "0 keys made, 2 kept" in said) == (0, True), said
    code, said = run("list")
    assert "not stored" not in said
    assert all(keys.pinned()[name].digest in said for name in FEW)

    assert run("verify")[0] == 0
    path = keystore.path_of(FEW[1], keys.pinned()[FEW[1]].head)
    path.write_bytes(path.read_bytes()[:-1])
    code, said = run("verify")
    assert code == 1
    assert str(path) in said


def test_a_circuit_is_shown_by_table() -> None:
    code, said = run("info", "node.proven100")
    assert code == 0
    for word in ("hash", "field", "compressions", keys.pinned()["node.proven100"].digest, "bits proven"):
        assert word in said, word


def test_an_unknown_circuit_is_refused_with_where_to_look() -> None:
    code, _ = run("info", "nonsense")
    assert code != 0
