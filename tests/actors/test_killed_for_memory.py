"""Workers that the kernel ends for memory: their attempts say so, whoever comes first, the successor or the sweep."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from actors.left_behind import HeldFile
from broker.jobs import Claim, JobSpec, JobState, JobStore, Outcome, Stage, Worker, open_store, status
from runtime.errors import KilledForMemory
from runtime.settings import Settings
from tests.actors.cluster import Cluster
from tests.memory_group import memory_group

MIB = 1 << 20
WORKER = Worker("here/prove.1/77", "here")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.of(state_dir=tmp_path, max_attempts=2, lease_seconds=0.5, retry_seconds=0)


@pytest.fixture
def store(settings: Settings) -> JobStore:
    return open_store(settings, migrate=True)


def claimed(store: JobStore) -> Claim:
    claim = store.claim([Stage.PROVE], WORKER, protocol_versions=["1"])
    assert claim is not None
    return claim


def expire(store: JobStore, claim: Claim) -> None:
    """Let the sweep find the claim's lease run out."""
    store.database.transact(
        lambda session: session.run("UPDATE jobs SET lease_expires_at = 1 WHERE id = :id", id=claim.job_id)
    )
    assert len(store.sweep().lost) == 1


def left_by(settings: Settings, claim: Claim, *, kills: int) -> None:
    """Leave the file of a process that is gone, which last saw ``kills`` fewer kills than there are now."""
    held = HeldFile(settings.state_dir, WORKER)
    counts = held._said.kills
    held._said = replace(
        held._said,
        began=1,
        kills=replace(counts, in_group=counts.in_group - kills, on_machine=counts.on_machine - kills),
    )
    held.hold({claim.job_id: claim})


@pytest.mark.parametrize("swept_first", [False, True], ids=["before the sweep", "after the sweep"])
def test_each_kill_counts_once_and_is_named(settings: Settings, store: JobStore, swept_first: bool) -> None:
    batch = store.create_batch(1, protocol_version="1", jobs=[JobSpec(Stage.PROVE)])[0]
    for attempt in (1, 2):
        claim = claimed(store)
        left_by(settings, claim, kills=1)
        if swept_first:
            expire(store, claim)
            assert status.job(store, claim.job_id).error_code == "lease_expired"
        assert HeldFile(settings.state_dir, replace(WORKER, name="here/prove.1/78")).look(store) == 1
        assert HeldFile(settings.state_dir, WORKER).look(store) == 0
        job = status.job(store, claim.job_id)
        assert (job.failures, job.error_code) == (attempt, "killed_for_memory")
        assert WORKER.name in job.error and KilledForMemory.default_remedy in job.error
        store.end_delays()
    assert job.state is JobState.DEAD
    assert "memory ran out" in status.batch_of(store, batch.id).error
    ended = [(each.outcome, each.error_code) for each in status.attempts(store)]
    assert ended == [(Outcome.KILLED, "killed_for_memory")] * 2
    assert status.numbers(store).attempts == {("prove", "killed"): 2}


def test_a_worker_that_died_otherwise_is_left_to_the_sweep(settings: Settings, store: JobStore) -> None:
    store.create_batch(1, protocol_version="1", jobs=[JobSpec(Stage.PROVE)])
    claim = claimed(store)
    left_by(settings, claim, kills=0)
    assert HeldFile(settings.state_dir, replace(WORKER, name="here/prove.1/78")).look(store) == 0
    assert status.job(store, claim.job_id).state is JobState.IN_PROGRESS
    assert list((settings.state_dir / "run").glob("*.held")) == []


def test_what_another_said_since_stays(settings: Settings, store: JobStore) -> None:
    store.create_batch(1, protocol_version="1", jobs=[JobSpec(Stage.PROVE)])
    claim = claimed(store)
    left_by(settings, claim, kills=1)
    expire(store, claim)
    store.complete(claimed(store), "a/proof")
    assert HeldFile(settings.state_dir, replace(WORKER, name="here/prove.1/78")).look(store) == 1
    assert (status.job(store, claim.job_id).state, status.job(store, claim.job_id).error) == (JobState.SUCCESSFUL, "")
    assert [each.outcome for each in status.attempts(store)] == [Outcome.KILLED, Outcome.SUCCESSFUL]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"held": [[1]]}'])
def test_a_broken_file_stops_nobody(settings: Settings, store: JobStore, text: str) -> None:
    held = HeldFile(settings.state_dir, WORKER)
    (settings.state_dir / "run" / "other.held").write_text(text)
    assert held.look(store) == 0


def test_a_worker_that_the_kernel_ends_is_named_by_the_next_one(embedded: Cluster) -> None:
    protocol = embedded.settings.protocol_version
    payload = json.dumps({"segments": 1, "index": 0, "hoard": 1024 * MIB}).encode()
    requests = {"requests": embedded.artifacts.save("gateway/1/requests", "requests", payload, protocol=protocol)}
    job = JobSpec(Stage.PROVE, circuit_type="arith256", inputs=requests)
    embedded.store.create_batch(1, protocol_version=protocol, jobs=[job])
    with memory_group(160 * MIB) as group:
        into = ("sh", "-c", f'echo $$ > {group}/cgroup.procs; exec "$@"', "sh")
        assert embedded.start("actors.run", "--stage", "prove", within=into).wait(30) == -9
    embedded.start("actors.run", "--stage", "vectors")
    embedded.until(lambda: status.attempts(embedded.store)[0].outcome != "", 20)
    [killed] = status.attempts(embedded.store)
    assert (killed.outcome, killed.error_code) == (Outcome.KILLED, "killed_for_memory")
