"""Requeueing and cancelling: batch and jobs change together, and no batch stays in progress with nothing to do."""

from __future__ import annotations

import pytest

from broker.jobs import BatchState, Claim, JobSpec, JobState, JobStore, Stage, Worker, status
from runtime.errors import ArtifactCorrupt, BatchFinished, JobCancelled, LeaseLost
from tests.broker.test_jobs import LAST, claim, make, must_claim, segments

WORKER = Worker("host/prove/1", "host", "cpu")


def finish(store: JobStore, count: int = 2) -> None:
    """Complete whatever can be claimed."""
    while (held := claim(store)) is not None:
        store.complete(held, f"r{held.attempt}", segments(count) if held.job.stage is Stage.WITNESS else [])


def only(store: JobStore, stage: Stage, index: int = 0, round_: int = 0) -> int:
    return next(job.id for job in status.jobs(store, stage=stage) if (job.index, job.round) == (index, round_))


def last(store: JobStore) -> int:
    return only(store, Stage.PROVE, round_=LAST)


def states(store: JobStore) -> dict[tuple[str, int], str]:
    return {("last" if job.round == LAST else str(job.stage), job.index): str(job.state) for job in status.jobs(store)}


def test_requeue_in_a_cancelled_batch_opens_all_of_it(store: JobStore) -> None:
    batch_id = make(store)
    store.complete(must_claim(store), "s", segments(2))
    store.cancel_batch(batch_id)
    store.requeue(only(store, Stage.PROVE))
    assert status.batch(store, 1).state is BatchState.IN_PROGRESS
    assert JobState.CANCELLED not in states(store).values()
    finish(store)
    assert status.batch(store, 1).state is BatchState.PROVEN


def test_a_maker_takes_its_dependants_along(store: JobStore) -> None:
    make(store)
    store.complete(must_claim(store), "s", segments(1))
    for stage in (Stage.VECTORS, Stage.PROVE):
        store.complete(must_claim(store, stage), "x")
    store.fail(must_claim(store, Stage.PROVE), ArtifactCorrupt("x"))
    store.requeue(only(store, Stage.PROVE))
    assert states(store)["last", 0] == "waiting" and status.batch(store, 1).state is BatchState.IN_PROGRESS
    store.requeue(last(store))
    again = must_claim(store, Stage.PROVE)
    assert again.job.round == 0
    assert claim(store, Stage.PROVE) is None
    store.complete(again, "again")
    held = must_claim(store, Stage.PROVE)
    assert held.job.round == LAST
    assert [entry.artifact for entry in store.inputs(held)] == ["again"]


def test_a_job_that_waits_for_its_maker_again_takes_nothing_of_it(store: JobStore) -> None:
    make(store)
    store.complete(must_claim(store), "s", segments(1))
    store.fail(must_claim(store, Stage.VECTORS), ArtifactCorrupt("the maker's checkpoint"))
    store.requeue(only(store, Stage.WITNESS))
    store.complete(must_claim(store, Stage.WITNESS), "s2", segments(1))
    made = must_claim(store, Stage.VECTORS)
    assert store.inputs(made) == []
    store.complete(made, "v")
    proven = must_claim(store, Stage.PROVE)
    assert [entry.artifact for entry in store.inputs(proven)] == ["v"]


def test_a_dependant_that_ran_waits_for_its_maker_when_it_is_requeued_after_it(store: JobStore) -> None:
    make(store)
    store.complete(must_claim(store), "s", segments(2))
    while (held := claim(store, Stage.VECTORS, Stage.PROVE)) is not None:
        store.complete(held, "x")
    store.requeue(only(store, Stage.VECTORS))
    assert states(store)["prove", 0] == "successful", "its result is there and stays"
    store.requeue(only(store, Stage.PROVE))
    assert states(store)["prove", 0] == "waiting"
    finish(store)
    assert status.batch(store, 1).state is BatchState.PROVEN


def test_a_running_dependant_loses_its_lease(store: JobStore) -> None:
    make(store)
    store.complete(must_claim(store), "s", segments(1))
    store.complete(must_claim(store, Stage.VECTORS), "v")
    held: Claim = must_claim(store, Stage.PROVE)
    store.requeue(only(store, Stage.VECTORS))
    with pytest.raises(LeaseLost):
        store.complete(held, "of the old input")
    assert [attempt.error_code for attempt in status.attempts(store, job_id=held.job_id)] == ["requeued"]


@pytest.mark.parametrize("judged", [None, BatchState.REFUSED])
@pytest.mark.parametrize(
    ("stage", "round_"), [(Stage.WITNESS, 0), (Stage.VECTORS, 0), (Stage.PROVE, 0), (Stage.PROVE, LAST)]
)
def test_a_proven_batch_that_is_opened_again_is_proven_again(
    store: JobStore, stage: Stage, round_: int, judged: BatchState | None
) -> None:
    batch_id = make(store)
    finish(store)
    if judged:
        store.mark_batch(batch_id, judged)
    store.requeue(only(store, stage, round_=round_))
    batch = status.batch(store, 1)
    assert batch.state is BatchState.IN_PROGRESS and batch.result == ""
    finish(store)
    assert status.batch(store, 1).state is BatchState.PROVEN
    assert next(job for job in status.jobs(store) if job.id == last(store)).attempts == 2


