"""A clock that steps back by minutes or a day stops nothing: every moment in the tables then lies in the future."""

from __future__ import annotations

import pytest

from broker.jobs import BatchState, Claim, JobSpec, JobState, JobStore, Stage, Worker, status

WORKER = Worker("host/prove/1", "host", "cpu")
MOMENTS = {
    "batches": ("created_at", "finished_at", "collected_at", "proven_at"),
    "jobs": (
        *("available_at", "announced_at", "lease_expires_at", "renewed_at"),
        *("created_at", "queued_at", "started_at", "finished_at"),
    ),
    "dependencies": ("released_at",),
    "attempts": ("started_at", "ended_at"),
    "ticks": ("made_at",),
}


def step_back(store: JobStore, seconds: float) -> None:
    """Do to the rows what a clock that steps back does: everything written so far is that much later than now."""
    for table, columns in MOMENTS.items():
        later = ", ".join(f"{column} = {column} + :seconds" for column in columns)
        store.database.transact(
            lambda session, statement=f"UPDATE {table} SET {later}": session.run(statement, seconds=seconds)
        )


def claim(store: JobStore) -> Claim | None:
    return store.claim(list(Stage), WORKER, protocol_versions=["1"])


@pytest.fixture(params=[5.0, 600.0, 86400.0], ids=["seconds", "minutes", "a day"])
def step(request: pytest.FixtureRequest) -> float:
    return float(request.param)


def test_every_moment_of_the_tables_is_shifted_here(store: JobStore) -> None:
    for table in MOMENTS:
        found = {column.name for column in store.database.peewee.get_columns(table) if column.name.endswith("_at")}
        assert found == set(MOMENTS[table]) | ({"lease_expires_at"} & found), table


def test_ready_jobs_are_claimed_announced_and_found(store: JobStore, step: float) -> None:
    store.create_batch(1, protocol_version="1", jobs=[JobSpec(Stage.WITNESS)])
    step_back(store, step)
    assert store.ready([Stage.WITNESS], protocol_versions=["1"])
    assert len(store.unannounced(grace=1.0)) == 1 and len(store.unannounced()) == 1
    assert claim(store) is not None


def test_delays_end(store: JobStore, step: float) -> None:
    store.retry_seconds = 300
    store.create_batch(1, protocol_version="1", jobs=[JobSpec(Stage.WITNESS)])
    held = claim(store)
    assert held is not None and store.fail(held, OSError("disk")) is JobState.FAILED
    assert claim(store) is None
    step_back(store, step)
    assert store.ready([Stage.WITNESS], protocol_versions=["1"]) and claim(store) is not None


def test_a_dead_workers_lease_runs_out_and_a_living_ones_does_not(store: JobStore, step: float) -> None:
    jobs = [JobSpec(Stage.PROVE, index=index) for index in range(2)]
    store.create_batch(1, protocol_version="1", jobs=jobs)
    dead, living = claim(store), claim(store)
    assert dead is not None and living is not None
    step_back(store, step)
    assert store.sweep().lost == ()
    step_back(store, -store.lease_seconds - 1)
    store.renew(living)
    assert [lost.job_id for lost in store.sweep().lost] == [dead.job_id]


def test_ticks_are_made(store: JobStore, step: float) -> None:
    assert store.add_tick("sweep", 2.0) and store.take_ticks("a") == {"sweep"}
    step_back(store, step)
    assert store.add_tick("sweep", 2.0) and store.take_ticks("a") == {"sweep"}


def test_lost_messages_are_sent_again(store: JobStore, step: float) -> None:
    store.create_batch(1, protocol_version="1", jobs=[JobSpec(Stage.WITNESS)])
    store.mark_announced([row.job_id for row in store.unannounced()])
    step_back(store, step)
    assert store.sweep(announce_after=60).reannounced == 1


def test_retention_counts_from_the_step(store: JobStore, step: float) -> None:
    batch, _ = store.create_batch(1, protocol_version="1", jobs=[JobSpec(Stage.PROVE, final=True)])
    held = claim(store)
    assert held is not None
    store.complete(held, "proof")
    store.mark_batch(batch.id, BatchState.ACCEPTED)
    step_back(store, step)
    store.restamp_finished()
    step_back(store, -10)
    assert [found.id for found in store.collectable(9)] == [batch.id]


def test_counters_and_ages_stay_numbers(store: JobStore, step: float) -> None:
    store.create_batch(1, protocol_version="1", jobs=[JobSpec(Stage.PROVE, final=True)])
    step_back(store, step)
    held = claim(store)
    assert held is not None and held.queue_wait == 0
    store.complete(held, "proof")
    numbers = status.numbers(store)
    assert numbers.latency_count == 1 and numbers.latency_total_seconds == 0
