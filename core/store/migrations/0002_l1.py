"""Transactions to L1 and their signed forms."""

from __future__ import annotations

from typing import Any

from peewee import AutoField, BigIntegerField, BooleanField, Database, DoubleField, IntegerField, Model, TextField


class L1Transaction(Model):
    """Nonces and what they are for."""

    id = AutoField()
    nonce = BigIntegerField(index=True)
    action = TextField()
    first_batch = BigIntegerField()
    last_batch = BigIntegerField()
    data = TextField()
    gas = BigIntegerField()
    status = TextField(index=True)
    made_at = DoubleField()
    hash = TextField(null=True)
    block = BigIntegerField(null=True)
    mined_at = DoubleField(null=True)
    succeeded = BooleanField(null=True)
    gas_used = BigIntegerField(null=True)

    class Meta:
        """Peewee options."""

        table_name = "core_l1_transactions"


class L1Attempt(Model):
    """Signed forms."""

    id = AutoField()
    transaction_id = IntegerField(index=True)
    hash = TextField(unique=True)
    content = TextField()
    most_fee = TextField()
    priority_fee = TextField()
    made_at = DoubleField()

    class Meta:
        """Peewee options."""

        table_name = "core_l1_attempts"


MODELS = [L1Transaction, L1Attempt]


def up(_migrator: Any, database: Database) -> None:
    """Create both tables."""
    with database.bind_ctx(MODELS):
        database.create_tables(MODELS, safe=False)


def down(_migrator: Any, database: Database) -> None:
    """Drop both tables."""
    with database.bind_ctx(MODELS):
        database.drop_tables(list(reversed(MODELS)))
