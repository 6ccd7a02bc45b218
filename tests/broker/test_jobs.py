"""The job store's promises, one test each, on both databases."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from broker.jobs import (
    BatchState,
    Claim,
    JobDatabase,
    JobSpec,
    JobState,
    JobStore,
    Outcome,
    Stage,
    Worker,
    schema,
    status,
)
from runtime.errors import (
    ConfigurationError,
    InvalidInput,
    JobCancelled,
    JobError,
    JobNotFound,
    LeaseLost,
    OutOfMemory,
    Retry,
)

WORKER = Worker("host/prove/1", "host", "cpu")
VERSIONS = ["1"]


def claim(store: JobStore, *stages: Stage, worker: Worker = WORKER, **options: object) -> Claim | None:
    return store.claim(stages or tuple(Stage), worker, protocol_versions=VERSIONS, **options)  # type: ignore[arg-type]


def must_claim(store: JobStore, *stages: Stage, **options: object) -> Claim:
    found = claim(store, *stages, **options)  # type: ignore[arg-type]
    assert found is not None
    return found


def make(store: JobStore, number: int = 1, *specs: JobSpec, **options: object) -> int:
    jobs = list(specs) or [JobSpec(Stage.WITNESS)]
    return store.create_batch(number, protocol_version="1", jobs=jobs, **options)[0].id  # type: ignore[arg-type]


#: The round of the job that ends a batch in these tests.
LAST = 4


def segments(count: int) -> list[JobSpec]:
    specs = []
    for index in range(count):
        specs.append(JobSpec(Stage.VECTORS, key=f"v{index}", index=index))
        specs.append(JobSpec(Stage.PROVE, key=f"p{index}", index=index, depends_on=[f"v{index}"]))
    proofs = [f"p{i}" for i in range(count)]
    return [*specs, JobSpec(Stage.PROVE, key="last", round=LAST, depends_on=proofs, final=True)]


def expire(store: JobStore, held: Claim) -> None:
    store.database.transact(
        lambda session: session.run("UPDATE jobs SET lease_expires_at = 1 WHERE id = :j", j=held.job_id)
    )


def test_a_worker_may_ask_for_the_first_round_or_for_later_ones_only(store: JobStore) -> None:
    make(store, 1, JobSpec(Stage.WITNESS))
    make(store, 2, JobSpec(Stage.WITNESS, round=3), JobSpec(Stage.WITNESS, round=1), JobSpec(Stage.PROVE, round=2))
    assert not store.ready([Stage.PROVE], protocol_versions=VERSIONS, recursive=False)
    later = [must_claim(store, Stage.WITNESS, recursive=True).job.round for _ in range(2)]
    assert later == [3, 1] and claim(store, Stage.WITNESS, recursive=True) is None
    assert store.ready([Stage.WITNESS], protocol_versions=VERSIONS, recursive=False)
    assert must_claim(store, Stage.WITNESS, recursive=False).job.round == 0


def test_jobs_of_one_place_are_refused(store: JobStore) -> None:
    with pytest.raises(JobError, match="same stage, round"):
        make(store, 1, JobSpec(Stage.PROVE, key="a"), JobSpec(Stage.PROVE, key="b"))


def test_batch_is_created_once_and_takes_a_new_offer(store: JobStore) -> None:
    first, new = store.create_batch(7, protocol_version="1", jobs=[JobSpec(Stage.WITNESS)], offer={"offer_token": "a"})
    again, repeated = store.create_batch(
        7, protocol_version="1", jobs=[JobSpec(Stage.WITNESS)], offer={"offer_token": "b"}
    )
    assert new and not repeated and first.id == again.id
    assert again.offer == {"offer_token": "b"}
    assert len(status.jobs(store)) == 1


def test_two_protocol_versions_of_a_batch_run_side_by_side(store: JobStore) -> None:
    make(store, 1)
    store.create_batch(1, protocol_version="2", jobs=[JobSpec(Stage.WITNESS)])
    assert must_claim(store).job.protocol_version == "1"
    assert claim(store) is None


def test_a_job_is_claimed_by_one_worker(store: JobStore) -> None:
    make(store)
    assert must_claim(store).attempt == 1
    assert claim(store, worker=replace(WORKER, name="other")) is None


def test_a_claim_whose_answer_got_lost_shares_its_token_with_no_other(
    store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit arrived, its answer did not: the transaction runs again on a fresh connection."""
    make(store, 1, JobSpec(Stage.PROVE, index=0), JobSpec(Stage.PROVE, index=1))
    with monkeypatch.context() as patch:
        connected = store.database._connected
        patch.setattr(store.database, "_connected", lambda work: (connected(work), connected(work))[1])
        held = must_claim(store)
    rows = store.database.read("SELECT id, state, lease_token FROM jobs ORDER BY id")
    assert [row["state"] for row in rows] == ["in_progress"] * 2
    assert len({row["lease_token"] for row in rows}) == 2
    store.complete(held, "result")
    lost = next(row for row in rows if row["id"] != held.job_id)
    store.database.transact(
        lambda session: session.run("UPDATE jobs SET lease_expires_at = 1 WHERE id = :j", j=lost["id"])
    )
    assert [entry.job_id for entry in store.sweep().lost] == [lost["id"]]
    assert must_claim(store).job_id == lost["id"]


