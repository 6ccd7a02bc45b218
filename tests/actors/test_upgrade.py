"""The upgrade drill: two protocol versions with keys of their own on one job store, matched in the claim.

Workers are threads with stand-in stages, since the point is who gets which job; proofs are the workers' names.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.attempt import Result, Work, run_one
from actors.context import WorkerContext
from broker.artifacts import ArtifactStore, open_artifacts
from broker.jobs import BatchState, JobSpec, JobState, JobStore, Stage, Worker, open_store, status, stuck
from broker.jobs.versions import VersionInUse, VersionOfOtherKeys, VersionUnknown
from broker.queues import EmbeddedBroker
from broker.relay import Relay
from runtime.settings import load_settings
from tests.servers import postgresql, shared_postgresql

__all__ = ["postgresql"]

OLD, NEW = ("1", "proven100:" + "aa" * 32), ("2", "proven100:" + "bb" * 32)
PROOFS_OF_A_BATCH = 3


class Fleet:
    """Worker contexts on one job store, each with a version and keys."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.store: JobStore = self.context("observer", OLD).store

    def context(self, name: str, release: tuple[str, str]) -> WorkerContext:
        version, keys = release
        settings = load_settings(
            state_dir=self.folder,
            database_url=self.url,
            store_url=f"file://{self.folder}/artifacts",
            protocol_version=version,
            lease_seconds=0.5,
            disk_reserve=0,
        )
        store = open_store(settings, migrate=True)
        store.check_version(version, keys)
        relay = Relay(store, EmbeddedBroker(lambda queue: False, lambda: 0))
        local = ArtifactStore(f"file://{self.folder}/local")
        made = WorkerContext(settings, store, open_artifacts(settings), local, relay, Worker(name))
        made.keys = keys
        return made

    def offer(self, number: int, release: tuple[str, str]) -> None:
        version, keys = release
        jobs = [JobSpec(Stage.WITNESS)]
        self.store.create_batch(number, protocol_version=version, key_identity=keys, jobs=jobs)

    def states(self) -> set[BatchState]:
        return {batch.state for batch in status.batches(self.store)}


def body(work: Work) -> Result:
    """Stand in for every stage: a batch is its witness and a chain of proofs."""
    proofs = [
        JobSpec(Stage.PROVE, key=str(at), index=at, depends_on=[str(at - 1)] if at else [])
        for at in range(PROOFS_OF_A_BATCH)
    ]
    last = JobSpec(Stage.PROVE, round=4, depends_on=[str(PROOFS_OF_A_BATCH - 1)], final=True)
    children = [*proofs, last] if work.claim.job.stage is Stage.WITNESS else []
    return Result("stand_in", work.context.worker.name.encode(), children=children)


def work_until_over(context: WorkerContext, batches: set[int], over: threading.Event) -> None:
    """Work until every batch of a set is proven."""
    while not over.is_set():
        if not any(run_one(context, stage, body) for stage in (Stage.WITNESS, Stage.PROVE)):
            states = [batch.state for batch in status.batches(context.store) if batch.number in batches]
            if all(state is BatchState.PROVEN for state in states):
                return
            over.wait(0.02)


def run_all(workers: list[tuple[WorkerContext, set[int]]]) -> None:
    over = threading.Event()
    threads = [threading.Thread(target=work_until_over, args=(*each, over)) for each in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    over.set()
    assert not any(thread.is_alive() for thread in threads)


@pytest.fixture(params=["sqlite", "postgresql"])
def fleet(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Fleet]:
    url = f"sqlite:///{tmp_path}/jobs.db" if request.param == "sqlite" else shared_postgresql().create_database()
    yield (made := Fleet(tmp_path, url))
    made.store.database.close()


def assert_matched(fleet: Fleet) -> dict[str, int]:
    """Check that every attempt was of a worker with the job's version and keys; return successful ones by worker."""
    done: dict[str, int] = {}
    for job in status.jobs(fleet.store):
        for attempt in status.attempts(fleet.store, job_id=job.id):
            assert attempt.worker.startswith("old" if (job.protocol_version, job.key_identity) == OLD else "new")
            done[attempt.worker] = done.get(attempt.worker, 0) + (attempt.outcome == "successful")
    return done


def test_the_upgrade_drill(fleet: Fleet) -> None:
    for number in (1, 2):
        fleet.offer(number, OLD)
    fleet.store.insert_version(*OLD)
    old = fleet.context("old", OLD)
    assert run_one(old, Stage.WITNESS, body)
    with pytest.raises(VersionUnknown, match=r"version 2 is none of chain 4242's: 1\."):
        fleet.context("new", NEW)
    fleet.store.insert_version(*NEW)
    for number in (3, 4):
        fleet.offer(number, NEW)
    run_all([(old, {1, 2}), (fleet.context("new", NEW), {3, 4})])
    done = assert_matched(fleet)
    assert done == {"old": 2 * (PROOFS_OF_A_BATCH + 2), "new": 2 * (PROOFS_OF_A_BATCH + 2)}


def test_an_upgrade_that_stops_half_way_keeps_nobody_from_working(fleet: Fleet) -> None:
    """The new version is known and its first batch begun when its only worker dies; then the upgrade goes on."""
    fleet.store.insert_version(*OLD)
    fleet.store.insert_version(*NEW)
    fleet.offer(1, NEW)
    fleet.offer(2, OLD)
    died = fleet.store.claim([Stage.WITNESS], Worker("new.died"), protocol_versions=["2"], key_identity=NEW[1])
    assert died is not None
    run_all([(fleet.context("old", OLD), {2})])
    assert fleet.states() == {BatchState.PROVEN, BatchState.IN_PROGRESS}
    assert not fleet.store.insert_version(*NEW)
    threading.Event().wait(0.6)
    fleet.store.sweep()
    run_all([(fleet.context("new", NEW), {1})])
    assert fleet.states() == {BatchState.PROVEN}
    assert assert_matched(fleet)["new.died"] == 0


def test_a_worker_of_other_keys_gets_no_job_and_is_named(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("broker.jobs.workers.REFUSED_SECONDS", 0)
    other = ("1", NEW[1])
    wrong, right = fleet.context("wrong", other), fleet.context("old", OLD)
    fleet.offer(1, OLD)
    assert not run_one(wrong, Stage.WITNESS, body)
    refused = fleet.store.refuse([Stage.WITNESS], wrong.worker, protocol_versions=["1"], key_identity=NEW[1])
    assert refused is not None and refused.state is JobState.QUEUED and refused.attempts == 0
    [trouble] = [each for each in stuck.troubles(fleet.store) if each.kind == "other_keys"]
    assert OLD[1] in trouble.text and f"wrong holds the keys {NEW[1]}" in trouble.text
    run_all([(right, {1})])
    assert fleet.states() == {BatchState.PROVEN}
    assert not [each for each in stuck.troubles(fleet.store) if each.kind == "other_keys"]


def test_the_keys_of_a_version_are_told_once_and_held_against_workers(fleet: Fleet) -> None:
    fleet.offer(1, OLD)
    fleet.store.insert_version(*OLD)
    with pytest.raises(VersionOfOtherKeys) as raised:
        fleet.context("wrong", ("1", NEW[1]))
    assert OLD[1] in raised.value.message and NEW[1] in raised.value.message
    with pytest.raises(VersionInUse, match="for other keys: 1"):
        fleet.store.insert_version("1", NEW[1])
    fleet.store.cancel_batch(status.batch(fleet.store, 1).id)
    assert fleet.store.insert_version("1", NEW[1])
    fleet.context("right", ("1", NEW[1])).store.database.close()
