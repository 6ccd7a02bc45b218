"""What an operator sees of the whole database, and what he does to a whole batch, on both databases."""

from __future__ import annotations

import pytest

from broker.jobs import BatchState, JobSpec, JobState, JobStore, Stage, Worker, overview, status, stuck
from runtime.errors import ArtifactCorrupt, BatchFinished, DiskFull, LeaseLost
from tests.broker.test_jobs import LAST, expire, make, must_claim, segments
from tests.broker.test_requeue import finish, only, states

GPU = Worker("far/prove/7", "far", "cuda", "west")


def kinds(store: JobStore) -> list[str]:
    return [trouble.kind for trouble in stuck.troubles(store)]


def let_pass(store: JobStore, seconds: float) -> None:
    """Move every moment of the jobs, batches and ticks into the past."""
    moments = {
        "jobs": ("queued_at", "started_at", "finished_at", "lease_expires_at", "renewed_at", "available_at"),
        "attempts": ("started_at", "ended_at"),
        "batches": ("created_at", "finished_at", "proven_at"),
        "ticks": ("made_at",),
    }
    for table, columns in moments.items():
        changes = ", ".join(f"{column} = {column} - {seconds}" for column in columns)
        store.database.transact(lambda session, text=f"UPDATE {table} SET {changes}": session.run(text))


def test_a_timeline_counts_jobs_of_every_place(store: JobStore) -> None:
    batch_id = make(store)
    store.complete(must_claim(store), "s", segments(3))
    store.complete(must_claim(store, Stage.VECTORS), "v")
    store.fail(must_claim(store, Stage.VECTORS), DiskFull("full"))
    lines = overview.timeline(store, batch_id)
    assert [(line.round, line.stage, line.jobs) for line in lines] == [
        (0, Stage.WITNESS, 1),
        (0, Stage.VECTORS, 3),
        (0, Stage.PROVE, 3),
        (LAST, Stage.PROVE, 1),
    ]
    assert lines[1].states == {"queued": 1, "successful": 1, "failed": 1} and lines[1].failures == 1
    assert lines[0].finished_at is not None and not lines[0].open and lines[1].open
    assert [job.index for job in overview.jobs_of(store, batch_id, lines[2], first=1, limit=5)] == [1, 2]


def test_queues_tell_versions_devices_and_later_rounds_apart(store: JobStore) -> None:
    specs = [JobSpec(Stage.WITNESS, round=1), JobSpec(Stage.WITNESS), JobSpec(Stage.PROVE, device="cuda")]
    make(store, 1, *specs)
    let_pass(store, 100)
    store.create_batch(2, protocol_version="2", jobs=[JobSpec(Stage.WITNESS)])
    found = {(each.stage, each.recursive, each.protocol_version, each.device): each for each in overview.queues(store)}
    assert {key: each.queued for key, each in found.items()} == {
        (Stage.WITNESS, True, "1", ""): 1,
        (Stage.WITNESS, False, "1", ""): 1,
        (Stage.WITNESS, False, "2", ""): 1,
        (Stage.PROVE, False, "1", "cuda"): 1,
    }
    assert 99 < found[Stage.PROVE, False, "1", "cuda"].oldest_seconds < 130
    assert found[Stage.WITNESS, False, "2", ""].oldest_seconds < 30


def test_workers_are_those_that_hold_a_job_or_ended_one_lately(store: JobStore) -> None:
    make(store, 1, JobSpec(Stage.WITNESS), JobSpec(Stage.WITNESS, index=1))
    held = must_claim(store, worker=GPU)
    store.renew(held, progress=0.25, note="commit")
    store.complete(must_claim(store), "done")
    busy, idle = overview.workers(store)
    assert (busy.name, busy.device, busy.zone, busy.held[0].progress_note) == ("far/prove/7", "cuda", "west", "commit")
    assert (idle.held, idle.ended, idle.successful) == ((), 1, 1)
    let_pass(store, 7200)
    assert [worker.name for worker in overview.workers(store)] == ["far/prove/7"]


def test_durations_are_nearest_ranks_by_stage_and_day(store: JobStore) -> None:
    make(store, 1, *(JobSpec(Stage.PROVE, index=index, circuit_type="a") for index in range(20)))
    for _ in range(20):
        store.complete(must_claim(store), "x")
    store.database.transact(
        lambda session: session.run(
            "UPDATE attempts SET ended_at = 86400.0 * 20000 + 500, queue_wait = job_id,"
            " started_at = 86400.0 * 20000 + 500 - 2 * job_id"
        )
    )
    [first] = overview._of_day(store, 86400.0 * 20000)
    base = min(job.id for job in status.jobs(store)) - 1
    assert (first.attempts, first.p50, first.p95) == (20, 2 * (base + 10), 2 * (base + 19))
    assert (first.wait_p50, first.wait_p95, first.longest) == (base + 10, base + 19, 2 * (base + 20))
    assert overview._of_day(store, 86400.0 * 20001) == []
    assert overview.durations(store, days=2) == []


