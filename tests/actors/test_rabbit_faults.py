"""What RabbitMQ and PostgreSQL can do to a batch in flight; each ends in one proof, and each proof is made once."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import psycopg
import pytest

from broker.jobs import JobState, Outcome, Stage, status
from tests.actors.cluster import Cluster
from tests.actors.test_pipeline import finish
from tests.servers import PostgreSQL, RabbitMQ


def proofs_made(marks: Path) -> list[int]:
    """Segment numbers in the order in which a prover began them."""
    return [int(line.split()[0]) for line in marks.read_text().splitlines()]


def test_purged_queues_cost_only_time(on_servers: Cluster, rabbitmq: RabbitMQ, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    on_servers.start_all()
    on_servers.batch(1, segments=4, seconds=0.8, marks=str(marks))
    for _ in range(3):
        on_servers.wait_running(Stage.PROVE)
        rabbitmq.purge()
        time.sleep(0.3)
    finish(on_servers, 1)
    assert sorted(proofs_made(marks)) == [0, 1, 2, 3]


@pytest.mark.long
def test_a_busy_worker_keeps_no_job_from_an_idle_one(on_servers: Cluster, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    on_servers.start_all()
    on_servers.batch(1, segments=1, seconds=4)
    busy = on_servers.wait_running(Stage.PROVE)
    on_servers.batch(2, segments=3, seconds=0.1, marks=str(marks))
    on_servers.start_prover(1)
    finish(on_servers, 2)
    assert status.job(on_servers.store, busy).state is JobState.IN_PROGRESS, "it is still at work"
    assert sorted(proofs_made(marks)) == [0, 1, 2]
    on_servers.store.cancel_batch(status.batch(on_servers.store, 1).id)


def test_closed_connections_repeat_no_proof(on_servers: Cluster, rabbitmq: RabbitMQ, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    on_servers.start_all(provers=2)
    on_servers.batch(1, segments=4, seconds=2, marks=str(marks))
    on_servers.until(lambda: len(status.jobs(on_servers.store, stage=Stage.PROVE, state=JobState.IN_PROGRESS)) == 2, 20)
    closed = 0
    deadline = time.monotonic() + 8
    while not closed and time.monotonic() < deadline:
        closed = rabbitmq.close_connections("prove")
        time.sleep(0.2)
    assert closed
    finish(on_servers, 1)
    assert sorted(proofs_made(marks)) == [0, 1, 2, 3]
    assert all(job.attempts == 1 for job in status.jobs(on_servers.store))


def test_restarted_broker_repeats_no_proof(on_servers: Cluster, rabbitmq: RabbitMQ, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    on_servers.start_all()
    on_servers.batch(1, segments=2, seconds=4, marks=str(marks))
    on_servers.wait_running(Stage.PROVE)
    rabbitmq.restart()
    finish(on_servers, 1, seconds=60)
    assert sorted(proofs_made(marks)) == [0, 1]
    assert all(job.attempts == 1 for job in status.jobs(on_servers.store))


def test_database_outage_is_waited_out(on_servers: Cluster, postgresql: PostgreSQL, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    processes = on_servers.start_all()
    on_servers.batch(1, segments=1, seconds=3, marks=str(marks))
    on_servers.wait_running(Stage.PROVE)
    postgresql.stop()
    time.sleep(1.5)
    postgresql.start()
    finish(on_servers, 1)
    assert all(process.poll() is None for process in [*processes, *on_servers.processes])


def test_without_a_broker_work_goes_on(on_servers: Cluster, rabbitmq: RabbitMQ) -> None:
    """The broker is a hint: jobs are found by polls, leases are swept by ticks, and nobody waits for it to start."""
    rabbitmq.stop()
    try:
        (prover,) = on_servers.start_all()
        on_servers.batch(1, segments=2, seconds=1)
        on_servers.wait_running(Stage.PROVE)
        prover.kill()
        on_servers.start_prover(1)
        finish(on_servers, 1, seconds=60)
        assert any(attempt.outcome == Outcome.LOST for attempt in status.attempts(on_servers.store))
    finally:
        rabbitmq.start()
    assert "waiting for the broker" in on_servers.log()
    on_servers.batch(2, segments=1)
    finish(on_servers, 2, seconds=60)


def test_sigkill_of_everything_loses_nothing(on_servers: Cluster) -> None:
    on_servers.start_all()
    on_servers.batch(1, segments=3, seconds=0.5)
    on_servers.wait_running(Stage.PROVE)
    for process in on_servers.processes:
        process.send_signal(signal.SIGKILL)
    on_servers.start_all()
    finish(on_servers, 1)


@pytest.mark.long
def test_broker_and_database_down_together_are_waited_out(
    on_servers: Cluster, rabbitmq: RabbitMQ, postgresql: PostgreSQL, tmp_path: Path
) -> None:
    marks = tmp_path / "marks"
    on_servers.start_all()
    on_servers.batch(1, segments=2, seconds=3, marks=str(marks))
    on_servers.wait_running(Stage.PROVE)
    rabbitmq.stop()
    postgresql.stop()
    time.sleep(1.5)
    postgresql.start()
    rabbitmq.start()
    finish(on_servers, 1, seconds=60)
    assert sorted(set(proofs_made(marks))) == [0, 1]
    assert all(process.poll() is None for process in on_servers.processes)


@pytest.mark.long
def test_a_database_that_is_replaced_by_its_copy_is_gone_on_with(on_servers: Cluster, postgresql: PostgreSQL) -> None:
    """A fail-over: what was at work loses its connections, and finds a copy of the database under the same name."""
    on_servers.start_all()
    on_servers.batch(1, segments=2, seconds=2)
    on_servers.wait_running(Stage.PROVE)
    name = on_servers.variables["HALLMARK_DATABASE_URL"].rpartition("/")[2]
    with psycopg.connect(postgresql.url(), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")  # type: ignore[call-overload]
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        connection.execute(f"ALTER DATABASE {name} RENAME TO {name}_lost")  # type: ignore[call-overload]
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {name}_lost")  # type: ignore[call-overload]
    finish(on_servers, 1, seconds=60)
    assert all(process.poll() is None for process in on_servers.processes)
