"""Which keys a batch is for becomes a column, by which jobs are claimed; protocol versions get a table.

The keys stood among a job's parameters before.
"""

from __future__ import annotations

from typing import Any

from peewee import SqliteDatabase

STATEMENTS = """
ALTER TABLE batches ADD COLUMN key_identity TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN key_identity TEXT NOT NULL DEFAULT '';
UPDATE jobs SET key_identity = COALESCE({parameters} ->> 'key_identity', '') WHERE parameters <> '{{}}';
UPDATE batches SET key_identity =
    COALESCE((SELECT max(key_identity) FROM jobs WHERE jobs.batch_id = batches.id), '');
CREATE TABLE protocol_versions (
    chain_id BIGINT NOT NULL,
    protocol_version TEXT NOT NULL,
    key_identity TEXT NOT NULL,
    inserted_at DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (chain_id, protocol_version)
)
"""


def up(migrator: Any, db: Any) -> None:
    """Add the columns, fill them, and make the table."""
    parameters = "parameters" if isinstance(db, SqliteDatabase) else "CAST(parameters AS json)"
    for statement in STATEMENTS.format(parameters=parameters).split(";\n"):
        db.execute_sql(statement)
