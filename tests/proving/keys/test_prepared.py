"""Stored trees of keys: a prover takes what is whole, and makes the rest anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from proving import keys
from proving.backend.native import NativeBackend
from proving.backend.native_merkle import NativeTree
from proving.keys import keystore, prepared
from proving.stark.errors import KeyRefused
from proving.stark.key import Key

NAME = keys.MAIN_VM


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A keystore with a key that is read anew whenever it is asked for."""
    keys.key(NAME)
    file = keystore.path_of(NAME, keys.pinned()[NAME].head)
    monkeypatch.setenv("HALLMARK_KEY_DIR", str(tmp_path / "keys"))
    keystore.write(keystore.path_of(NAME, keys.pinned()[NAME].head), file.read_bytes())
    monkeypatch.setattr(keys, "proving_key", keys.proving_key.__wrapped__)
    return tmp_path / "keys"


def ready() -> tuple[Key, NativeTree]:
    """Prepare the key as a new process does."""
    backend = NativeBackend()
    key = prepared.ready_key(NAME, backend)
    tree = key.prepared(backend).tree
    assert isinstance(tree, NativeTree)
    return key, tree


def only_file(folder: Path) -> Path:
    (path,) = folder.glob("*.tree")
    return path


def test_a_stored_tree_opens_as_the_one_that_was_made(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, made = ready()
    content = only_file(folder).read_bytes()
    assert only_file(folder).stat().st_mode & 0o777 == 0o600
    with monkeypatch.context() as patched:
        patched.setattr(NativeTree, "_build_level", None)
        again, found = ready()
    assert again is not key and only_file(folder).read_bytes() == content
    assert np.array_equal(found.cap, key.preprocessed_cap)
    places = np.arange(0, 1 << 16, 977)
    here, there = made.open(places), found.open(places)
    assert np.array_equal(here.path, there.path)
    assert all(np.array_equal(*rows) for rows in zip(here.rows, there.rows, strict=True))


@pytest.mark.parametrize(
    "change",
    [
        lambda data: b"",
        lambda data: data[:20],
        lambda data: data[:-32],
        lambda data: data + bytes(32),
        lambda data: b"\0" + data[1:],
        lambda data: data[:5000] + bytes([data[5000] ^ 1]) + data[5001:],
        lambda data: prepared.encode(np.zeros((5, 4), dtype=np.uint64)),
    ],
)
def test_a_file_that_is_not_the_tree_is_made_again(folder: Path, change: Callable[[bytes], bytes]) -> None:
    ready()
    path = only_file(folder)
    good = path.read_bytes()
    path.write_bytes(change(good))
    ready()
    assert path.read_bytes() == good


def test_a_whole_file_with_another_cap_is_refused(folder: Path) -> None:
    _, tree = ready()
    levels = np.concatenate(tree.levels)
    levels[-1] ^= np.uint64(1)
    only_file(folder).write_bytes(prepared.encode(levels))
    with pytest.raises(KeyRefused, match="preprocessed columns"):
        ready()
