"""Requests from L1, claims on it, and what a batch binds of both."""

from __future__ import annotations

from typing import Any

from peewee import AutoField, BigIntegerField, Database, DoubleField, IntegerField, Model, TextField

COLUMNS = (("requests", "BIGINT NOT NULL DEFAULT 0"), ("priority_queue_hash", "TEXT"), ("message_root", "TEXT"))


class PriorityRequest(Model):
    """Requests."""

    number = BigIntegerField(primary_key=True)
    kind = IntegerField()
    sender = TextField()
    receiver = TextField()
    amount = TextField()
    rolling_hash = TextField()
    include_by = BigIntegerField()
    l1_transaction = TextField(index=True)
    l1_block = BigIntegerField()
    seen_at = DoubleField()
    batch_number = BigIntegerField(default=0, index=True)

    class Meta:
        """Peewee options."""

        table_name = "core_priority_requests"


class Claim(Model):
    """Claims."""

    id = AutoField()
    batch_number = BigIntegerField()
    message_index = IntegerField()
    l1_transaction = TextField()
    l1_block = BigIntegerField()

    class Meta:
        """Peewee options."""

        table_name = "core_claims"
        indexes = ((("batch_number", "message_index"), True),)


MODELS = [PriorityRequest, Claim]


def up(_migrator: Any, database: Database) -> None:
    """Create both tables, add the columns."""
    with database.bind_ctx(MODELS):
        database.create_tables(MODELS, safe=False)
    for name, kind in COLUMNS:
        database.execute_sql(f"ALTER TABLE core_batches ADD COLUMN {name} {kind}")  # type: ignore[no-untyped-call]


def down(_migrator: Any, database: Database) -> None:
    """Drop them again."""
    for name, _ in COLUMNS:
        database.execute_sql(f"ALTER TABLE core_batches DROP COLUMN {name}")  # type: ignore[no-untyped-call]
    with database.bind_ctx(MODELS):
        database.drop_tables(list(reversed(MODELS)))
