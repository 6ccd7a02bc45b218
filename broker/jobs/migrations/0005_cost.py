"""What an attempt cost: processor time, and bytes of the artifact store; 0 for attempts of before."""

from __future__ import annotations

from typing import Any

STATEMENTS = (
    "ALTER TABLE attempts ADD COLUMN cpu_seconds DOUBLE PRECISION NOT NULL DEFAULT 0",
    "ALTER TABLE attempts ADD COLUMN loaded_bytes BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE attempts ADD COLUMN stored_bytes BIGINT NOT NULL DEFAULT 0",
)


def up(migrator: Any, db: Any) -> None:
    """Add the columns."""
    for statement in STATEMENTS:
        db.execute_sql(statement)
