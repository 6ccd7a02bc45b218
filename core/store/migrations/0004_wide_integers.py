"""Nonces and timestamps at their full 64 bits, the cost of waiting transactions, and blocks by their hash.

A column of 64 hex digits in place of a signed integer: new column, values copied, old one dropped.
"""

from __future__ import annotations

from typing import Any

from peewee import Database, SqliteDatabase

WIDENED = (
    ("core_transactions", "nonce"),
    ("core_account_versions", "nonce"),
    ("core_protective_reads", "nonce"),
    ("core_batches", "timestamp"),
)


def up(_migrator: Any, database: Database) -> None:
    """Widen the columns, keep what is in them."""
    for table, column in WIDENED:
        _convert(database, table, column, f"TEXT NOT NULL DEFAULT '{0:064x}'", _hex_of(database, column))
    _run(database, "ALTER TABLE core_transactions ADD COLUMN cycles BIGINT NOT NULL DEFAULT 0")
    _run(database, "CREATE INDEX core_batches_expected_output ON core_batches (expected_output)")


def down(_migrator: Any, database: Database) -> None:
    """Narrow them again; a value of 2^63 or more does not fit and is an error."""
    _run(database, "DROP INDEX core_batches_expected_output")
    _run(database, "ALTER TABLE core_transactions DROP COLUMN cycles")
    for table, column in WIDENED:
        rows = _run(database, f"SELECT DISTINCT {column} FROM {table}").fetchall()
        cases = " ".join(f"WHEN '{value}' THEN {int(value, 16)}" for (value,) in rows)
        _convert(database, table, column, "BIGINT NOT NULL DEFAULT 0", f"CASE {column} {cases} END" if rows else "0")


def _run(database: Database, statement: str) -> Any:
    return database.execute_sql(statement)  # type: ignore[no-untyped-call]


def _convert(database: Database, table: str, column: str, kind: str, value: str) -> None:
    _run(database, f"ALTER TABLE {table} ADD COLUMN {column}_new {kind}")
    _run(database, f"UPDATE {table} SET {column}_new = {value}")
    _run(database, f"ALTER TABLE {table} DROP COLUMN {column}")
    _run(database, f"ALTER TABLE {table} RENAME COLUMN {column}_new TO {column}")


def _hex_of(database: Database, column: str) -> str:
    if isinstance(database, SqliteDatabase):
        return f"printf('%064x', {column})"
    return f"lpad(to_hex({column}), 64, '0')"
