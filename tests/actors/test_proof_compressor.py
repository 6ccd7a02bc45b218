"""The stage that makes a batch's SNARK, through real processes."""

from __future__ import annotations

import signal
from pathlib import Path

from broker.jobs import Batch, BatchState, JobState, Outcome, Stage, status
from proving.stages import delivery
from tests.actors.cluster import PROGRAM, Cluster
from tests.actors.conftest import MakeCluster, mostly_embedded, mostly_on_servers
from tests.actors.small_stages import SNARK_KEY_DIGEST, compress, expected


def check(cluster: Cluster, batch: Batch) -> None:
    """Hold what goes back to core against what the stages give when nothing fails."""
    advice = cluster.artifacts.load(f"gateway/{batch.number}/advice", kind="advice", protocol="1")
    proof = expected(PROGRAM, advice)
    snark = compress(proof, backend=None, profile="proven100", setup=None, progress=lambda fraction, note: None)
    assert delivery.unpack(cluster.proof(batch), protocol="1") == (proof, snark)


@mostly_on_servers
def test_a_batch_ends_in_its_proof_with_the_snark_though_the_compressor_is_killed(
    make_cluster: MakeCluster, tmp_path: Path
) -> None:
    cluster = make_cluster()
    cluster.start_all(compressors=1)
    marks = tmp_path / "later"
    cluster.batch(1, snark_key=SNARK_KEY_DIGEST, later_seconds=0.6, later_marks=str(marks))
    job_id = cluster.wait_running(Stage.COMPRESS)
    [compressor] = [process for process in cluster.processes if "compress" in process.args]
    compressor.send_signal(signal.SIGKILL)
    cluster.start("actors.run", "--stage", "compress", HONCHO_PROCESS_NAME="compress.2")
    check(cluster, cluster.wait(1, seconds=40))
    outcomes = [attempt.outcome for attempt in status.attempts(cluster.store, job_id=job_id)]
    assert outcomes == [Outcome.LOST, Outcome.SUCCESSFUL]
    assert [job.round for job in status.jobs(cluster.store, stage=Stage.COMPRESS)] == [4]


@mostly_embedded
def test_a_compressor_with_another_key_refuses_the_job_and_says_so(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(HALLMARK_MAX_ATTEMPTS="1")
    cluster.start_all(compressors=1)
    batch = cluster.batch(1, snark_key="ef" * 32)
    cluster.wait(1, BatchState.DEAD)
    [job] = status.jobs(cluster.store, batch_id=batch.id, stage=Stage.COMPRESS)
    assert job.state is JobState.DEAD and "other_keys" in job.error_code and SNARK_KEY_DIGEST in job.error
