"""Every statement that runs now and then on all rows uses an index, and reads the clock once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from broker.jobs import JobSpec, JobStore, Stage, Worker, schema, sql
from broker.jobs.database import JobDatabase
from tests.servers import shared_postgresql

ROWS = 30_000

#: Statements of sweep, relay, claim and tick with parameters; ``{filters}`` as a worker of one stage fills it in.
FILTERS = "AND chain_id = 4242 AND stage IN ('prove') AND protocol_version IN ('1')"
STATEMENTS: dict[str, dict[str, Any]] = {
    "CLAIM": {"token": "t", "lease": 9.0, "worker": "w"},
    "READY": {},
    "PEEK": {},
    "DELAY_OVER": {},
    "END_DELAYS": {"limit": 200},
    "END_FUTURE_DELAYS": {"limit": 200},
    "RESTART_FUTURE_LEASES": {"limit": 1000},
    "EXPIRED": {"limit": 1000},
    "REANNOUNCE": {"stage": "prove", "age": 60.0, "limit": 20},
    "UNANNOUNCED": {"limit": 200, "grace": 1.0},
    "ANNOUNCED": {"stage": "prove", "limit": 100},
    "TICKS_WAITING": {},
}


def fill(database: JobDatabase, *, state: str, announced: str, available: str = "{now}") -> None:
    """Add rows as a batch of many segments has them."""
    numbers = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows)"
        if database.sqlite
        else "WITH n(i) AS (SELECT generate_series(1, :rows))"
    )
    database.transact(
        lambda session: session.run(
            "INSERT INTO jobs (batch_id, chain_id, protocol_version, stage, circuit_type, position, state,"
            f" available_at, announced_at, queued_at, created_at) {numbers}"
            f" SELECT 1, 4242, '1', 'prove', '{state}', i, '{state}', {available}, {announced}, {{now}}, {{now}}"
            " FROM n",
            rows=ROWS,
        )
    )


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobStore]:
    """A store of many rows, which the tests only ask about; filling it takes longer than all of them."""
    folder = tmp_path_factory.mktemp("plans")
    sqlite = request.param == "sqlite"
    database = JobDatabase(f"sqlite:///{folder}/jobs.db" if sqlite else shared_postgresql().create_database())
    schema.migrate(database)
    store = JobStore(database, lease_seconds=30, max_attempts=3, retry_seconds=0)
    store.create_batch(1, protocol_version="1", jobs=[JobSpec(Stage.WITNESS)])
    fill(store.database, state="successful", announced="NULL")
    fill(store.database, state="queued", announced="{now} - 100")
    fill(store.database, state="failed", announced="NULL", available="{now} + 100")
    if not store.database.sqlite:
        store.database.transact(lambda session: session.run("ANALYZE"))
    yield store
    database.close()


def plan(store: JobStore, statement: str, parameters: dict[str, Any]) -> str:
    explain = "EXPLAIN QUERY PLAN " if store.database.sqlite else "EXPLAIN "
    rows = store.database.transact(lambda session: session.rows(explain + statement, **parameters))
    return "\n".join(str(row.get("detail") or row.get("QUERY PLAN")) for row in rows)


@pytest.mark.parametrize("name", STATEMENTS)
@pytest.mark.parametrize("recursive", sql.ROUNDS)
def test_no_statement_reads_the_table_of_jobs(filled: JobStore, name: str, recursive: bool | None) -> None:
    statement = getattr(sql, name)
    if recursive is not None and "{filters}" not in statement:
        pytest.skip("it is of all rounds")
    statement = statement.replace("{filters}", (FILTERS if name != "ANNOUNCED" else "") + sql.ROUNDS[recursive])
    found = plan(filled, statement, STATEMENTS[name])
    assert not re.search(r"Seq Scan on jobs|SCAN (jobs|j|fresh|busy)\b(?! USING)", found), found
    if filled.database.sqlite or name in ("CLAIM", "READY", "PEEK", "END_DELAYS", "UNANNOUNCED"):
        found = found.replace("busy USING COVERING INDEX jobs_state", "")
        assert "jobs_state" not in found and "Sort" not in found and "TEMP B-TREE" not in found, found


def test_the_clock_is_read_once_per_statement(store: JobStore) -> None:
    reading = "SELECT {now} AS a, {now} AS b"
    row = store.database.read(reading)[0]
    assert row["a"] == row["b"]
    if not store.database.sqlite:
        (function,) = re.findall(r"(\w+)\(\)", store.database.now)
        volatility = store.database.read("SELECT provolatile AS v FROM pg_proc WHERE proname = :name", name=function)
        assert [row["v"] for row in volatility] == ["s"], "a volatile clock keeps every index from being used"


def test_a_claim_past_delayed_rows_is_as_quick_as_any(store: JobStore) -> None:
    """Counted in steps of the database's machine, which no other load of this host changes."""
    if not store.database.sqlite:
        pytest.skip("it is SQLite whose claims wait for one another")
    store.create_batch(1, protocol_version="1", jobs=[JobSpec(Stage.PROVE, index=10 * ROWS)])
    fill(store.database, state="failed", announced="NULL", available="{now} + 100")
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    connection = store.database.peewee.connection()
    connection.set_progress_handler(step, 100)
    held = store.claim([Stage.PROVE], Worker("w"), protocol_versions=["1"])
    connection.set_progress_handler(None, 0)
    assert held is not None and held.job.index == 10 * ROWS
    assert steps < ROWS / 100, "each delayed row was looked at"


def test_a_sweep_over_many_stale_announcements_sends_a_few_again(filled: JobStore) -> None:
    """The last one here: it changes the rows."""
    swept = filled.sweep(announce_after=60)
    assert swept.lost == () and swept.reannounced == 20