def test_claims_follow_priority_age_round_and_loaded_key(store: JobStore) -> None:
    make(store, 1, JobSpec(Stage.PROVE, circuit_type="a"), JobSpec(Stage.PROVE, circuit_type="b"))
    make(store, 2, JobSpec(Stage.PROVE, index=1), priority=5)
    make(store, 3, JobSpec(Stage.PROVE, round=1, index=2))
    order = [must_claim(store, preferred_circuit_type="b").job for _ in range(4)]
    assert [(job.batch_id, job.circuit_type) for job in order] == [(2, ""), (1, "b"), (1, "a"), (3, "")]


def test_latest_round_comes_first_within_a_batch(store: JobStore) -> None:
    make(store, 1, JobSpec(Stage.PROVE), JobSpec(Stage.PROVE, round=1), JobSpec(Stage.PROVE, round=1, depth=1))
    assert [(must_claim(store).job.round, must_claim(store).job.round)] == [(1, 1)]


def test_a_job_for_a_device_waits_for_it(store: JobStore) -> None:
    make(store, 1, JobSpec(Stage.PROVE, device="cuda"))
    assert claim(store) is None
    assert not store.ready([Stage.PROVE], protocol_versions=VERSIONS, device="cpu")
    assert claim(store, worker=replace(WORKER, device="cuda:3")) is not None


def test_circuit_types_limit_a_claim(store: JobStore) -> None:
    make(store, 1, JobSpec(Stage.PROVE, circuit_type="main_vm"))
    assert claim(store, circuit_types=["keccak"]) is None
    assert claim(store, circuit_types=["keccak", "main_vm"]) is not None


def test_barrier_opens_with_the_last_dependency(store: JobStore) -> None:
    make(store)
    store.complete(must_claim(store), "statement", segments(3))
    for index in range(3):
        store.complete(must_claim(store, Stage.VECTORS), f"v{index}")
    for index in range(3):
        held = must_claim(store, Stage.PROVE)
        assert (held.job.round, held.job.index) == (0, index), "the last proof waits"
        store.complete(held, f"p{index}")
    held = must_claim(store, Stage.PROVE)
    assert held.job.round == LAST
    assert [entry.artifact for entry in store.inputs(held)] == ["p0", "p1", "p2"]
    store.complete(held, "proof")
    batch = status.batch(store, 1)
    assert batch.state is BatchState.PROVEN and batch.result == "proof"


def test_barrier_is_released_once_by_racing_workers(store: JobStore) -> None:
    make(store)
    store.complete(must_claim(store), "statement", segments(24))
    lasts: list[int] = []
    faults: list[BaseException] = []

    def work(name: str) -> None:
        try:
            worker = replace(WORKER, name=name)
            while (held := claim(store, worker=worker)) is not None or lasts == []:
                if held is None:
                    continue
                if held.job.round == LAST:
                    lasts.append(held.job_id)
                store.complete(held, f"r{held.job_id}")
        except BaseException as error:
            faults.append(error)
        finally:
            store.database.close()

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not faults and len(lasts) == 1
    assert all(job.state is JobState.SUCCESSFUL and job.attempts == 1 for job in status.jobs(store))


