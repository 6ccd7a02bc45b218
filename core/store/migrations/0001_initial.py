"""The first schema of core's store.

The models are a frozen copy: later changes of ``core.store.models`` come with migrations of their own.
"""

from __future__ import annotations

from typing import Any

from peewee import AutoField, BigIntegerField, Database, DoubleField, IntegerField, Model, TextField


class Fact(Model):
    """Named facts."""

    key = TextField(primary_key=True)
    value = TextField()

    class Meta:
        """Peewee options."""

        table_name = "core_facts"


class Transaction(Model):
    """Raw transactions and receipts."""

    id = AutoField()
    hash = TextField(unique=True)
    content = TextField()
    sender = TextField(index=True)
    nonce = BigIntegerField()
    received_at = DoubleField()
    status = TextField(index=True)
    reason = TextField(null=True)
    batch_number = BigIntegerField(default=0, index=True)
    batch_index = IntegerField(default=0)
    gas_used = BigIntegerField(default=0)
    gas_price = TextField(null=True)

    class Meta:
        """Peewee options."""

        table_name = "core_transactions"


class Batch(Model):
    """Batches."""

    number = BigIntegerField(primary_key=True)
    status = TextField(index=True)
    sealed_at = DoubleField()
    timestamp = BigIntegerField()
    context = TextField()
    transactions = IntegerField()
    new_accounts = TextField()
    old_root = TextField()
    new_root = TextField(null=True)
    witness_size = BigIntegerField(null=True)
    witness_sha256 = TextField(null=True)
    cycles = BigIntegerField(null=True)
    program_output = TextField(null=True)
    commitments = TextField(null=True)
    metadata_commitment = TextField(null=True)
    expected_output = TextField(null=True)
    traceparent = TextField(null=True)
    proof_sha256 = TextField(null=True)
    proof_size = BigIntegerField(null=True)
    proven_at = DoubleField(null=True)
    security = TextField(null=True)

    class Meta:
        """Peewee options."""

        table_name = "core_batches"


class AccountVersion(Model):
    """Account values by batch."""

    id = AutoField()
    address = TextField()
    batch_number = BigIntegerField(index=True)
    nonce = BigIntegerField()
    balance = TextField()

    class Meta:
        """Peewee options."""

        table_name = "core_account_versions"
        indexes = ((("address", "batch_number"), True),)


class ProtectiveRead(Model):
    """Account values before a batch that reads them."""

    id = AutoField()
    batch_number = BigIntegerField()
    address = TextField()
    nonce = BigIntegerField()
    balance = TextField()

    class Meta:
        """Peewee options."""

        table_name = "core_protective_reads"
        indexes = ((("batch_number", "address"), True),)


class Offer(Model):
    """Offers to provers."""

    token = TextField(primary_key=True)
    batch_number = BigIntegerField(index=True)
    prover = TextField()
    issued_at = DoubleField()
    expires_at = DoubleField()
    state = TextField()

    class Meta:
        """Peewee options."""

        table_name = "core_offers"


class Submission(Model):
    """Proofs handed in."""

    id = AutoField()
    batch_number = BigIntegerField(index=True)
    received_at = DoubleField()
    size = BigIntegerField()
    sha256 = TextField(null=True)
    outcome = TextField()
    message = TextField()
    trace_id = TextField(null=True)

    class Meta:
        """Peewee options."""

        table_name = "core_submissions"


MODELS = [Fact, Transaction, Batch, AccountVersion, ProtectiveRead, Offer, Submission]


def up(_migrator: Any, database: Database) -> None:
    """Create every table."""
    with database.bind_ctx(MODELS):
        database.create_tables(MODELS, safe=False)


def down(_migrator: Any, database: Database) -> None:
    """Drop every table."""
    with database.bind_ctx(MODELS):
        database.drop_tables(list(reversed(MODELS)))
