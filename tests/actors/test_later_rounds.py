"""The rounds after the first as jobs: leaves, nodes of many depths, tip, scheduler, and what can go wrong in them."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path

import pytest

from broker.jobs import Batch, Job, JobState, Stage, status
from proving.stages.rounds import Round, tree
from tests.actors.cluster import Cluster
from tests.actors.test_lease import context
from tests.actors.test_pipeline import finish

__all__ = ["context"]


def jobs_of(cluster: Cluster, batch: Batch, round_: Round, stage: Stage) -> list[Job]:
    found = status.jobs(cluster.store, batch_id=batch.id, stage=stage, limit=100_000)
    return sorted((job for job in found if job.round == round_), key=lambda job: (job.depth, job.index))


def nodes_in_progress(cluster: Cluster) -> list[Job]:
    running = status.jobs(cluster.store, stage=Stage.PROVE, state=JobState.IN_PROGRESS)
    return [job for job in running if job.round == Round.NODE and job.worker]


def begun(marks: Path) -> list[str]:
    """Proofs of later rounds in the order in which a prover began them: round, first and last segment."""
    return [line.rpartition(" ")[0] for line in marks.read_text().splitlines()] if marks.exists() else []


@pytest.mark.long
def test_a_hundred_segments_with_a_prover_killed_in_a_node(embedded: Cluster, tmp_path: Path) -> None:
    _kill_in_a_node(embedded, tmp_path / "later", segments=101, depths=7)


def test_a_prover_killed_in_a_node_on_servers(on_servers: Cluster, tmp_path: Path) -> None:
    _kill_in_a_node(on_servers, tmp_path / "later", segments=21, depths=5)


def test_requests_of_several_types_are_tied_to_the_run(embedded: Cluster) -> None:
    """What one job saves for all of them has a name each, and each type has its own chain of leaves and nodes."""
    embedded.start_all()
    parts = {"arith256": 3, "keccak_f": 2, "blake2s": 1}
    embedded.batch(1, segments=2, parts=parts)
    batch = finish(embedded, 1)
    proven = jobs_of(embedded, batch, Round.BASIC, Stage.PROVE)
    assert Counter(job.circuit_type for job in proven) == {"main_vm": 2, **parts}
    assert len({tuple(job.inputs.values()) for job in proven}) == len(proven)


def _kill_in_a_node(cluster: Cluster, marks: Path, *, segments: int, depths: int) -> None:
    provers = cluster.start_all(provers=2)
    cluster.batch(1, segments=segments, later_seconds=0.05, later_marks=str(marks))
    seen: list[Job] = []

    def in_a_node() -> bool:
        seen.extend(nodes_in_progress(cluster))
        return bool(seen)

    cluster.until(in_a_node, 60)
    process = next(prover for prover in provers if f"/{prover.pid}" in seen[0].worker)
    process.send_signal(signal.SIGKILL)
    batch = finish(cluster, 1, seconds=240)
    jobs = status.jobs(cluster.store, batch_id=batch.id, limit=100_000)
    wanted = 1 + 2 * segments + 3 * (len(tree(segments)) - segments)
    assert len(jobs) == wanted and all(job.state is JobState.SUCCESSFUL for job in jobs)
    assert max(job.depth for job in jobs) == depths
    assert sum(job.attempts for job in jobs) <= wanted + 1
