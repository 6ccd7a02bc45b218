"""A network that is cut closes no connection: whoever waits for an answer must give up, and nobody's locks may stay."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from broker.jobs import JobDatabase, JobSpec, JobStore, Stage, Worker, schema
from runtime.errors import DatabaseUnavailable
from tests.relay import Relay
from tests.servers import PostgreSQL, postgresql

__all__ = ["postgresql"]


@pytest.mark.parametrize("forgotten", [False, True], ids=["delayed", "forgotten"])
def test_a_database_that_owes_an_answer_counts_as_away_and_is_found_again(
    postgresql: PostgreSQL, forgotten: bool
) -> None:
    with Relay(postgresql.port) as way:
        database = JobDatabase(way.through(postgresql.create_database()) + "?connect_timeout=2", answer_seconds=0.3)
        assert database.read("SELECT 1 AS one") == [{"one": 1}]
        way.cut()
        started = time.monotonic()
        with pytest.raises(DatabaseUnavailable):
            database.transact(lambda session: session.run("CREATE TABLE late (value int)"))
        assert time.monotonic() - started < 5
        way.heal(forgotten=forgotten)
        assert database.read("SELECT 2 AS two") == [{"two": 2}]
        database.close()


def test_one_thread_waits_and_the_others_know(postgresql: PostgreSQL) -> None:
    with Relay(postgresql.port) as way, ThreadPoolExecutor(1) as other:
        database = JobDatabase(way.through(postgresql.create_database()), answer_seconds=1)
        both = (lambda work: work()), (lambda work: other.submit(work).result())
        for run in both:
            run(lambda: database.read("SELECT 1 AS one"))
        way.cut()
        way.heal(forgotten=True)
        took = []
        for run in both:
            started = time.monotonic()
            assert run(lambda: database.read("SELECT 2 AS two")) == [{"two": 2}]
            took.append(time.monotonic() - started)
        assert took[0] > 0.9 > took[1], took
        other.submit(database.close).result()
        database.close()


def test_a_statement_of_a_migration_may_take_longer(postgresql: PostgreSQL) -> None:
    database = JobDatabase(postgresql.create_database(), answer_seconds=0.3)
    with psycopg.connect(database.url) as other:
        other.execute(f"SELECT pg_advisory_xact_lock({schema._LOCK})")
        with pytest.raises(DatabaseUnavailable, match=r"no answer within 0\.3 s"):
            database.read(f"SELECT pg_advisory_xact_lock({schema._LOCK})")
        other.execute("SELECT pg_sleep(1)")
    assert schema.migrate(database)
    database.close()


def test_a_job_of_a_worker_that_is_cut_off_in_a_transaction_is_swept(postgresql: PostgreSQL) -> None:
    url = postgresql.create_database()
    with psycopg.connect(url, autocommit=True) as owner:
        name = url.rpartition("/")[2]
        owner.execute(
            f"ALTER ROLE CURRENT_USER IN DATABASE {name} SET idle_in_transaction_session_timeout = '1s'"  # type: ignore[call-overload]
        )
    database = JobDatabase(url)
    schema.migrate(database)
    store = JobStore(database, lease_seconds=0.2)
    store.create_batch(1, protocol_version="1", jobs=[JobSpec(Stage.PROVE)])
    assert store.claim([Stage.PROVE], Worker("cut off"), protocol_versions=["1"]) is not None
    silent = psycopg.connect(url)
    silent.execute("UPDATE jobs SET priority = priority")
    time.sleep(0.4)
    assert not store.sweep().lost, "its lock keeps the row from the sweep"
    deadline = time.monotonic() + 10
    while not (lost := store.sweep().lost) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(lost) == 1
    silent.close()
    database.close()


def test_every_database_ends_silent_transactions(postgresql: PostgreSQL) -> None:
    database = JobDatabase(postgresql.create_database())
    for _ in range(2):
        schema.migrate(database)
    with psycopg.connect(database.url) as other:
        assert other.execute("SHOW idle_in_transaction_session_timeout").fetchone() == ("1min",)
    database.close()
