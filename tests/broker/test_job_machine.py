"""The job store as a state machine: any order of work, faults and operators' actions agrees with a model."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from broker.jobs import BatchState, Claim, JobDatabase, JobSpec, JobState, JobStore, Stage, Worker, schema, status
from runtime.errors import BatchFinished, InvalidInput, JobCancelled, LeaseLost
from tests.broker.job_model import MAX_FAILURES, ModelBatch, ModelJob
from tests.broker.test_clock_steps import step_back
from tests.servers import shared_postgresql

TABLES = ("ticks", "attempts", "dependencies", "jobs", "batches", "tallies")
PICK = st.integers(0, 10_000)


class JobMachine(RuleBasedStateMachine):
    """Workers, an unreliable world, a housekeeper and an operator; ``PICK`` chooses among what is there."""

    database: JobDatabase

    def __init__(self) -> None:
        super().__init__()
        self.number = 0
        self.model: dict[int, ModelBatch] = {}
        self.claims: list[Claim] = []
        self.counted: dict[tuple[str, str], int] = {}
        self.latencies = 0
        for table in TABLES:
            self.database.transact(lambda session, table=table: session.run(f"DELETE FROM {table}"))
        self.restart()

    # Work

    @initialize(jobs=st.sampled_from([0, 3, 6, 12]))
    def begin(self, jobs: int) -> None:
        """Start anywhere in the life of two batches."""
        self.offer(0)
        self.offer(0)
        self.work(jobs)

    @precondition(lambda self: len(self.model) < 3)
    @rule(priority=st.integers(0, 2))
    def offer(self, priority: int) -> None:
        self.number += 1
        jobs = [JobSpec(Stage.WITNESS)]
        batch, _ = self.store.create_batch(self.number, protocol_version="1", jobs=jobs, priority=priority)
        (witness,) = status.jobs(self.store, batch_id=batch.id)
        self.model[batch.id] = ModelBatch(jobs={witness.id: ModelJob(Stage.WITNESS, 0)})

    @rule()
    def claim(self) -> None:
        held = self.store.claim(list(Stage), Worker("w"), protocol_versions=["1"])
        claimable = {job_id for batch in self.model.values() for job_id in batch.claimable()}
        if held is None:
            assert not claimable
            return
        assert held.job_id in claimable and held.token not in {claim.token for claim in self.claims}
        self._job(held).token = held.token
        # Of those that were lost, the last stays: its worker has not heard of it yet.
        self.claims = [*[claim for claim in self.claims[:-1] if self._good(claim)], *self.claims[-1:], held]

    @rule(jobs=st.integers(1, 8))
    def work(self, jobs: int) -> None:
        """Claim and complete as a worker that nothing happens to, so that histories reach the end of a batch."""
        for _ in range(jobs):
            before = len(self.claims)
            self.claim()
            if len(self.claims) > before:
                self._complete(self.claims[-1], 2)

    @precondition(lambda self: self.claims)
    @rule(pick=PICK, segments=st.sampled_from([2, 2, 2, 1, 3]))
    def complete(self, pick: int, segments: int) -> None:
        self._complete(self._held(pick), segments)

    def _complete(self, held: Claim, segments: int) -> None:
        specs = _segments(segments) if held.job.stage is Stage.WITNESS else []
        good = self._good(held)
        try:
            made = self.store.complete(held, "result", specs)
        except (LeaseLost, JobCancelled):
            assert not good
            return
        assert good
        batch = self.model[held.job.batch_id]
        batch.complete(held.job_id)
        batch.make(held.job_id, specs, made)

    @precondition(lambda self: self.claims)
    @rule(pick=PICK, never=st.booleans())
    def fail(self, pick: int, never: bool) -> None:
        held = self._held(pick)
        good = self._good(held)
        try:
            self.store.fail(held, InvalidInput("no") if never else OSError("disk"))
        except (LeaseLost, JobCancelled):
            assert not good
            return
        assert good
        self.model[held.job.batch_id].lose(held.job_id, never=never)

    # Few rules, so that most steps of a history are work and a batch comes far enough to be disturbed.

    @rule(pick=PICK, what=st.sampled_from(["renew", "release", "worker_dies"]))
    @precondition(lambda self: self.claims)
    def disturb_a_worker(self, what: str, pick: int) -> None:
        {"renew": self._renew, "release": self._release, "worker_dies": self._worker_dies}[what](pick)

    @rule(pick=PICK, what=st.sampled_from(["clock", "messages", "restart", "recount"]))
    def disturb_the_world(self, what: str, pick: int) -> None:
        {
            "clock": self._clock_steps_back,
            "messages": self._announce_and_lose_the_messages,
            "restart": self.restart,
            "recount": self._recount_finds_nothing,
        }[what](pick)

    @rule(pick=PICK, whose=PICK)
    @precondition(lambda self: self.model)
    def requeue(self, pick: int, whose: int) -> None:
        self._requeue(pick, whose)

    @rule(
        pick=PICK, whose=PICK, what=st.sampled_from(["requeue dead", "cancel", "judge", "judge", "collect", "archive"])
    )
    @precondition(lambda self: self.model)
    def decide(self, what: str, pick: int, whose: int) -> None:
        {
            "requeue dead": self._requeue_the_dead,
            "cancel": self._cancel,
            "judge": self._core_judges,
            "collect": self._collect,
            "archive": self._archive,
        }[what](pick, whose)

    def _renew(self, pick: int) -> None:
        held = self._held(pick)
        try:
            self.store.renew(held)
        except (LeaseLost, JobCancelled):
            assert not self._good(held)
        else:
            assert self._good(held)

    def _release(self, pick: int) -> None:
        held = self._held(pick)
        assert self.store.release(held) == self._good(held)
        if self._good(held):
            self._job(held).token = ""

    # The world

    def _worker_dies(self, pick: int) -> None:
        held = self._held(pick)
        self.database.transact(
            lambda session: session.run("UPDATE jobs SET lease_expires_at = 1 WHERE lease_token = :t", t=held.token)
        )
        lost = [entry.job_id for entry in self.store.sweep().lost]
        assert lost == ([held.job_id] if self._good(held) else [])
        if lost:
            self.model[held.job.batch_id].lose(held.job_id)

    def _clock_steps_back(self, pick: int) -> None:
        step_back(self.store, (30.0, 600.0, 86400.0)[pick % 3])
        assert self.store.sweep().lost == ()

    def _announce_and_lose_the_messages(self, pick: int) -> None:
        self.store.mark_announced([row.job_id for row in self.store.unannounced()])
        self.store.sweep(announce_after=-2)

    def restart(self, pick: int = 0) -> None:
        self.database.close()
        self.store = JobStore(self.database, lease_seconds=60, max_attempts=MAX_FAILURES, retry_seconds=0)

    def _recount_finds_nothing(self, pick: int) -> None:
        assert self.store.recount() == 0

    # Core and the operator

    def _requeue(self, pick: int, whose: int) -> None:
        _, batch = self._batch(whose)
        job_id = sorted(batch.jobs)[pick % len(batch.jobs)]
        try:
            job = self.store.requeue(job_id)
        except BatchFinished:
            assert not batch.requeue(job_id)
            return
        assert batch.requeue(job_id)
        assert job.state == batch.state_of(job_id)

    def _requeue_the_dead(self, pick: int, whose: int) -> None:
        batch_id, batch = self._batch(whose)
        for job in status.jobs(self.store, batch_id=batch_id, state=JobState.DEAD):
            self.store.requeue(job.id)
            batch.requeue(job.id)
        assert batch.state is not BatchState.DEAD

    def _cancel(self, pick: int, whose: int) -> None:
        batch_id, batch = self._batch(whose)
        try:
            self.store.cancel_batch(batch_id)
        except BatchFinished:
            assert not batch.cancel()
        else:
            assert batch.cancel()

    def _core_judges(self, pick: int, whose: int) -> None:
        state = (BatchState.ACCEPTED, BatchState.REFUSED)[pick % 2]
        batch_id, batch = self._batch(whose)
        proven = batch.state is BatchState.PROVEN
        assert self.store.mark_batch(batch_id, state) == proven
        if proven:
            batch.state = state

    def _collect(self, pick: int, whose: int) -> None:
        batch_id, batch = self._batch(whose)
        over = batch.state in (BatchState.ACCEPTED, BatchState.REFUSED, BatchState.CANCELLED)
        assert self.store.mark_collected(batch_id) == over
        batch.collected = batch.collected or over

    def _archive(self, pick: int, whose: int) -> None:
        batch_id, batch = self._batch(whose)
        over = batch.state in (BatchState.ACCEPTED, BatchState.REFUSED, BatchState.CANCELLED)
        assert self.store.remove_batch(batch_id) == over
        if over:
            del self.model[batch_id]
            self.claims = [held for held in self.claims if held.job.batch_id != batch_id]

    # What always holds

    @invariant()
    def the_store_is_as_the_model_says(self) -> None:
        rows = self.database.read("SELECT id, batch_id, state FROM jobs")
        queued = {JobState.FAILED: JobState.QUEUED}
        found = {row["id"]: queued.get(JobState(row["state"]), JobState(row["state"])) for row in rows}
        assert found == {key: batch.state_of(key) for batch in self.model.values() for key in batch.jobs}
        states = {row["id"]: row["state"] for row in self.database.read("SELECT id, state FROM batches")}
        assert states == {key: str(batch.state) for key, batch in self.model.items()}

    @invariant()
    def barriers_count_what_is_missing(self) -> None:
        wrong = self.database.read(
            "SELECT id FROM jobs WHERE state NOT IN ('successful', 'cancelled') AND waiting_on <>"
            " (SELECT count(*) FROM dependencies d JOIN jobs p ON p.id = d.depends_on"
            "  WHERE d.job_id = jobs.id AND p.state <> 'successful')"
        )
        assert wrong == []

    @invariant()
    def a_batch_in_progress_has_work(self) -> None:
        idle = self.database.read(
            "SELECT id FROM batches WHERE state = 'in_progress' AND NOT EXISTS (SELECT 1 FROM jobs"
            " WHERE batch_id = batches.id AND state IN ('queued', 'failed', 'in_progress'))"
        )
        assert idle == []

    @invariant()
    def counters_never_fall(self) -> None:
        numbers = status.numbers(self.store)
        assert set(self.counted) <= set(numbers.attempts) and "running" not in {key[1] for key in numbers.attempts}
        assert all(numbers.attempts[key] >= count for key, count in self.counted.items())
        assert numbers.latency_count >= self.latencies
        self.counted, self.latencies = numbers.attempts, numbers.latency_count

    def teardown(self) -> None:
        """Whatever happened, the remaining work can be finished, and every batch ends in a proof or in a decision."""
        for batch_id, batch in self.model.items():
            if batch.state is BatchState.CANCELLED and not batch.collected:
                self.store.requeue(next(iter(batch.jobs)))
            for job in status.jobs(self.store, batch_id=batch_id, state=JobState.DEAD):
                self.store.requeue(job.id)
        for job in status.jobs(self.store, state=JobState.IN_PROGRESS):
            self.store.requeue(job.id)
        while (held := self.store.claim(list(Stage), Worker("last"), protocol_versions=["1"])) is not None:
            self.store.complete(held, "result", _segments(2) if held.job.stage is Stage.WITNESS else [])
        left = {batch.state for batch in status.batches(self.store)}
        assert not left & {BatchState.IN_PROGRESS, BatchState.DEAD}

    def _batch(self, pick: int) -> tuple[int, ModelBatch]:
        batch_id = sorted(self.model)[pick % len(self.model)]
        return batch_id, self.model[batch_id]

    def _held(self, pick: int) -> Claim:
        return self.claims[pick % len(self.claims)]

    def _job(self, held: Claim) -> ModelJob:
        return self.model[held.job.batch_id].jobs[held.job_id]

    def _good(self, held: Claim) -> bool:
        job = self.model[held.job.batch_id].jobs.get(held.job_id)
        return job is not None and job.token == held.token


def _segments(count: int) -> list[JobSpec]:
    specs = []
    for index in range(count):
        specs.append(JobSpec(Stage.VECTORS, key=f"v{index}", index=index))
        specs.append(JobSpec(Stage.PROVE, key=f"p{index}", index=index, depends_on=[f"v{index}"]))
    proofs = [f"p{index}" for index in range(count)]
    return [*specs, JobSpec(Stage.PROVE, key="last", round=4, depends_on=proofs, final=True)]


@pytest.mark.parametrize(
    ("kind", "histories"),
    [("sqlite", 60), ("postgresql", 10), pytest.param("sqlite", 300, marks=pytest.mark.long),
     pytest.param("postgresql", 30, marks=pytest.mark.long)],
)  # fmt: skip
def test_any_history_agrees_with_the_model(kind: str, histories: int) -> None:
    folder = tempfile.mkdtemp(prefix="hallmark-machine-")
    url = f"sqlite:///{Path(folder)}/jobs.db" if kind == "sqlite" else shared_postgresql().create_database()
    opened = JobDatabase(url)
    schema.migrate(opened)

    class Machine(JobMachine):
        database: Any = opened

    try:
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=histories,
                stateful_step_count=30,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        opened.close()
        shutil.rmtree(folder, ignore_errors=True)
