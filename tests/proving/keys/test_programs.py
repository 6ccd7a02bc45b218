"""Stored witness programs: what is run is what the repository pins, whatever lies in the folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from proving import keys
from proving.keys import keystore, programs, registry
from proving.recursion.program import WitnessProgram

#: The circuit that takes the least to write down.
NAME = "scheduler.proven100"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one program."""
    for name in (registry.MAIN_VM, "tip.proven100", "leaf.main_vm.0.proven100"):
        keys.key(name)
    program = find()
    monkeypatch.setenv("HALLMARK_KEY_DIR", str(tmp_path / "keys"))
    keystore.write(path(), programs.encode(program))
    return tmp_path / "keys"


def find() -> WitnessProgram:
    """Look the program up as a new process does."""
    return keys.program.__wrapped__(NAME)


def path() -> Path:
    return keystore.program_path_of(NAME, keys.pinned()[NAME].program)


def no_writing(*_: object) -> None:
    raise AssertionError("a stored program was written down anew")


def test_a_stored_program_is_the_one_that_was_written_down(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = registry.write(NAME, keys.key).program
    monkeypatch.setattr(registry, "write", no_writing)
    found = find()
    for field in fields(WitnessProgram):
        here, there = getattr(written, field.name), getattr(found, field.name)
        assert here.dtype == there.dtype and np.array_equal(here, there), field.name
        assert not there.flags.writeable


@pytest.mark.parametrize(
    "change",
    [
        lambda data: b"",
        lambda data: data[:10],
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: data[:100_000] + bytes([data[100_000] ^ 1]) + data[100_001:],
    ],
)
def test_a_file_that_is_not_the_program_is_made_again(folder: Path, change: Callable[[bytes], bytes]) -> None:
    good = path().read_bytes()
    path().write_bytes(change(good))
    find()
    assert path().read_bytes() == good
    assert path().stat().st_mode & 0o777 == 0o600


def test_another_pin_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pins = {**keys.pinned(), NAME: keys.pinned()[NAME]._replace(program="00" * 32)}
    monkeypatch.setattr(keys, "pinned", lambda: pins)
    with pytest.raises(keys.KeyMismatch, match=r"witness program of scheduler\.proven100"):
        find()
    assert not path().exists(), "what is not pinned is not stored"


def test_a_folder_that_cannot_be_written_costs_time_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = find()
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("HALLMARK_KEY_DIR", str(blocked / "keys"))
    assert programs.encode(find()) == programs.encode(expected)
