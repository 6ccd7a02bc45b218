"""Which chain and account a transaction to L1 is of."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, Database, TextField

_TABLE = "core_l1_transactions"


def up(migrator: Any, _database: Database) -> None:
    """Add both columns; what is recorded already is of no known account, and is looked for no more."""
    migrator.migrate(
        migrator.add_column(_TABLE, "l1_chain_id", BigIntegerField(default=0)),
        migrator.add_column(_TABLE, "sender", TextField(default="")),
    )


def down(migrator: Any, _database: Database) -> None:
    """Drop both columns."""
    migrator.migrate(migrator.drop_column(_TABLE, "sender"), migrator.drop_column(_TABLE, "l1_chain_id"))
