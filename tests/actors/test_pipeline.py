"""Batches through real processes: every fault ends in one proof, made once, or in a row that says why not."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

from broker.jobs import Batch, BatchState, JobState, Outcome, Stage, costs, status
from runtime import run_files
from runtime.process import Exit
from runtime.telemetry import read_spans, trace_directory
from tests.actors.cluster import PROGRAM, Cluster
from tests.actors.conftest import MakeCluster, mostly_embedded, mostly_on_servers
from tests.actors.small_stages import expected

TRACE = "ab" * 16
TRACEPARENT = f"00-{TRACE}-{'cd' * 8}-01"


def finish(cluster: Cluster, number: int, seconds: float = 40.0) -> Batch:
    """Wait for a batch and hold its proof against what the stages give when nothing fails."""
    batch = cluster.wait(number, seconds=seconds)
    advice = cluster.artifacts.load(f"gateway/{number}/advice", kind="advice", protocol="1")
    assert cluster.proof(batch) == expected(PROGRAM, advice)
    return batch


@mostly_on_servers
def test_killed_prover_costs_one_attempt_and_a_lease(make_cluster: MakeCluster, tmp_path: Path) -> None:
    cluster = make_cluster()
    (prover,) = cluster.start_all()
    marks = tmp_path / "marks"
    cluster.batch(1, segments=2, seconds=1.5, traceparent=TRACEPARENT, marks=str(marks))
    job_id = cluster.wait_running(Stage.PROVE)
    cluster.until(marks.exists, 5)
    prover.send_signal(signal.SIGKILL)
    killed_at = time.monotonic()
    cluster.start_prover(9)
    cluster.until(lambda: len(status.attempts(cluster.store, job_id=job_id)) == 2, 10)
    assert time.monotonic() - killed_at < 9
    finish(cluster, 1)
    outcomes = [attempt.outcome for attempt in status.attempts(cluster.store, job_id=job_id)]
    assert outcomes == [Outcome.LOST, Outcome.SUCCESSFUL]
    others = [job for job in status.jobs(cluster.store) if job.id != job_id]
    assert all(job.attempts == 1 and job.state is JobState.SUCCESSFUL for job in others)
    spans = read_spans(trace_directory(cluster.settings), TRACE)
    claims = [
        s["attributes"] for s in spans if s["name"] == "claim prove" and s["attributes"]["hallmark.job"] == job_id
    ]
    assert [claim["hallmark.attempt"] for claim in claims] == [1, 2]
    # A later attempt, and the loss of the one before, link to that one though its worker was killed.
    (first, second) = [s for s in spans if s["name"] == "claim prove" and s["attributes"]["hallmark.job"] == job_id]
    (lost,) = [span for span in spans if span["name"] == "lost prove"]
    (done,) = [s for s in spans if s["name"] == "job prove" and s["attributes"]["hallmark.job"] == job_id]
    linked = [[link["span_id"] for link in span["links"]] for span in (first, second, lost, done)]
    assert linked == [[], [first["span_id"]], [first["span_id"]], [second["span_id"], first["span_id"]]]
    services = {span["resource"]["service.name"] for span in spans}
    assert {
        "hallmark-witness",
        "hallmark-vectors",
        "hallmark-prove",
        "hallmark-housekeeper",
    } <= services


@mostly_on_servers
def test_two_housekeepers_and_two_clocks_do_no_harm(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    provers = cluster.start_all(provers=2)
    cluster.start("housekeeper")
    cluster.start("housekeeper", "clock")
    cluster.batch(1, segments=6, seconds=0.4)
    cluster.wait_running(Stage.PROVE)
    provers[0].send_signal(signal.SIGKILL)
    finish(cluster, 1)
    jobs = status.jobs(cluster.store)
    assert sum(job.attempts for job in jobs) <= len(jobs) + 1
    assert all(job.state is JobState.SUCCESSFUL for job in jobs)
    spent = costs.cost_of_batch(cluster.store, status.batch(cluster.store, 1).id)
    assert spent.cpu_seconds > 0 and spent.device_seconds == 0
    assert spent.stored_bytes > len(cluster.proof(status.batch(cluster.store, 1))) and spent.loaded_bytes > 0
    kept = [path for path in (cluster.settings.state_dir / "local").rglob("*") if path.is_file()]
    assert kept == [], "what was made for provers goes once it is proven"


@mostly_embedded
def test_sigterm_gives_the_job_back_and_leaves_with_zero(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    (prover,) = cluster.start_all()
    cluster.batch(1, segments=1, seconds=6)
    job_id = cluster.wait_running(Stage.PROVE)
    time.sleep(0.3)
    prover.send_signal(signal.SIGTERM)
    assert prover.wait(8) == 0
    job = status.job(cluster.store, job_id)
    assert job.state is JobState.QUEUED and job.failures == 0
    assert status.attempts(cluster.store, job_id=job_id)[0].outcome == Outcome.RELEASED
    cluster.store.cancel_batch(job.batch_id)


@mostly_embedded
def test_a_job_that_cannot_succeed_is_dead_with_its_cause(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(HALLMARK_MAX_ATTEMPTS="2")
    cluster.start_all()
    cluster.batch(1, fail="trap")
    cluster.batch(2, segments=1, fail="bug")
    cluster.wait(1, BatchState.DEAD)
    cluster.wait(2, BatchState.DEAD)
    trapped, broken = status.jobs(cluster.store, state=JobState.DEAD)
    assert (trapped.error_code, trapped.attempts) == ("invalid_input", 1) and "trapped at pc" in trapped.error
    assert (broken.error_code, broken.attempts) == ("internal", 2) and "prove_segment" in broken.traceback
    cluster.batch(3, segments=1)
    finish(cluster, 3)


def test_cancelled_batch_stops_a_running_proof(embedded: Cluster) -> None:
    embedded.start_all()
    batch = embedded.batch(1, segments=1, seconds=20)
    embedded.wait_running(Stage.PROVE)
    embedded.store.cancel_batch(batch.id)
    embedded.batch(2, segments=1)
    finish(embedded, 2, seconds=10)
    assert status.batch(embedded.store, 1).state is BatchState.CANCELLED


def test_damaged_artifact_is_named_in_the_row(embedded: Cluster) -> None:
    embedded.start("actors.run", "--stage", "witness")
    embedded.batch(1)
    embedded.until(lambda: len(status.jobs(embedded.store)) > 1, 20)
    name = status.jobs(embedded.store, stage=Stage.VECTORS)[0].inputs["checkpoint"]
    path = Path(str(embedded.artifacts.folder)) / name
    damaged = bytearray(path.read_bytes())
    damaged[-3] ^= 1
    path.write_bytes(damaged)
    embedded.start("actors.run", "--stage", "vectors")
    embedded.wait(1, BatchState.DEAD)
    dead = status.jobs(embedded.store, state=JobState.DEAD)[0]
    maker = status.jobs(embedded.store, stage=Stage.WITNESS)[0]
    assert dead.error_code == "artifact_corrupt" and name in dead.error and f"made by job {maker.id}" in dead.error


def test_prover_without_the_records_replays_the_checkpoint(embedded: Cluster) -> None:
    for stage in (Stage.WITNESS, Stage.VECTORS):
        embedded.start("actors.run", "--stage", stage)
    embedded.batch(1, segments=2)
    embedded.until(lambda: embedded.store.ready([Stage.PROVE], protocol_versions=["1"]), 20)
    embedded.until(lambda: len(status.jobs(embedded.store, stage=Stage.PROVE, state=JobState.QUEUED)) == 2, 20)
    for path in (embedded.settings.state_dir / "local").rglob("execution_records"):
        path.unlink()
    embedded.start_prover(0)
    finish(embedded, 1)
    assert "making the vectors again" in embedded.log()


def test_full_disk_is_a_cause_and_the_job_goes_on_when_there_is_room(embedded: Cluster) -> None:
    embedded.start("actors.run", "--stage", "witness", HALLMARK_DISK_RESERVE=str(1 << 60))
    embedded.batch(1, segments=1)
    embedded.until(lambda: status.jobs(embedded.store)[0].error_code == "disk_full", 20)
    for process in embedded.processes:
        process.terminate()
        assert process.wait(10) == 0
    embedded.store.requeue(status.jobs(embedded.store)[0].id)
    embedded.start_all()
    finish(embedded, 1)


def test_endpoints_report_progress_and_metrics(embedded: Cluster) -> None:
    import urllib.request

    embedded.start_all()
    embedded.batch(1, segments=2)
    finish(embedded, 1)

    def entries() -> dict[str, dict[str, Any]]:
        return {entry["process"]: entry for entry in run_files.running(embedded.settings.state_dir)}

    def get(process: str, path: str) -> str:
        entry = entries()[process]
        return str(urllib.request.urlopen(f"http://{entry['host']}:{entry['port']}{path}", timeout=5).read().decode())

    assert json.loads(get("witness", "/health")) == {"process": "witness", "status": "up"}
    ready = json.loads(get("prove.0", "/ready"))
    assert ready["ready"] and ready["seconds_since"]["finish"] >= 0
    assert 'hallmark_attempts_finished_total{code="",outcome="successful",stage="prove"} 7.0' in get(
        "prove.0", "/metrics"
    )
    embedded.until(
        lambda: (
            'hallmark_jobs{cluster="local",stage="prove",status="successful"} 7.0' in get("housekeeper", "/metrics")
        ),
        8,
    )
    metrics = get("housekeeper", "/metrics")
    assert "hallmark_outbox_pending 0.0" in metrics and "hallmark_dead_jobs 0.0" in metrics
    assert os.getpid() != entries()["clock"]["pid"]


def test_a_lost_device_ends_the_process_and_another_one_finishes_the_job(embedded: Cluster, tmp_path: Path) -> None:
    (prover,) = embedded.start_all()
    embedded.batch(1, segments=1, fail="device", marks=str(tmp_path / "marks"))
    assert prover.wait(20) == Exit.RESTART
    embedded.start_prover(9)
    finish(embedded, 1)
    (job,) = (job for job in status.jobs(embedded.store, stage=Stage.PROVE) if job.round == 0)
    outcomes = [(attempt.outcome, attempt.error_code) for attempt in status.attempts(embedded.store, job_id=job.id)]
    assert outcomes == [(Outcome.FAILED, "device_lost"), (Outcome.SUCCESSFUL, "")]
