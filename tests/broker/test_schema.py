"""The schema is frozen: changing it is a migration, a decision and a new ``schema.sql`` (run this file to write it)."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest

from broker.jobs import BatchState, JobDatabase, JobSpec, JobStore, Stage, Worker, schema, status

FROZEN = Path(__file__).with_name("schema.sql")


def statements(database: JobDatabase) -> str:
    """Return what SQLite was told to make, in order of name."""
    rows = database.read(
        "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%' ORDER BY name"
    )
    return "".join(f"{row['sql']};\n" for row in rows)


def migrated(folder: Path) -> JobDatabase:
    database = JobDatabase(f"sqlite:///{folder}/jobs.db")
    schema.migrate(database)
    return database


def test_the_schema_is_the_frozen_one(tmp_path: Path) -> None:
    assert statements(migrated(tmp_path)) == FROZEN.read_text()


def test_rows_of_the_first_schema_go_on_after_the_migration(database_url: str) -> None:
    database = JobDatabase(database_url)
    database.transact(lambda session: schema._runner(database).up("0001_first"))
    columns = (
        "id, batch_id, chain_id, protocol_version, stage, state, waiting_on, final, available_at, created_at, queued_at"
    )
    rows = [
        (1, 1, "witness", "successful", 0, 0),
        (2, 1, "prove", "queued", 0, 0),
        (3, 1, "bundle", "waiting", 1, 1),
        (4, 2, "bundle", "successful", 0, 1),
    ]
    for number, state, finished in ((1, "in_progress", "NULL"), (2, "proven", "5")):
        database.transact(
            lambda session, values=(number, state, finished): session.run(
                "INSERT INTO batches (id, chain_id, number, protocol_version, state, created_at, finished_at, result)"
                f" VALUES ({values[0]}, 4242, {values[0]}, '1', '{values[1]}', 1, {values[2]}, 'r')"
            )
        )
    for job_id, batch_id, stage, state, waiting_on, final in rows:
        values = f"{job_id}, {batch_id}, 4242, '1', '{stage}', '{state}', {waiting_on}, {final}, 1, 1, 1"
        database.transact(lambda session, v=values: session.run(f"INSERT INTO jobs ({columns}) VALUES ({v})"))
    database.transact(lambda session: session.run("INSERT INTO dependencies (job_id, depends_on) VALUES (3, 2)"))
    database.transact(
        lambda session: session.run("""UPDATE jobs SET parameters = '{"key_identity": "p:aa"}' WHERE batch_id = 1""")
    )
    assert schema.migrate(database) == ["0002_clock", "0003_rounds", "0004_versions", "0005_cost", "0006_clock_skew"]
    store = JobStore(database)
    assert [status.batch(store, number).key_identity for number in (1, 2)] == ["p:aa", ""]
    assert {job.key_identity for job in status.jobs(store, batch_id=1)} == {"p:aa"}
    assert status.numbers(store).latency_total_seconds == 4
    store.requeue(1)
    assert [job.state for job in status.jobs(store, batch_id=1)] == ["queued", "waiting", "waiting"]
    assert [(str(job.stage), job.round) for job in status.jobs(store, batch_id=1)][-1] == ("prove", 4)
    children = [JobSpec(Stage.PROVE, key="p"), JobSpec(Stage.PROVE, key="last", round=4, depends_on=["p"], final=True)]
    for stage, specs in ((Stage.WITNESS, children), (Stage.PROVE, []), (Stage.PROVE, [])):
        held = store.claim([stage], Worker("w"), protocol_versions=["1"])
        assert held is not None
        store.complete(held, "x", specs)
    assert status.batch(store, 1).state is BatchState.PROVEN
    database.close()


def test_a_migration_that_is_killed_half_way_changes_nothing_and_is_repeated(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = JobDatabase(database_url)
    database.transact(lambda session: schema._runner(database).up("0003_rounds"))
    execute, seen = database.peewee.execute_sql, []

    def dies(statement: str, *arguments: Any) -> Any:
        seen.append(statement)
        if "CREATE TABLE protocol_versions" in statement:
            raise RuntimeError("killed")
        return execute(statement, *arguments)

    monkeypatch.setattr(database.peewee, "execute_sql", dies)
    with pytest.raises(RuntimeError, match="killed"):
        schema.migrate(database)
    monkeypatch.undo()
    assert any("ALTER TABLE jobs ADD COLUMN key_identity" in each for each in seen)
    assert schema.migrate(database) == ["0004_versions", "0005_cost", "0006_clock_skew"]
    schema.check(database)
    database.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        FROZEN.write_text(statements(migrated(Path(folder))))
