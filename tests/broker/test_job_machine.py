"""The job store as a state machine: any order of claims, losses, duplicates and sweeps keeps its invariants."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from broker.jobs import BatchState, Claim, JobDatabase, JobSpec, JobState, JobStore, Stage, Worker, schema, status
from runtime.errors import HallmarkError, JobCancelled, LeaseLost
from tests.servers import shared_postgresql

TABLES = ("ticks", "attempts", "dependencies", "jobs", "batches")


class JobMachine(RuleBasedStateMachine):
    """Workers, an unreliable world, and a housekeeper; the model remembers which claims are still good."""

    store: JobStore
    claims: Bundle[Claim] = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.number = 0
        self.good: set[str] = set()
        self.completed: dict[int, int] = {}
        for table in TABLES:
            self.store.database.transact(lambda session, table=table: session.run(f"DELETE FROM {table}"))

    @rule(priority=st.integers(0, 2))
    def offer(self, priority: int) -> None:
        self.number += 1
        jobs = [JobSpec(Stage.WITNESS)]
        self.store.create_batch(self.number, protocol_version="1", jobs=jobs, priority=priority)

    @rule(target=claims, worker=st.integers(0, 3))
    def claim(self, worker: int) -> Any:
        held = self.store.claim(list(Stage), Worker(f"w{worker}"), protocol_versions=["1"])
        if held is None:
            return multiple()
        assert held.token not in self.good
        self.good.add(held.token)
        return held

    @rule(held=claims, segments=st.integers(1, 4))
    def complete(self, held: Claim, segments: int) -> None:
        children = _segments(segments) if held.job.stage is Stage.WITNESS and held.job.id not in self.completed else []
        if self._attempt(held, lambda: self.store.complete(held, "result", children)):
            self.completed[held.job_id] = self.completed.get(held.job_id, 0) + 1

    @rule(held=consumes(claims))
    def fail(self, held: Claim) -> None:
        self._attempt(held, lambda: self.store.fail(held, OSError("disk")))

    @rule(held=claims)
    def renew(self, held: Claim) -> None:
        if held.token in self.good:
            self.store.renew(held)

    @rule(held=consumes(claims))
    def release(self, held: Claim) -> None:
        assert self.store.release(held) == (held.token in self.good)
        self.good.discard(held.token)

    @rule(held=claims)
    def worker_dies(self, held: Claim) -> None:
        self.store.database.transact(
            lambda session: session.run("UPDATE jobs SET lease_expires_at = 1 WHERE lease_token = :t", t=held.token)
        )
        lost = self.store.sweep().lost
        assert (held.job_id in [entry.job_id for entry in lost]) == (held.token in self.good)
        self.good.discard(held.token)

    @rule()
    def announce_and_lose_the_messages(self) -> None:
        self.store.mark_announced([row.job_id for row in self.store.unannounced()])
        self.store.sweep(announce_after=-1)

    @rule(held=claims)
    def requeue(self, held: Claim) -> None:
        job = status.job(self.store, held.job_id)
        if job.state in (JobState.DEAD, JobState.IN_PROGRESS):
            self.store.requeue(held.job_id)
            self.good -= {token for token in self.good if token == held.token or self._held_by(token) == held.job_id}

    @invariant()
    def barriers_count_what_is_missing(self) -> None:
        wrong = self.store.database.read(
            "SELECT id FROM jobs WHERE waiting_on <> (SELECT count(*) FROM dependencies d"
            " WHERE d.job_id = jobs.id AND d.released_at IS NULL)"
        )
        assert wrong == []

    @invariant()
    def nothing_runs_before_its_dependencies(self) -> None:
        early = self.store.database.read(
            "SELECT j.id FROM jobs j JOIN dependencies d ON d.job_id = j.id JOIN jobs p ON p.id = d.depends_on"
            " WHERE j.state <> 'waiting' AND p.state <> 'successful'"
        )
        assert early == []

    @invariant()
    def held_jobs_are_those_with_a_good_claim(self) -> None:
        rows = self.store.database.read("SELECT lease_token FROM jobs WHERE state = 'in_progress'")
        assert {row["lease_token"] for row in rows} == self.good

    @invariant()
    def every_job_completes_at_most_once(self) -> None:
        rows = self.store.database.read(
            "SELECT job_id FROM attempts WHERE outcome = 'successful' GROUP BY job_id HAVING count(*) > 1"
        )
        assert rows == []

    def teardown(self) -> None:
        """Whatever happened, the remaining work can be finished, and every batch ends in a proof."""
        for job in status.jobs(self.store, state=JobState.DEAD) + status.jobs(self.store, state=JobState.IN_PROGRESS):
            self.store.requeue(job.id)
        while (held := self.store.claim(list(Stage), Worker("last"), protocol_versions=["1"])) is not None:
            self.store.complete(held, "result", _segments(2) if held.job.stage is Stage.WITNESS else [])
        assert all(batch.state is BatchState.PROVEN for batch in status.batches(self.store))

    def _held_by(self, token: str) -> int:
        rows = self.store.database.read("SELECT job_id FROM attempts WHERE token = :token", token=token)
        return int(rows[0]["job_id"])

    def _attempt(self, held: Claim, act: Any) -> bool:
        good = held.token in self.good
        try:
            act()
        except (LeaseLost, JobCancelled) as error:
            assert not good and isinstance(error, HallmarkError)
            return False
        assert good
        self.good.discard(held.token)
        return True


def _segments(count: int) -> list[JobSpec]:
    specs = []
    for index in range(count):
        specs.append(JobSpec(Stage.VECTORS, key=f"v{index}", index=index))
        specs.append(JobSpec(Stage.PROVE, key=f"p{index}", index=index, depends_on=[f"v{index}"]))
    return [*specs, JobSpec(Stage.BUNDLE, round=1, depends_on=[f"p{index}" for index in range(count)], final=True)]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_any_history_keeps_the_invariants(kind: str) -> None:
    folder = tempfile.mkdtemp(prefix="hallmark-machine-")
    url = f"sqlite:///{Path(folder)}/jobs.db" if kind == "sqlite" else shared_postgresql().create_database()
    database = JobDatabase(url)
    schema.migrate(database)

    class Machine(JobMachine):
        store = JobStore(database, lease_seconds=60, max_attempts=3, retry_seconds=0)

    try:
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=40 if kind == "sqlite" else 15,
                stateful_step_count=40,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        database.close()
        shutil.rmtree(folder, ignore_errors=True)
