"""The keystore: what is found there is what the repository pins, whatever lies in the folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from proving import keys
from proving.backend.native import NativeBackend
from proving.keys import stored
from proving.keys.make import make_anew
from proving.stark.errors import KeyRefused
from proving.stark.key import Key

NAME = keys.MAIN_VM


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HALLMARK_KEY_DIR", str(tmp_path / "keys"))
    return tmp_path / "keys"


def find(*, columns: bool) -> Key:
    """Look a key up as a new process does."""
    look = keys.proving_key if columns else keys.key
    return look.__wrapped__(NAME)


def only_file(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def test_a_stored_key_is_the_key_that_was_made(folder: Path) -> None:
    made = find(columns=True)
    found = find(columns=True)
    assert stored.encode(made) == stored.encode(make_anew(NAME).key)
    assert found is not made
    assert found.hex == made.hex
    assert found.reports == made.reports
    assert stored.encode(found) == stored.encode(made) == only_file(folder).read_bytes()
    assert np.array_equal(found.prepared(NativeBackend()).tree.cap, made.preprocessed_cap)  # type: ignore[union-attr, arg-type]


def test_the_folder_is_private(folder: Path) -> None:
    find(columns=False)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert only_file(folder).stat().st_mode & 0o777 == 0o600


def _flip(at: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize(
    "change",
    [
        lambda data: b"",
        lambda data: data[:40],
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: bytes(len(data)),
        _flip(0),
        _flip(9),
        _flip(17),
        _flip(100),
        _flip(200_000),
    ],
)
def test_a_file_that_is_not_the_key_is_made_again(folder: Path, change: Callable[[bytes], bytes]) -> None:
    find(columns=False)
    path = only_file(folder)
    good = path.read_bytes()
    path.write_bytes(change(good))
    assert find(columns=False).hex == keys.pinned()[NAME].digest
    assert path.read_bytes() == good


def test_changed_columns_are_made_again_for_a_prover_and_refused_by_the_key(folder: Path) -> None:
    find(columns=False)
    path = only_file(folder)
    good = path.read_bytes()
    path.write_bytes(_flip(len(good) - 1000)(good))
    verifying = find(columns=False)
    with pytest.raises(KeyRefused, match="preprocessed columns"):
        verifying.prepared(NativeBackend())
    find(columns=True)
    assert path.read_bytes() == good


def test_a_forged_head_of_the_right_name_is_not_believed(folder: Path) -> None:
    """A file that is whole in itself and holds another key: the checksum inside says nothing."""
    find(columns=False)
    path = only_file(folder)
    good = path.read_bytes()
    other = stored.encode(_weaker(find(columns=False)))
    path.write_bytes(other)
    assert find(columns=False).layout == make_anew(NAME).key.layout
    assert path.read_bytes() == good


def _weaker(key: Key) -> Key:
    from dataclasses import replace

    tables = tuple(replace(table, nodes=replace(table.nodes, a=table.nodes.a + 1)) for table in key.program.tables)
    return replace(key, program=replace(key.program, tables=tables))


def test_a_folder_that_cannot_be_written_costs_time_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("HALLMARK_KEY_DIR", str(blocked / "keys"))
    assert find(columns=True).hex == keys.pinned()[NAME].digest


def test_processes_that_store_at_once_leave_one_whole_file(folder: Path) -> None:
    code = "from proving import keys; print(keys.key(keys.MAIN_VM).hex)"
    running = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    digests = {process.communicate()[0].strip() for process in running}
    assert digests == {keys.pinned()[NAME].digest}
    assert only_file(folder).read_bytes() == stored.encode(make_anew(NAME).key)


def test_verifying_loads_no_prover_and_no_circuit(folder: Path) -> None:
    find(columns=False)
    code = (
        "import sys; from proving.stages.verify import key_digest; print(key_digest('proven100'));"
        "print(sorted(name for name in sys.modules if name.startswith('proving.')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    digest, loaded = done.stdout.splitlines()
    assert digest == keys.key_set_digest("proven100")
    unwanted_modules = ("stark.prover", "stark.generate", "stark.air.compile", "machine.executor", "main_vm.circuit")
    for unwanted in unwanted_modules:
        assert f".{unwanted}'" not in loaded