def test_children_that_depend_on_the_unknown_are_refused_whole(store: JobStore) -> None:
    make(store)
    held = must_claim(store)
    with pytest.raises(Exception, match="depends on"):
        store.complete(held, "x", [JobSpec(Stage.VECTORS), JobSpec(Stage.PROVE, depends_on=["nobody"])])
    assert len(status.jobs(store)) == 1
    store.complete(held, "x")


def test_expired_lease_is_requeued_and_the_loser_cannot_store(store: JobStore) -> None:
    make(store)
    slow = must_claim(store)
    expire(store, slow)
    swept = store.sweep()
    assert [lost.job_id for lost in swept.lost] == [slow.job_id]
    fast = must_claim(store)
    for refused in (
        lambda: store.complete(slow, "late"),
        lambda: store.renew(slow),
        lambda: store.fail(slow, OSError()),
    ):
        with pytest.raises(LeaseLost):
            refused()
    assert not store.release(slow)
    store.complete(fast, "good")
    assert status.job(store, fast.job_id).result == "good"
    assert [attempt.outcome for attempt in status.attempts(store)] == [Outcome.LOST, Outcome.SUCCESSFUL]


def test_renewal_keeps_a_lease_and_records_progress(store: JobStore) -> None:
    make(store)
    held = must_claim(store)
    expire(store, held)
    store.renew(held, progress=0.5, note="quotient")
    assert store.sweep().lost == ()
    job = status.job(store, held.job_id)
    assert (job.progress, job.progress_note) == (0.5, "quotient")


def test_failures_are_retried_then_the_job_is_dead_with_its_traceback(store: JobStore) -> None:
    make(store)
    for number in (1, 2, 3):
        held = must_claim(store)
        assert held.attempt == number
        try:
            raise OutOfMemory("No room for the quotient.")
        except OutOfMemory as error:
            state = store.fail(held, error)
    assert state is JobState.DEAD and claim(store) is None
    job = status.job(store, held.job_id)
    assert job.error_code == "out_of_memory" and "No room" in job.traceback
    assert status.batch(store, 1).state is BatchState.DEAD
    assert status.jobs(store)[0].state is JobState.DEAD


def test_invalid_input_is_dead_at_once(store: JobStore) -> None:
    make(store)
    assert store.fail(must_claim(store), InvalidInput("It trapped.")) is JobState.DEAD


def test_a_failed_job_waits_out_its_delay(store: JobStore) -> None:
    store.retry_seconds = 60
    make(store)
    held = must_claim(store)
    assert store.fail(held, OSError("x")) is JobState.FAILED
    assert claim(store) is None and store.unannounced() == []
    store.requeue(held.job_id)
    again = must_claim(store)
    assert store.fail(again, OSError("x"), retry=Retry.AT_ONCE) is JobState.FAILED
    assert claim(store) is not None


def test_worker_that_dies_every_time_kills_the_job_not_the_queue(store: JobStore) -> None:
    make(store)
    for _ in range(3):
        expire(store, must_claim(store))
        store.sweep()
    assert claim(store) is None
    assert status.jobs(store)[0].error_code == "lease_expired"


def test_requeue_revives_a_dead_job_and_its_batch(store: JobStore) -> None:
    make(store)
    held = must_claim(store)
    store.fail(held, InvalidInput("no"))
    assert store.requeue(held.job_id).state is JobState.QUEUED
    assert status.batch(store, 1).state is BatchState.IN_PROGRESS
    assert must_claim(store).attempt == 2


def test_requeue_takes_the_lease_from_a_running_worker(store: JobStore) -> None:
    make(store)
    held = must_claim(store)
    store.requeue(held.job_id)
    with pytest.raises(LeaseLost):
        store.complete(held, "x")
    assert claim(store) is not None


def test_requeue_of_the_unknown_says_so(store: JobStore) -> None:
    with pytest.raises(JobNotFound):
        store.requeue(99)


