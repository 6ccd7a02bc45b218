"""How far a worker's clock was from the database's during an attempt; nothing for attempts of before."""

from __future__ import annotations

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the column."""
    db.execute_sql("ALTER TABLE attempts ADD COLUMN clock_skew DOUBLE PRECISION")
