"""Leases without processes: renewal, stalls, cancellation and stopping, on a store whose worker runs here."""

from __future__ import annotations

import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from dramatiq.worker import Worker as DramatiqWorker
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from actors.attempt import Result, Work, run_one
from actors.context import WorkerContext
from actors.worker import declare, drain
from broker.artifacts import ArtifactStore, open_artifacts
from broker.jobs import BatchState, JobSpec, JobState, Stage, Worker, open_store, status
from broker.queues import EmbeddedBroker, Hint
from broker.relay import Relay
from proving.stages.rounds import Round
from runtime.endpoint import Endpoint
from runtime.errors import BrokerUnavailable, LeaseLost
from runtime.pages import Pages
from runtime.settings import load_settings
from tests.processes import started
from tests.spans import recorded


@pytest.fixture
def context(tmp_path: Path) -> Iterator[WorkerContext]:
    settings = load_settings(state_dir=tmp_path, lease_seconds=0.6, stall_seconds=1, retry_seconds=0, disk_reserve=0)
    store = open_store(settings)
    relay = Relay(store, EmbeddedBroker(lambda queue: False, lambda: 0))
    local = ArtifactStore(f"file://{tmp_path}/local")
    yield WorkerContext(settings, store, open_artifacts(settings), local, relay, Worker("w"))
    store.database.close()


def offer(context: WorkerContext) -> int:
    jobs = [JobSpec(Stage.PROVE, final=True)]
    return context.store.create_batch(1, protocol_version="1", jobs=jobs)[0].id


def test_a_long_job_keeps_its_lease_while_it_reports(context: WorkerContext) -> None:
    offer(context)

    def body(work: Work) -> Result:
        for step in range(15):
            time.sleep(0.1)
            work.progress(step / 15, "phase")
            assert context.store.sweep().lost == ()
        return Result("proof", b"done")

    assert run_one(context, Stage.PROVE, body)
    assert status.batch(context.store, 1).state is BatchState.PROVEN
    assert not run_one(context, Stage.PROVE, body)


def test_a_job_that_stalls_loses_its_lease_however_alive_it_is(context: WorkerContext) -> None:
    offer(context)
    swept: list[int] = []

    def body(work: Work) -> Result:
        deadline = time.monotonic() + 10
        while not swept and time.monotonic() < deadline:
            time.sleep(0.1)
            swept.extend(lost.job_id for lost in context.store.sweep().lost)
        return Result("proof", b"too late")

    run_one(context, Stage.PROVE, body)
    job = status.jobs(context.store)[0]
    assert swept == [job.id] and job.state is JobState.QUEUED
    assert list(context.artifacts.names()) == []


def test_cancellation_reaches_a_running_job(context: WorkerContext) -> None:
    batch_id = offer(context)
    steps: list[int] = []

    def body(work: Work) -> Result:
        context.store.cancel_batch(batch_id)
        for step in range(100):
            time.sleep(0.05)
            work.progress(0, "phase")
            steps.append(step)
        return Result("proof", b"")

    run_one(context, Stage.PROVE, body)
    assert len(steps) < 20 and status.jobs(context.store)[0].state is JobState.CANCELLED


def test_a_prover_goes_on_with_the_circuit_whose_key_is_loaded(context: WorkerContext) -> None:
    jobs = [JobSpec(Stage.PROVE, circuit_type="ab"[index % 2], index=index) for index in range(6)]
    context.store.create_batch(1, protocol_version="1", jobs=jobs)
    order: list[str] = []

    def body(work: Work) -> Result:
        order.append(work.claim.job.circuit_type)
        return Result("proof", b"p")

    while run_one(context, Stage.PROVE, body):
        pass
    assert order == ["a", "a", "a", "b", "b", "b"]


def test_a_stopping_process_gives_its_job_back_and_claims_no_other(context: WorkerContext) -> None:
    offer(context)

    def body(work: Work) -> Result:
        assert list(context.held) == [work.claim.job_id]
        context.draining.set()
        context.stopping.set()
        work.progress(0.5, "phase")
        raise AssertionError

    run_one(context, Stage.PROVE, body)
    job = status.jobs(context.store)[0]
    assert job.state is JobState.QUEUED and job.failures == 0 and context.held == {}
    assert not run_one(context, Stage.PROVE, body)


def test_a_job_given_back_over_the_head_of_its_thread_ends_its_span(context: WorkerContext) -> None:
    offer(context)
    begun, go_on = threading.Event(), threading.Event()

    def body(work: Work) -> Result:
        begun.set()
        go_on.wait(20)
        work.progress(0.5, "phase")
        raise AssertionError

    with recorded() as spans:
        thread = threading.Thread(target=run_one, args=(context, Stage.PROVE, body))
        thread.start()
        assert begun.wait(10)
        draining = context.settings.model_copy(update={"drain_seconds": 0.1})
        context.settings = draining
        drain(context, cast(DramatiqWorker, None))
        ended = {span.name: dict(span.attributes or {}) for span in spans.get_finished_spans()}
        assert thread.is_alive() and ended["job prove"]["hallmark.outcome"] == "released"
        assert status.jobs(context.store)[0].state is JobState.QUEUED
        go_on.set()
        thread.join()


