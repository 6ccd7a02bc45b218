"""The protocol version of each batch, which its header states."""

from __future__ import annotations

import json
from typing import Any

from peewee import Database


def up(_migrator: Any, database: Database) -> None:
    """Add the column and fill it from the headers; genesis has none."""
    database.execute_sql("ALTER TABLE core_batches ADD COLUMN protocol_version BIGINT NOT NULL DEFAULT 0")  # type: ignore[no-untyped-call]
    found = database.execute_sql("SELECT number, context FROM core_batches WHERE number > 0").fetchall()  # type: ignore[no-untyped-call]
    update = "UPDATE core_batches SET protocol_version = ? WHERE number = ?".replace("?", database.param)
    for number, context in found:
        database.execute_sql(update, (json.loads(context)["protocol_version"], number))  # type: ignore[no-untyped-call]


def down(_migrator: Any, database: Database) -> None:
    """Drop it again."""
    database.execute_sql("ALTER TABLE core_batches DROP COLUMN protocol_version")  # type: ignore[no-untyped-call]
