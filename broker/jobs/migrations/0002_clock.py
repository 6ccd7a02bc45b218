"""Nothing waits for a wall clock that stepped back, counters never fall, and a job knows which job made it.

A queued row may be claimed whatever the clock says; only a ``failed`` row has a time to wait for. A lease states when
it was last renewed, a tick when it was made, each on the database's clock, so that a moment in the future is told from
one that is still to come. On SQLite the partial indexes begin with the state that they are of, because it otherwise
takes ``jobs_state`` for narrower and reads every row of the state; PostgreSQL drops a condition that the index implies,
and could use nothing behind that column. ``tallies`` keeps what archived batches had counted.
"""

from __future__ import annotations

from typing import Any

from peewee import SqliteDatabase

STATEMENTS = """
ALTER TABLE batches ADD COLUMN proven_at DOUBLE PRECISION;
UPDATE batches SET proven_at = finished_at WHERE result IS NOT NULL AND finished_at IS NOT NULL;
CREATE INDEX batches_finished ON batches (finished_at) WHERE state IN ('accepted', 'refused', 'cancelled');
ALTER TABLE jobs ADD COLUMN made_by BIGINT;
UPDATE jobs SET made_by = (SELECT w.id FROM jobs w WHERE w.batch_id = jobs.batch_id AND w.stage = 'witness'
    AND w.round = 0 ORDER BY w.id LIMIT 1) WHERE NOT (stage = 'witness' AND round = 0);
CREATE INDEX jobs_made_by ON jobs (made_by) WHERE made_by IS NOT NULL;
ALTER TABLE jobs ADD COLUMN renewed_at DOUBLE PRECISION;
UPDATE jobs SET renewed_at = started_at WHERE state = 'in_progress';
DROP INDEX jobs_leases;
CREATE INDEX jobs_leases ON jobs ({state}lease_expires_at) WHERE state = 'in_progress';
CREATE INDEX jobs_renewed ON jobs ({state}renewed_at) WHERE state = 'in_progress';
DROP INDEX jobs_claim;
CREATE INDEX jobs_claim ON jobs
    (chain_id, stage, protocol_version, priority DESC, batch_id, round DESC, depth DESC, position, id)
    WHERE state = 'queued';
CREATE INDEX jobs_delayed ON jobs ({state}available_at) WHERE state = 'failed';
CREATE INDEX jobs_failed ON jobs ({state}queued_at) WHERE state = 'failed';
DROP INDEX jobs_outbox;
CREATE INDEX jobs_outbox ON jobs ({state}priority DESC, batch_id, round DESC, id)
    WHERE state = 'queued' AND announced_at IS NULL;
DROP INDEX jobs_announced;
CREATE INDEX jobs_announced ON jobs ({state}stage, announced_at) WHERE state = 'queued' AND announced_at IS NOT NULL;
CREATE TABLE tallies (
    name TEXT NOT NULL,
    stage TEXT NOT NULL,
    outcome TEXT NOT NULL,
    count BIGINT NOT NULL,
    total DOUBLE PRECISION NOT NULL DEFAULT 0,
    PRIMARY KEY (name, stage, outcome)
);
DROP TABLE ticks;
CREATE TABLE ticks (
    task TEXT NOT NULL PRIMARY KEY,
    made_at DOUBLE PRECISION NOT NULL,
    taken_by TEXT
)
"""


def up(migrator: Any, db: Any) -> None:
    """Add the columns, the indexes that the statements use, and the tallies."""
    sqlite = isinstance(db, SqliteDatabase)
    state = "state, " if sqlite else ""
    for statement in STATEMENTS.format(state=state).split(";\n"):
        db.execute_sql(statement)
    if not sqlite:
        # Which states a stage's jobs are in is no chance; without this the planner looks for the running jobs of a
        # stage that has none by reading all running jobs.
        db.execute_sql("CREATE STATISTICS jobs_states (mcv) ON state, stage FROM jobs")