def test_a_lost_lease_stores_nothing_even_after_the_work_is_done(context: WorkerContext) -> None:
    offer(context)

    def body(work: Work) -> Result:
        context.store.requeue(work.claim.job_id)
        with pytest.raises(LeaseLost):
            context.store.complete(work.claim, "stolen")
        return Result("proof", b"x")

    run_one(context, Stage.PROVE, body)
    assert status.jobs(context.store)[0].state is JobState.QUEUED


@pytest.mark.parametrize("round_", [Round.BASIC, Round.NODE])
def test_an_actor_takes_every_word_of_a_hint(context: WorkerContext, round_: Round) -> None:
    broker = EmbeddedBroker(lambda queue: False, lambda: 0)
    declare(broker, context, Stage.WITNESS)
    message = Hint("witness", job=1, batch=1, chain=1, round=round_, traceparent="00-1-2-3").message()
    broker.get_actor(message.actor_name)(*message.args, **message.kwargs)


def test_relay_keeps_in_the_outbox_what_the_broker_did_not_confirm(context: WorkerContext) -> None:
    sent: list[int] = []

    class Unreliable(EmbeddedBroker):
        def enqueue(self, message, *, delay=None):  # type: ignore[no-untyped-def]
            if len(sent) == 2:
                raise BrokerUnavailable()
            sent.append(message.kwargs["job"])
            return message

    jobs = [JobSpec(Stage.PROVE, index=index) for index in range(5)]
    context.store.create_batch(1, protocol_version="1", jobs=jobs)
    with pytest.raises(BrokerUnavailable):
        Relay(context.store, Unreliable(lambda queue: False, lambda: 0)).announce()
    assert [row.job_id for row in context.store.unannounced()] == [3, 4, 5] and sent == [1, 2]
    assert Relay(context.store, EmbeddedBroker(lambda queue: False, lambda: 0)).announce() == 3
    assert context.store.unannounced() == []


def test_a_row_is_free_and_marked_when_its_hint_leaves(context: WorkerContext) -> None:
    """A worker that gets the hint must be able to claim; a mark that is still uncommitted would hide the row."""
    seen: list[bool] = []

    class Looking(EmbeddedBroker):
        def enqueue(self, message, *, delay=None):  # type: ignore[no-untyped-def]
            seen.append(context.store.claim([Stage.PROVE], Worker("w"), protocol_versions=["1"]) is not None)
            return message

    jobs = [JobSpec(Stage.PROVE, index=index) for index in range(3)]
    context.store.create_batch(1, protocol_version="1", jobs=jobs)
    assert Relay(context.store, Looking(lambda queue: False, lambda: 0)).announce() == 3
    assert seen == [True] * 3 and context.store.unannounced() == []


def test_two_relays_send_a_message_once(context: WorkerContext) -> None:
    context.store.create_batch(1, protocol_version="1", jobs=[JobSpec(Stage.PROVE)])
    assert context.store.mark_announced([1]) == {1}
    assert context.store.mark_announced([1]) == set()


def test_embedded_broker_wakes_from_rows_and_nudges_and_keeps_nothing() -> None:
    work = threading.Event()
    broker = EmbeddedBroker(lambda queue: work.is_set(), lambda: 0)
    consumer = broker.consume("prove", prefetch=1, timeout=100)
    assert next(consumer) is None
    work.set()
    broker.enqueue(Hint("prove", 1, 1, 1).message())
    started = time.monotonic()
    message = next(consumer)
    assert message is not None and message.actor_name == "prove" and time.monotonic() - started < 0.2
    assert next(consumer) is None
    consumer.ack(message)
    assert next(consumer) is not None


def test_embedded_broker_survives_a_database_that_is_away() -> None:
    answers: list[object] = [OSError("away"), True]

    def ready(queue: str) -> bool:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return bool(answer)

    consumer = EmbeddedBroker(ready, lambda: 0).consume("prove", prefetch=1, timeout=4000)
    assert next(consumer) is not None


def test_durations_carry_their_batchs_trace_for_who_asks_for_openmetrics(context: WorkerContext) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    jobs = [JobSpec(Stage.PROVE, final=True)]
    context.store.create_batch(1, protocol_version="1", jobs=jobs, traceparent=f"00-{trace}-b7ad6b7169203331-01")

    def body(work: Work) -> Result:
        # As long as a third of the lease, after which it is renewed.
        time.sleep(0.4)
        return Result("proof", b"done")

    run_one(context, Stage.PROVE, body)
    with Endpoint(Pages(started(context.settings)), port=0) as served:
        asked = f"http://127.0.0.1:{served.port}/metrics"
        plain = urllib.request.urlopen(asked).read().decode()
        # What Prometheus sends.
        accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
        answer = urllib.request.urlopen(urllib.request.Request(asked, headers={"Accept": accept}))
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
        text = answer.read().decode()
    # The parser refuses what is no OpenMetrics.
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    traced = {sample.name for sample in samples if sample.exemplar and sample.exemplar.labels == {"trace_id": trace}}
    parts = ("job_duration", "job_queue_wait", "artifact_store", "lease_renewal")
    assert traced == {f"hallmark_{part}_seconds_bucket" for part in parts}
    assert trace not in plain and "hallmark_job_duration_seconds_bucket" in plain