def test_a_witness_that_runs_again_repeats_no_job(store: JobStore) -> None:
    make(store)
    first = must_claim(store)
    store.complete(first, "a", segments(2))
    store.complete(must_claim(store, Stage.VECTORS), "v0")
    store.requeue(first.job_id)
    store.complete(
        must_claim(store, Stage.WITNESS), "b", [replace(s, inputs={"checkpoint": "new"}) for s in segments(2)]
    )
    jobs = status.jobs(store)
    assert len(jobs) == 6
    inputs = {(job.stage, job.index): job.inputs for job in jobs}
    assert inputs[Stage.VECTORS, 0] == {} and inputs[Stage.PROVE, 0] == {"checkpoint": "new"}
    while (held := claim(store)) is not None:
        store.complete(held, "x")
    assert status.batch(store, 1).state is BatchState.PROVEN


def test_cancel_stops_running_and_waiting_jobs(store: JobStore) -> None:
    batch_id = make(store)
    store.complete(must_claim(store), "s", segments(2))
    held = must_claim(store, Stage.VECTORS)
    assert store.cancel_batch(batch_id) == 5
    with pytest.raises(JobCancelled):
        store.renew(held)
    with pytest.raises(JobCancelled):
        store.complete(held, "x")
    assert claim(store) is None
    assert status.batch(store, 1).state is BatchState.CANCELLED
    assert status.attempts(store, job_id=held.job_id)[0].outcome == Outcome.CANCELLED


def test_release_costs_no_attempt(store: JobStore) -> None:
    make(store)
    for _ in range(5):
        assert store.release(must_claim(store))
    assert must_claim(store).job.failures == 0


def test_outbox_holds_ready_rows_until_they_are_announced(store: JobStore) -> None:
    make(store)
    assert [row.job_id for row in store.unannounced()] == [1]
    assert store.unannounced(grace=30) == []
    assert store.mark_announced([1]) == {1} and store.mark_announced([1]) == set()
    assert store.unannounced() == []
    assert store.sweep(announce_after=3600).reannounced == 0
    assert store.sweep(announce_after=-1).reannounced == 1
    assert len(store.unannounced()) == 1


def test_lost_announcements_are_repeated_sparingly(store: JobStore) -> None:
    make(store, 1, *[JobSpec(Stage.PROVE, index=index) for index in range(50)])
    store.mark_announced([row.job_id for row in store.unannounced()])
    old = "UPDATE jobs SET announced_at = announced_at - 100"
    store.database.transact(lambda session: session.run(old))
    held = must_claim(store)
    assert store.sweep(announce_after=60).reannounced == 0
    store.complete(held, "proof")
    assert store.sweep(announce_after=60).reannounced == 20
    store.mark_announced([row.job_id for row in store.unannounced()])
    assert store.sweep(announce_after=60).reannounced == 0


def test_recount_repairs_a_barrier_that_someone_broke(store: JobStore) -> None:
    make(store)
    store.complete(must_claim(store), "s", segments(1))
    store.complete(must_claim(store, Stage.VECTORS), "v")
    store.database.transact(
        lambda session: session.run("UPDATE jobs SET state = 'waiting', waiting_on = 1 WHERE stage = 'prove'")
    )
    assert claim(store, Stage.PROVE) is None
    assert store.recount() == 1
    assert claim(store, Stage.PROVE) is not None
    assert store.recount() == 0


def test_a_tick_is_made_once_a_period_and_taken_once(store: JobStore) -> None:
    assert store.add_tick("sweep", 60) and not store.add_tick("sweep", 60)
    assert store.ticks_waiting() and store.take_ticks("a") == {"sweep"} and store.take_ticks("b") == set()
    assert not store.add_tick("sweep", 60)
    assert store.add_tick("sweep", 0) and store.take_ticks("a") == {"sweep"}


def test_chains_do_not_see_each_other(store: JobStore) -> None:
    make(store)
    other = JobStore(store.database, chain_id=99)
    assert claim(other) is None and status.batches(other) == []


def test_a_worker_of_all_chains_takes_the_jobs_of_each(store: JobStore) -> None:
    every = JobStore(store.database, all_chains=True)
    made = {make(store), make(store.of_chain(99))}
    assert not store.of_chain(7).ready([Stage.WITNESS], protocol_versions=["1"])
    assert every.ready([Stage.WITNESS], protocol_versions=["1"])
    head = every.peek([Stage.WITNESS], WORKER, protocol_versions=["1"])
    taken = [must_claim(every).job for _ in made]
    assert head is not None and head.id == taken[0].id
    assert {job.batch_id for job in taken} == made and {job.chain_id for job in taken} == {4242, 99}
    assert claim(every) is None
    first = make(store.of_chain(5), 2)
    store.create_batch(3, protocol_version="1", jobs=[JobSpec(Stage.WITNESS)], priority=1)
    assert [must_claim(every).job.chain_id for _ in range(2)] == [4242, 5], "the priority counts across chains"
    assert first and not every.ready([Stage.WITNESS], protocol_versions=["1"])
    with pytest.raises(JobNotFound):
        status.batch(every.of_chain(7), 1)


