"""Workers that the system gives less memory than their job takes."""

from __future__ import annotations

import shutil

import pytest

from broker.jobs import JobState, Outcome, Stage, status
from tests.actors.cluster import Cluster

GIB = 1 << 30


def test_an_attempt_that_gets_no_memory_is_named_so_and_the_process_goes_on(embedded: Cluster) -> None:
    if shutil.which("prlimit") is None:
        pytest.skip("no prlimit (apt-get install util-linux)")
    for stage in (Stage.WITNESS, Stage.VECTORS):
        embedded.start("actors.run", "--stage", stage)
    embedded.start("housekeeper")
    embedded.start("housekeeper", "clock")
    within = ("prlimit", f"--as={4 * GIB}")
    prover = embedded.start("actors.run", "--stage", "prove", within=within, HALLMARK_MAX_ATTEMPTS="2")
    embedded.batch(1, segments=1, hoard=64 * GIB)
    embedded.until(lambda: bool(status.jobs(embedded.store, state=JobState.DEAD)), 30)
    (dead,) = status.jobs(embedded.store, state=JobState.DEAD)
    attempts = status.attempts(embedded.store, job_id=dead.id)
    assert [(each.outcome, each.error_code) for each in attempts] == [(Outcome.FAILED, "out_of_memory")] * 2
    assert prover.poll() is None
