"""The key generator makes what is missing or damaged, and nothing else."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from proving import keys
from proving.keys import generate, keystore
from runtime.errors import InvalidInput

PROFILE = "proven100"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A keystore with a few circuits, so that the test takes seconds."""
    monkeypatch.setenv("HALLMARK_KEY_DIR", str(tmp_path / "keys"))
    family = keys.circuits_of(PROFILE)
    few = [keys.MAIN_VM, family.leaf(keys.MAIN_VM, 0), family.tip]
    monkeypatch.setattr(generate, "_wanted", lambda profiles: few)
    return tmp_path / "keys"


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.iterdir() if path.name != generate.MANIFEST)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_missing_and_damaged_keys_are_made_and_the_others_kept(folder: Path) -> None:
    told: list[str] = []
    made = generate.generate([PROFILE], processes=2, done=told.append)
    first = digests(folder)
    assert sorted(told) == sorted(made) == sorted([keys.MAIN_VM, "leaf.main_vm.0.proven100", "tip.proven100"])
    assert sorted(Path(name).suffix for name in first) == [".key"] * 3 + [".program"] * 2
    manifest = json.loads((folder / generate.MANIFEST).read_text())
    assert manifest["key_sets"] == keys.key_sets()
    listed = [each[kind] for each in manifest["keys"].values() for kind in ("file", "program") if kind in each]
    assert set(listed) == set(first)
    assert generate.generate([PROFILE], processes=2) == []

    pin = keys.pinned()["tip.proven100"]
    for path in (keystore.path_of("tip.proven100", pin.head), keystore.program_path_of("tip.proven100", pin.program)):
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
        assert not generate.check("tip.proven100")
        assert generate.generate([PROFILE], processes=2) == ["tip.proven100"]
        assert digests(folder) == first, "the same code makes the same files"


def test_an_unknown_profile_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match="proven100"):
        generate.entries(["proven1000"])


def test_the_snarks_circuit_is_among_what_a_profile_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALLMARK_KEY_DIR", str(tmp_path))
    *_, layer, snark = generate.entries([PROFILE])
    assert (layer.name, snark.name) == ("layer.0.proven100", "wrap.proven100")
    assert (snark.digest, snark.bytes) == (keys.snark_pins()[PROFILE], 0)
    assert generate.snark_profiles([layer.name, snark.name]) == [PROFILE]
    for damaged in (b"", b"no circuit"):
        snark.path.write_bytes(damaged)
        assert not generate.check(snark.name)
    assert not [entry for entry in generate.entries(["proven128"]) if generate.snark_profiles([entry.name])]
