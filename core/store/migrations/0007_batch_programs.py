"""The program that each batch was made with."""

from __future__ import annotations

import json
from typing import Any

from peewee import Database


def up(_migrator: Any, database: Database) -> None:
    """Add the column and fill it with what was noted of each protocol version; where nothing was, it stays empty."""
    database.execute_sql("ALTER TABLE core_batches ADD COLUMN program_commitment TEXT")  # type: ignore[no-untyped-call]
    facts = dict(database.execute_sql("SELECT key, value FROM core_facts").fetchall())  # type: ignore[no-untyped-call]
    found = database.execute_sql("SELECT DISTINCT protocol_version FROM core_batches WHERE number > 0").fetchall()  # type: ignore[no-untyped-call]
    update = "UPDATE core_batches SET program_commitment = ? WHERE number > 0 AND protocol_version = ?"
    for (version,) in found:
        identity = facts.get(f"identity_of_version_{version}")
        program = json.loads(identity)["program_commitment"] if identity else facts.get("program_commitment")
        database.execute_sql(update.replace("?", database.param), (program, version))  # type: ignore[no-untyped-call]


def down(_migrator: Any, database: Database) -> None:
    """Drop it again."""
    database.execute_sql("ALTER TABLE core_batches DROP COLUMN program_commitment")  # type: ignore[no-untyped-call]