def test_attempts_that_failed_are_counted_beside_no_durations(store: JobStore) -> None:
    make(store)
    store.fail(must_claim(store), ArtifactCorrupt("x"))
    [found] = overview.durations(store, days=1)
    assert (found.attempts, found.others) == (0, {"failed": 1})


def test_nothing_is_stuck_in_a_fresh_store_or_a_running_batch(store: JobStore) -> None:
    assert kinds(store) == []
    make(store)
    held = must_claim(store)
    assert kinds(store) == []
    store.complete(held, "s", segments(1))
    assert kinds(store) == []


def test_the_dead_job_comes_first_with_its_cause_and_remedy(store: JobStore) -> None:
    make(store)
    job = must_claim(store).job_id
    store.database.transact(lambda session: session.run("UPDATE jobs SET state = 'dead', lease_token = NULL,"
        " error_code = 'artifact_corrupt', error = 'bad bytes', finished_at = {now}"))  # fmt: skip
    make(store, 2)
    let_pass(store, 100)
    first, second = stuck.troubles(store)
    assert (first.kind, first.job, first.batch) == ("dead_job", job, 1) and "bad bytes" in first.text
    assert f"hallmark job requeue {job}" in first.remedy
    assert second.kind == "no_worker" and second.seconds > 90


def test_what_nobody_sweeps_hands_back_or_ticks_is_told(store: JobStore) -> None:
    make(store)
    expire(store, must_claim(store))
    assert kinds(store) == ["no_sweep"]
    store.sweep()
    finish(store)
    let_pass(store, 1000)
    assert kinds(store) == ["not_judged"]
    store.mark_batch(status.batch(store, 1).id, BatchState.REFUSED, reason="key_mismatch")
    assert kinds(store) == ["refused"]
    store.add_tick("sweep", 2)
    let_pass(store, 1000)
    assert kinds(store) == ["refused", "no_housekeeper"]
    store.take_ticks("h")
    assert kinds(store) == ["refused", "no_clock"]


def test_a_retry_is_shown_with_its_delay(store: JobStore) -> None:
    store.retry_seconds = 100
    make(store)
    store.fail(must_claim(store), DiskFull("no space"))
    [trouble] = stuck.troubles(store)
    assert trouble.kind == "retrying" and "again in" in trouble.text and "no space" in trouble.text


def test_a_batch_is_requeued_with_all_that_died_or_was_withdrawn(store: JobStore) -> None:
    batch_id = make(store)
    store.complete(must_claim(store), "s", segments(2))
    store.complete(must_claim(store, Stage.VECTORS), "v")
    for _ in range(2):
        store.fail(must_claim(store), ArtifactCorrupt("x"))
    assert store.requeue_batch(batch_id) == 2
    assert status.batch(store, 1).state is BatchState.IN_PROGRESS
    assert store.requeue_batch(batch_id) == 0
    store.cancel_batch(batch_id)
    assert store.requeue_batch(batch_id) == 4
    finish(store)
    assert status.batch(store, 1).state is BatchState.PROVEN


@pytest.mark.parametrize("ended", [False, True])
def test_a_batch_that_is_restarted_makes_every_result_again(store: JobStore, ended: bool) -> None:
    batch_id = make(store)
    store.complete(must_claim(store), "s", segments(2))
    held = must_claim(store, Stage.VECTORS)
    if ended:
        store.complete(held, "v")
        finish(store)
    assert store.restart_batch(batch_id) == 6
    assert set(states(store).values()) == {"queued", "waiting"} and states(store)["witness", 0] == "queued"
    if not ended:
        with pytest.raises(LeaseLost):
            store.complete(held, "late")
    finish(store)
    batch, jobs = status.batch(store, 1), status.jobs(store)
    assert batch.state is BatchState.PROVEN
    assert all(job.attempts == 2 for job in jobs) or not ended
    assert all(job.state is JobState.SUCCESSFUL for job in jobs)


def test_an_accepted_batch_is_not_restarted(store: JobStore) -> None:
    batch_id = make(store)
    finish(store)
    store.mark_batch(batch_id, BatchState.ACCEPTED)
    for change in (store.restart_batch, store.requeue_batch):
        with pytest.raises(BatchFinished):
            change(batch_id)


def test_a_batch_of_high_priority_is_claimed_first_with_the_jobs_that_it_makes(store: JobStore) -> None:
    make(store, 1)
    second = make(store, 2)
    assert store.prioritise(second, 5) == 1
    held = must_claim(store)
    assert held.job.batch_id == second
    store.complete(held, "s", segments(1))
    assert must_claim(store).job.batch_id == second
    assert status.batch(store, 2).priority == 5 and status.job(store, only(store, Stage.PROVE, 0)).priority == 5


def test_versions_are_counted_by_state(store: JobStore) -> None:
    make(store, 1)
    store.create_batch(2, protocol_version="2", jobs=[JobSpec(Stage.WITNESS)])
    found = {version.protocol_version: version.batches for version in overview.versions(store)}
    assert found == {"1": {"in_progress": 1}, "2": {"in_progress": 1}}
