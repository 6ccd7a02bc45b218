"""`hallmark artifact`: damage is found and named with its maker, and nothing that the job store knows is removed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from broker.artifacts import ArtifactStore, artifact_name, on_host, open_artifacts
from broker.jobs import JobSpec, Stage, open_store
from runtime.settings import Settings
from tests.broker.test_jobs import make, must_claim
from tests.cli.store import Installation


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    url = f"sqlite:///{tmp_path}/hallmark.db"
    return Installation(tmp_path, open_store(Settings.load(state_dir=tmp_path, database_url=url, store_url="")), url)


@pytest.fixture
def artifacts(installation: Installation) -> ArtifactStore:
    return open_artifacts(Settings.load(state_dir=installation.folder, database_url="", store_url=""))


def made(installation: Installation, artifacts: ArtifactStore) -> tuple[int, str]:
    """A batch whose witness job made an artifact that the next one needs; return the job and the artifact."""
    make(installation.store)
    held = must_claim(installation.store)
    name = artifact_name(held.job.batch_id, held.job_id, held.token, "statement")
    artifacts.save(name, "statement", b"payload" * 100, protocol="1")
    installation.store.complete(held, name, [JobSpec(Stage.PROVE, inputs={"statement": name}, final=True)])
    return held.job_id, name


@pytest.mark.parametrize("damage", ["none", "corrupt", "truncated", "missing"])
def test_verify_names_what_is_damaged_and_who_made_it(
    installation: Installation, artifacts: ArtifactStore, damage: str
) -> None:
    job, name = made(installation, artifacts)
    # What one host keeps for itself is not the store's.
    held = must_claim(installation.store)
    installation.store.complete(held, on_host("gpu-7", artifact_name(1, held.job_id, held.token, "records")))
    assert artifacts.folder is not None
    path = artifacts.folder / name
    data = path.read_bytes()
    if damage == "corrupt":
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    elif damage == "truncated":
        path.write_bytes(data[:-1])
    elif damage == "missing":
        path.unlink()
    done = installation.run("artifact", "verify", 1)
    assert done.exit_code == (0 if damage == "none" else 1), done.output
    assert (f"hallmark job requeue {job}" in done.stdout) == (damage != "none")
    assert (f"artifact_{damage}" in done.stdout) == (damage != "none")


def test_gc_removes_what_the_job_store_does_not_know_and_nothing_else(
    installation: Installation, artifacts: ArtifactStore
) -> None:
    _, name = made(installation, artifacts)
    artifacts.put("batches/999/1/t/proof", b"x" * 10)
    expected = {"removed": False, "folders": ["batches/999/"], "bytes": 10}
    assert installation.json("artifact", "gc", "--dry-run") == expected
    assert installation.run("artifact", "gc").exit_code != 0
    assert artifacts.exists("batches/999/1/t/proof")
    assert installation.json("artifact", "gc", "--yes")["folders"] == ["batches/999/"]
    assert [each for each, _ in artifacts.names()] == [name]


def test_gc_spares_what_a_job_of_another_batch_names(installation: Installation, artifacts: ArtifactStore) -> None:
    foreign = "batches/777/5/t/checkpoint"
    artifacts.put(foreign, b"x")
    make(installation.store, 1, JobSpec(Stage.WITNESS, inputs={"checkpoint": foreign}, final=True))
    assert installation.json("artifact", "gc", "--yes")["folders"] == []
    assert artifacts.exists(foreign)


def test_gc_takes_inputs_that_no_batch_claimed_for_an_hour(
    installation: Installation, artifacts: ArtifactStore
) -> None:
    make(installation.store)
    claimed, fresh, old = (f"gateway/4242/{number}/advice-00" for number in (1, 8, 9))
    assert artifacts.folder is not None
    for name in (claimed, fresh, old):
        artifacts.put(name, b"x")
        if name != fresh:
            os.utime(artifacts.folder / name, (1, 1))
    assert installation.json("artifact", "gc", "--yes")["folders"] == ["gateway/4242/9/"]
    assert artifacts.exists(claimed) and artifacts.exists(fresh) and not artifacts.exists(old)


def test_an_odd_name_or_an_unknown_kind_is_one_error(installation: Installation, artifacts: ArtifactStore) -> None:
    artifacts.put("batches/1/1/t/odd", b"nothing known")
    for name in ("../hallmark.db", "batches/1/1/t/odd", "batches/1/1/t/none"):
        assert getattr(installation.run("artifact", "inspect", name).exception, "code", "") in (
            "invalid_input",
            "artifact_missing",
        )
