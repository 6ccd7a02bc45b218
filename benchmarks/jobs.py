"""The job store and its brokers: one sweep over a million rows, and the way from a stage's end to the next start.

Both run on the real servers that the tests use, and on the real worker processes with stages that do next to nothing.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Final

from benchmarks.figure import Figure, figure
from broker.jobs import BatchState, JobDatabase, JobSpec, JobStore, Stage, schema
from runtime.database import without_hurry
from tests.actors.cluster import Cluster
from tests.servers import shared_postgresql, shared_rabbitmq

ROWS: Final = 1_000_000
_SWEEPS: Final = 7
_BATCHES: Final = 60

# Of a hundred rows: 70 ready and announced long ago, 20 done, 9 delayed, 1 held of which one in ten lost its worker.
_FILL = """
INSERT INTO jobs (batch_id, chain_id, protocol_version, stage, position, state, available_at, announced_at, queued_at,
    created_at, started_at, lease_token, lease_expires_at, renewed_at)
SELECT 1, 4242, '1', CASE WHEN state = 'in_progress' THEN 'vectors' ELSE 'prove' END, i, state,
    {now} + CASE WHEN state = 'failed' THEN 1000 ELSE 0 END, CASE WHEN state = 'queued' THEN {now} - 100 - i END,
    {now} - 100, {now} - 100, CASE WHEN state = 'in_progress' THEN {now} END,
    CASE WHEN state = 'in_progress' THEN CAST(i AS TEXT) END,
    CASE WHEN state = 'in_progress' THEN {now} + CASE WHEN mod(i, 1000) = 0 THEN -1 ELSE 10000 END END,
    CASE WHEN state = 'in_progress' THEN {now} - 5 END
FROM (SELECT i, CASE WHEN mod(i, 100) = 0 THEN 'in_progress' WHEN mod(i, 100) < 10 THEN 'failed'
    WHEN mod(i, 100) < 30 THEN 'successful' ELSE 'queued' END AS state FROM generate_series(1, :rows) AS i) AS rows
"""


# From the end of the last job that a job needs, or that made it, to its start; at the first batch the workers start.
_HOPS = """
SELECT started_at, ready_at FROM (SELECT j.batch_id, j.started_at, (SELECT max(m.finished_at) FROM jobs m
    WHERE m.id = j.made_by OR m.id IN (SELECT depends_on FROM dependencies d WHERE d.job_id = j.id)) AS ready_at
    FROM jobs j) AS hops WHERE batch_id > 1 AND ready_at IS NOT NULL
"""


def sweep(rows: int = ROWS) -> list[Figure]:
    """Measure the housekeeper's sweep on PostgreSQL; the first ends every lost lease, the value is the slowest."""
    store = JobStore(JobDatabase(shared_postgresql().create_database()))
    schema.migrate(store.database)
    fill(store, rows)
    seconds, lost, reannounced = [], 0, 0
    for _ in range(_SWEEPS):
        start = time.perf_counter()
        swept = store.sweep(announce_after=60)
        seconds.append(time.perf_counter() - start)
        lost, reannounced = lost + len(swept.lost), reannounced + swept.reannounced
    store.database.close()
    context = {"rows": rows, "median": statistics.median(seconds), "leases_ended": lost, "reannounced": reannounced}
    return [figure("jobs.sweep_1m", max(seconds), "s", "lower", context=context)]


def fill(store: JobStore, rows: int) -> None:
    """Give a new store of PostgreSQL that many rows, in the states of a system at work."""
    store.create_batch(1, protocol_version="1", jobs=[JobSpec(Stage.WITNESS)])
    # Ten million rows take longer than any answer that a process waits for.
    with without_hurry(store.database.peewee):
        store.database.transact(lambda session: session.run(_FILL, rows=rows))
        store.database.transact(lambda session: session.run("ANALYZE jobs"))


def handover() -> list[Figure]:
    """Measure every hop of batches of one segment, one after the other, on both brokers; the value is the slower's."""
    node = shared_rabbitmq()
    node.purge()
    servers = {"HALLMARK_DATABASE_URL": shared_postgresql().create_database(), "HALLMARK_BROKER_URL": node.url()}
    hops = {"rabbitmq, postgresql": _hops(servers), "embedded, sqlite": _hops({})}
    shown = {}
    for part, name in ((50, "jobs.handover_p50"), (99, "jobs.handover_p99")):
        shown[name] = {broker: round(_percentile(times, part), 2) for broker, times in hops.items()}
    context = {"hops": {broker: len(times) for broker, times in hops.items()}}
    return [
        figure(name, max(values.values()), "ms", "lower", context={**context, "brokers": values})
        for name, values in shown.items()
    ]


def _hops(variables: dict[str, str]) -> list[float]:
    """Return the milliseconds from when a job could start to when it did, on the database's clock."""
    with tempfile.TemporaryDirectory(prefix="hallmark-handover-") as folder:
        # The shipped periods, not the short ones of the tests.
        shipped = {"HALLMARK_POLL_SECONDS": "5", "HALLMARK_SWEEP_SECONDS": "2", "HALLMARK_ANNOUNCE_SECONDS": "60"}
        cluster = Cluster(Path(folder), **{**shipped, **variables})
        try:
            cluster.start_all()
            cluster.batch(1, segments=1)
            cluster.wait(1, BatchState.PROVEN, 120)
            for number in range(2, _BATCHES + 2):
                cluster.batch(number, segments=1)
                cluster.wait(number, BatchState.PROVEN, 60)
            rows = cluster.store.database.read(_HOPS)
        finally:
            cluster.stop()
    hops = [1000 * (row["started_at"] - row["ready_at"]) for row in rows]
    assert min(hops) >= 0, "no job starts before what it needs is there"
    return hops


def _percentile(values: list[float], part: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[part - 1]
