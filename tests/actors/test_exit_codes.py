"""A bad configuration ends a process at once, with one line that says what to do; an outage does not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from runtime.process import Exit
from tests.actors.cluster import ROOT, Cluster
from tests.servers import PostgreSQL, RabbitMQ

BAD_CONFIGURATION = 78


def run(cluster: Cluster, *arguments: str, **variables: str) -> tuple[int, str]:
    environment = {"PATH": "/usr/bin:/bin", **cluster.variables, **variables}
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("arguments", [("actors.run", "--stage", "prove"), ("housekeeper",), ("housekeeper", "clock")])
def test_wrong_database_password(embedded: Cluster, postgresql: PostgreSQL, arguments: tuple[str, ...]) -> None:
    code, said = run(embedded, *arguments, HALLMARK_DATABASE_URL=postgresql.url(password="wrong"))
    assert code == BAD_CONFIGURATION
    assert said.startswith("configuration: ") and "password authentication failed" in said and ":wrong@" not in said
    assert len(said.strip().splitlines()) == 1


def test_wrong_broker_password(embedded: Cluster, rabbitmq: RabbitMQ) -> None:
    code, said = run(embedded, "actors.run", "--stage", "witness", HALLMARK_BROKER_URL=rabbitmq.url(password="wrong"))
    assert code == BAD_CONFIGURATION and ":wrong@" not in said
    assert "refuses" in said and len(said.strip().splitlines()) == 1


def test_every_fault_of_the_environment_is_named(embedded: Cluster) -> None:
    wrong = {"HALLMARK_CHAIN_ID": "-4", "HALLMARK_LEASE_SECONDS": "soon", "HALLMARK_BROKER_URL": "redis://x"}
    code, said = run(embedded, "actors.run", "--stage", "prove", **wrong)
    assert code == BAD_CONFIGURATION and all(name in said for name in wrong)


def test_database_of_another_schema_version(embedded: Cluster) -> None:
    embedded.store.database.transact(
        lambda session: session.run("INSERT INTO schema_migration (name, applied) VALUES ('0999_x', '2030-01-01')")
    )
    code, said = run(embedded, "actors.run", "--stage", "prove")
    assert code == BAD_CONFIGURATION and said.startswith("schema_ahead: ") and "0999_x" in said


def test_missing_stage_module(embedded: Cluster) -> None:
    code, said = run(embedded, "actors.run", "--stage", "prove", HALLMARK_STAGES="nowhere.at_all")
    assert code == BAD_CONFIGURATION and said.strip().splitlines()[-1].startswith("stage_unavailable: ")


def test_migrate_is_idempotent_and_says_what_it_did(embedded: Cluster, postgresql: PostgreSQL, tmp_path: Path) -> None:
    url = postgresql.create_database()
    done = [
        run(embedded, "broker.jobs", command, HALLMARK_DATABASE_URL=url)[0]
        for command in ("migrate", "migrate", "check")
    ]
    assert done == [0, 0, 0]
    assert (
        run(embedded, "broker.jobs", "check", HALLMARK_DATABASE_URL=postgresql.create_database())[0]
        == BAD_CONFIGURATION
    )


def test_a_worker_over_its_memory_budget_asks_to_be_started_again(embedded: Cluster) -> None:
    embedded.start("actors.run", "--stage", "vectors", HALLMARK_MEMORY="1M")
    assert embedded.processes[-1].wait(30) == Exit.RESTART
    assert "over the memory budget" in embedded.log()