def test_an_attempt_carries_its_batchs_trace_and_no_other_text(store: JobStore) -> None:
    trace = 32 * "a"
    for number, (given, kept) in enumerate([(f"00-{trace}-{16 * 'b'}-01", trace), ("x" * 55, ""), ("", "")], 1):
        store.create_batch(number, protocol_version="1", jobs=[JobSpec(Stage.WITNESS)], traceparent=given)
        job = must_claim(store).job
        [row] = store.database.read("SELECT trace_id, queue_wait FROM attempts WHERE job_id = :job_id", job_id=job.id)
        assert row["trace_id"] == kept and 0 <= row["queue_wait"] < 60


def test_core_decides_about_a_proven_batch_once(store: JobStore) -> None:
    batch_id = make(store, 1, JobSpec(Stage.PROVE, final=True))
    assert not store.mark_batch(batch_id, BatchState.ACCEPTED)
    store.complete(must_claim(store), "proof")
    assert [found.id for found in status.batches(store, state=BatchState.PROVEN)] == [batch_id]
    assert store.mark_batch(batch_id, BatchState.REFUSED, reason="wrong root")
    assert not store.mark_batch(batch_id, BatchState.ACCEPTED)
    assert status.batch(store, 1).error == "wrong root"


def test_numbers_count_states_ages_and_attempts(store: JobStore) -> None:
    make(store)
    store.complete(must_claim(store), "s", segments(2))
    numbers = status.numbers(store)
    assert numbers.jobs["witness", "successful"] == 1 and numbers.jobs["vectors", "queued"] == 2
    assert numbers.oldest_seconds["vectors"] >= 0 and numbers.outbox == 2
    assert numbers.attempts == {("witness", "successful"): 1}


def test_database_of_a_newer_release_is_refused(store: JobStore) -> None:
    schema.check(store.database)
    store.database.transact(
        lambda session: session.run(
            "INSERT INTO schema_migration (name, applied) VALUES ('0999_later', '2030-01-01 00:00:00')"
        )
    )
    with pytest.raises(schema.SchemaAhead, match="0999_later") as refused:
        schema.check(store.database)
    assert "release" in refused.value.remedy
    with pytest.raises(schema.SchemaAhead):
        schema.migrate(store.database)


def test_database_without_the_schema_is_refused(database_url: str) -> None:
    database = JobDatabase(database_url)
    with pytest.raises(schema.SchemaBehind, match="0001_first") as refused:
        schema.check(database)
    assert "migrate" in refused.value.remedy
    assert schema.migrate(database) == [
        "0001_first",
        "0002_clock",
        "0003_rounds",
        "0004_versions",
        "0005_cost",
        "0006_clock_skew",
    ]
    assert schema.migrate(database) == []
    schema.check(database)


def test_models_match_the_migrated_schema(store: JobStore) -> None:
    from broker.jobs.models import MODELS

    for model in MODELS:
        table = model._meta.table_name
        wanted = {field.column_name for field in model._meta.sorted_fields}
        assert wanted == {column.name for column in store.database.peewee.get_columns(table)}, table


def test_wrong_database_password_is_a_configuration_error(postgresql: object) -> None:
    from tests.servers import shared_postgresql

    with pytest.raises(ConfigurationError, match="password authentication failed") as refused:
        JobDatabase(shared_postgresql().url(password="wrong")).read("SELECT 1 AS one")
    assert "wrong@" not in refused.value.message and ":***@" in refused.value.message


def test_a_file_that_is_no_database_is_a_configuration_error(tmp_path: object) -> None:
    from pathlib import Path

    path = Path(str(tmp_path)) / "jobs.db"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(ConfigurationError, match="not a database"):
        JobDatabase(f"sqlite:///{path}").read("SELECT 1 AS one")
