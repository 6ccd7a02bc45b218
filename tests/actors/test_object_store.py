"""Workers whose artifacts lie on an S3 server that goes away: an outage costs time and no attempt."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from broker.jobs import JobState, Outcome, Stage, status, stuck
from tests.actors.cluster import Cluster
from tests.actors.conftest import server_variables
from tests.actors.test_pipeline import finish
from tests.broker.faulty_proxy import FaultyProxy
from tests.servers import shared_object_store


def test_an_outage_of_the_store_costs_no_attempt_and_is_told(tmp_path: Path) -> None:
    server = shared_object_store()
    with FaultyProxy(server.port) as proxy:
        variables = {**server.variables(proxy.endpoint), "HALLMARK_STORE_RETRY_SECONDS": "1"}
        cluster = Cluster(tmp_path, **server_variables(), **variables)
        try:
            cluster.start_all()
            cluster.batch(1, segments=3, seconds=1)
            cluster.wait_running(Stage.PROVE)
            proxy.down.set()
            cluster.until(lambda: any(each.kind == "store_away" for each in stuck.troubles(cluster.store)), 30)
            time.sleep(8)
            assert not status.jobs(cluster.store, state=JobState.DEAD)
            proxy.down.clear()
            finish(cluster, 1)
            attempts = [attempt for job in status.jobs(cluster.store) for attempt in _of(cluster, job.id)]
            outcomes = {attempt.outcome for attempt in attempts}
            assert outcomes == {Outcome.SUCCESSFUL, Outcome.RELEASED}
            assert all(job.failures == 0 for job in status.jobs(cluster.store))
            assert not [each for each in stuck.troubles(cluster.store) if each.kind == "store_away"]
        finally:
            cluster.stop()


@pytest.mark.long
def test_an_unreliable_store_only_costs_time(tmp_path: Path) -> None:
    server = shared_object_store()
    with FaultyProxy(server.port) as proxy:
        cluster = Cluster(tmp_path, **server.variables(proxy.endpoint), HALLMARK_STORE_CACHE="0")
        try:
            cluster.start_all()
            for method in ("GET", "PUT"):
                proxy.fault(method, *(["", "503", "lost", "", "truncated" if method == "GET" else ""] * 6))
            cluster.batch(1, segments=4, seconds=0.1)
            finish(cluster, 1)
            assert all(job.attempts == 1 for job in status.jobs(cluster.store))
            assert not proxy.faults["GET"] and not proxy.faults["PUT"], "every fault was met"
        finally:
            cluster.stop()


def _of(cluster: Cluster, job_id: int) -> list[status.Attempt]:
    return status.attempts(cluster.store, job_id=job_id)
