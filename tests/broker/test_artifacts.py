"""The artifact store: written once, whole or not at all, and every damage has a name."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from broker.artifacts import ArtifactStore, artifact_name, batch_prefix
from runtime.errors import (
    ArtifactCorrupt,
    ArtifactError,
    ArtifactExists,
    ArtifactKind,
    ArtifactMissing,
    ArtifactTruncated,
    ArtifactVersion,
    ConfigurationError,
    DiskFull,
    StoreUnavailable,
    TooLarge,
)


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(f"file://{tmp_path}/store")


def test_an_artifact_is_written_once(store: ArtifactStore) -> None:
    name = artifact_name(1, 2, "token", "proof")
    store.put(name, b"first")
    with pytest.raises(ArtifactExists):
        store.put(name, b"second")
    assert store.get(name) == b"first" and store.exists(name)


def test_missing_and_oversized_artifacts_are_named(store: ArtifactStore) -> None:
    with pytest.raises(ArtifactMissing, match="batches/9"):
        store.get("batches/9/1/t/proof")
    store.put("a", b"x" * 100)
    with pytest.raises(TooLarge):
        store.get("a", limit=99)


def test_an_envelope_is_checked_for_kind_and_protocol(store: ArtifactStore) -> None:
    store.save("a", "proof", b"bytes", protocol="1")
    assert store.load("a", kind="proof", protocol="1") == b"bytes"
    with pytest.raises(ArtifactKind):
        store.load("a", kind="checkpoint", protocol="1")
    with pytest.raises(ArtifactVersion):
        store.load("a", kind="proof", protocol="2")


def test_damage_on_disk_is_found(store: ArtifactStore) -> None:
    store.save("a", "proof", b"bytes" * 50, protocol="1")
    path = Path(str(store.folder)) / "a"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(ArtifactTruncated):
        store.load("a", kind="proof", protocol="1")
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ArtifactCorrupt):
        store.load("a", kind="proof", protocol="1")


@pytest.mark.parametrize("damage", ["missing", "truncated", "corrupt", "other kind", "other version"])
def test_whatever_is_wrong_with_an_artifact_names_it_and_its_maker(store: ArtifactStore, damage: str) -> None:
    name = artifact_name(1, 17, "token", "proof")
    if damage != "missing":
        store.save(name, "checkpoint" if damage == "other kind" else "proof", b"bytes" * 9, protocol="1")
        path = Path(str(store.folder)) / name
        whole = path.read_bytes()
        if damage in ("truncated", "corrupt"):
            path.write_bytes(whole[:-1] + (b"" if damage == "truncated" else b"!"))
    with pytest.raises(ArtifactError) as found:
        store.load(name, kind="proof", protocol="2" if damage == "other version" else "1")
    assert name in found.value.message and "made by job 17" in found.value.message
    if damage in ("missing", "truncated", "corrupt"):
        assert "hallmark job requeue 17" in found.value.remedy


def test_an_artifact_that_no_job_made_is_not_to_be_requeued(store: ArtifactStore) -> None:
    with pytest.raises(ArtifactMissing) as found:
        store.load("gateway/4242/1/advice-00", kind="advice", protocol="1")
    assert "requeue" not in found.value.remedy


def test_a_batch_is_removed_but_for_what_is_kept(store: ArtifactStore) -> None:
    kept = artifact_name(1, 9, "t", "proof")
    for name in (
        artifact_name(1, 2, "t", "proof"),
        artifact_name(1, 3, "u", "proof"),
        kept,
        artifact_name(12, 1, "t", "x"),
    ):
        store.put(name, b"1234")
    assert store.remove(batch_prefix(1), keep=frozenset({kept})) == (2, 8)
    assert {name for name, _ in store.names()} == {artifact_name(12, 1, "t", "x"), kept}
    assert not (Path(str(store.folder)) / "batches/1/2").exists()


def test_half_written_files_go_with_their_batch(store: ArtifactStore) -> None:
    store.put(artifact_name(1, 2, "t", "proof"), b"1234")
    leaving = Path(str(store.folder)) / "batches/1/2/t/proof#1"
    leaving.write_bytes(b"half")
    store.remove(batch_prefix(1))
    assert not (Path(str(store.folder)) / "batches/1").exists()


def test_a_cache_forgets_by_age(store: ArtifactStore) -> None:
    store.put("old", b"1")
    store.put("new", b"2")
    os.utime(Path(str(store.folder)) / "old", (1, 1))
    assert store.forget(3600) == 1 and [name for name, _ in store.names()] == ["new"]


def test_a_vanished_store_is_an_outage(store: ArtifactStore) -> None:
    Path(str(store.folder)).rmdir()
    with pytest.raises(StoreUnavailable, match="gone"):
        store.put("a", b"x")


@pytest.mark.parametrize("name", ["../x", "a//b", "/etc/passwd", "", "a/../b", "a b"])
def test_names_stay_inside_the_store(store: ArtifactStore, name: str) -> None:
    with pytest.raises(ValueError, match="artifact name"):
        store.put(name, b"")


def test_the_reserve_of_the_disk_is_kept(tmp_path: Path) -> None:
    store = ArtifactStore(f"file://{tmp_path}", disk_reserve=1 << 60)
    with pytest.raises(DiskFull) as full:
        store.put("a", b"x")
    assert "RETENTION" in full.value.remedy


def test_a_disk_that_fills_up_while_writing_leaves_nothing(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root; the reserve is tested for everyone")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this host does not let tests mount a small disk; the reserve is tested for everyone")
    try:
        store = ArtifactStore(f"file://{tmp_path}")
        store.folder = None
        with pytest.raises(DiskFull, match="full"):
            store.put("a", os.urandom(3 << 20))
        assert not store.exists("a")
        store.put("b", b"small")
    finally:
        subprocess.run(["umount", str(tmp_path)], check=False)


def test_a_store_that_cannot_be_opened_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError):
        ArtifactStore(f"file://{tmp_path}/file/store")