def test_the_final_job_waits_for_the_witness_that_runs_again(store: JobStore) -> None:
    make(store)
    finish(store)
    store.requeue(only(store, Stage.WITNESS))
    assert states(store)["last", 0] == "waiting" and claim(store, Stage.PROVE) is None


@pytest.mark.parametrize("again", [1, 3])
def test_a_witness_that_cuts_its_run_otherwise_starts_its_segments_over(store: JobStore, again: int) -> None:
    make(store)
    store.complete(must_claim(store), "s", segments(2))
    store.complete(must_claim(store, Stage.VECTORS), "v")
    store.complete(must_claim(store, Stage.PROVE), "proof of the old cut")
    store.requeue(only(store, Stage.WITNESS))
    store.complete(must_claim(store, Stage.WITNESS), "s2", segments(again))
    assert len(status.jobs(store)) == 2 + 2 * again
    assert states(store)["vectors", 0] == "queued" and states(store)["prove", 0] == "waiting"
    finish(store)
    ended = next(job for job in status.jobs(store) if job.id == last(store))
    assert status.batch(store, 1).state is BatchState.PROVEN and ended.waiting_on == 0
    assert status.numbers(store).attempts["prove", "successful"] == 1 + again + 1


def test_what_is_finished_stays_finished(store: JobStore) -> None:
    batch_id = make(store)
    finish(store)
    with pytest.raises(BatchFinished, match="proven"):
        store.cancel_batch(batch_id)
    store.mark_batch(batch_id, BatchState.ACCEPTED)
    with pytest.raises(BatchFinished, match="accepted"):
        store.requeue(only(store, Stage.PROVE))
    assert status.batch(store, 1).state is BatchState.ACCEPTED


def test_a_batch_whose_artifacts_went_runs_no_more_and_one_that_runs_keeps_them(store: JobStore) -> None:
    batch_id = make(store)
    assert not store.mark_collected(batch_id) and not store.remove_batch(batch_id)
    store.cancel_batch(batch_id)
    assert store.mark_collected(batch_id)
    with pytest.raises(BatchFinished, match="removed"):
        store.requeue(only(store, Stage.WITNESS))
    assert store.remove_batch(batch_id) and status.batches(store) == []


def test_counters_survive_the_archive_and_name_no_running_attempt(store: JobStore) -> None:
    batch_id = make(store, 1, JobSpec(Stage.WITNESS, final=True))
    held = must_claim(store)
    assert status.numbers(store).attempts == {}
    store.complete(held, "a")
    proven = status.numbers(store)
    assert proven.attempts == {("witness", "successful"): 1} and proven.latency_count == 1
    store.mark_batch(batch_id, BatchState.REFUSED)
    assert status.numbers(store).latency_total_seconds == proven.latency_total_seconds
    store.remove_batch(batch_id)
    assert status.numbers(store).attempts == proven.attempts
    assert status.numbers(store).latency_total_seconds == proven.latency_total_seconds


def test_a_dead_batch_is_listed_however_old_it_is(store: JobStore) -> None:
    make(store, 1)
    store.fail(must_claim(store), ArtifactCorrupt("x"))
    for number in range(2, 8):
        make(store, number)
    assert [batch.number for batch in status.batches(store, limit=5)] == [7, 6, 5, 4, 3, 1]
    assert [batch.number for batch in status.batches(store, state=BatchState.IN_PROGRESS, limit=2)] == [7, 6]


def test_a_proof_from_elsewhere_ends_the_batch_and_withdraws_its_jobs(store: JobStore) -> None:
    batch_id = make(store)
    store.complete(must_claim(store), "s", segments(2))
    held = must_claim(store, Stage.VECTORS)
    assert store.hand_in(batch_id, "imported") == 5
    found = status.batch(store, 1)
    assert (found.state, found.result) == (BatchState.PROVEN, "imported")
    assert set(states(store).values()) == {"successful", "cancelled"} and states(store)["last", 0] == "successful"
    assert claim(store) is None
    with pytest.raises(JobCancelled):
        store.complete(held, "too late")
    with pytest.raises(BatchFinished, match="proof already"):
        store.hand_in(batch_id, "another")


def test_a_proof_from_elsewhere_is_taken_before_the_witness_has_run(store: JobStore) -> None:
    batch_id = make(store)
    store.hand_in(batch_id, "imported")
    assert status.batch(store, 1).state is BatchState.PROVEN
    store.requeue_batch(batch_id)
    finish(store)
    assert status.batch(store, 1).result != "imported"
