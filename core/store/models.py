"""The rows of core's store.

Heights and numbers that a chain can outgrow in 63 bits (balances, fees) are
:class:`~core.store.fields.WideIntegerField`; times are seconds since the epoch from core's clock.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from peewee import (
    AutoField,
    BigIntegerField,
    BooleanField,
    DatabaseProxy,
    DoubleField,
    IntegerField,
    Model,
    TextField,
)

from core.store.fields import HexField, WideIntegerField

#: Bound by :func:`core.store.database.open_store`; one core process has one store.
database = DatabaseProxy()


class TransactionStatus(StrEnum):
    """Where a transaction stands."""

    PENDING = "pending"
    """In the mempool, waiting for a batch."""
    SEALED = "sealed"
    """Executed in a sealed batch; it has a receipt."""
    DROPPED = "dropped"
    """Found invalid by the state-transition program after it was admitted; `reason` says why."""


class BatchStatus(StrEnum):
    """Where a batch stands; each part of core moves it one step and can be run again after a crash."""

    SEALED = "sealed"
    """Transactions chosen and executed; new account values known."""
    TREE_UPDATED = "tree_updated"
    """The metadata calculator wrote the new account versions and the new root."""
    WITNESS_READY = "witness_ready"
    """Witness input produced, executed once and stored."""
    COMMITTED = "committed"
    """Commitments made: the batch may be offered to provers."""
    PROVEN = "proven"
    """A proof was verified and accepted."""
    SKIPPED = "skipped"
    """Let pass without a proof, by a core of a test network that says so; a proof is still taken."""


class OfferState(StrEnum):
    """Where an offer to a prover stands."""

    LIVE = "live"
    """Handed out; good until `expires_at`."""
    USED = "used"
    """Its holder's proof was accepted."""


class L1Action(StrEnum):
    """What a transaction to L1 does with batches."""

    COMMIT = "commit"
    """Commits to one batch."""
    PROVE = "prove"
    """Proves committed batches."""
    EXECUTE = "execute"
    """Executes proven batches."""
    REVERT = "revert"
    """Takes batches back that are not executed."""


class L1TransactionStatus(StrEnum):
    """Where a transaction to L1 stands."""

    PENDING = "pending"
    """Signed and kept; L1 may or may not have heard of it."""
    MINED = "mined"
    """In a block, which a reorganisation may still take away."""
    CONFIRMED = "confirmed"
    """In a block that is deep enough."""
    LOST = "lost"
    """Another transaction of the same account took its nonce, deep enough."""


class Row(Model):
    """Base of every row: bound to core's database."""

    class Meta:
        """Peewee options."""

        database = database
        legacy_table_names = False


class Fact(Row):
    """One named fact about this store (chain id, genesis digest, program commitment)."""

    key = TextField(primary_key=True)
    value = TextField()

    class Meta:
        """Peewee options."""

        table_name = "core_facts"


class Transaction(Row):
    """A raw signed transaction, from admission to receipt; batch 0 means that no batch has it yet.

    Gas, price and cycles are those of the run at the door while it waits, gas and price those of the batch afterwards.
    """

    id = AutoField()
    hash = HexField(unique=True)
    content = HexField()
    sender = HexField(index=True)
    nonce = WideIntegerField()
    received_at = DoubleField()
    status = TextField(index=True)
    reason = TextField(null=True)
    batch_number = BigIntegerField(default=0, index=True)
    batch_index = IntegerField(default=0)
    gas_used = BigIntegerField(default=0)
    gas_price = WideIntegerField(null=True)
    cycles = BigIntegerField(default=0)

    class Meta:
        """Peewee options."""

        table_name = "core_transactions"


class Batch(Row):
    """One batch and everything that is stated about it.

    `new_accounts` is the list of changed accounts as the state-transition program reported it (JSON), kept until
    the metadata calculator has written the versions; the witness input itself is a file. `transactions` counts the
    requests from L1 as well, of which there are `requests`.
    """

    number = BigIntegerField(primary_key=True)
    status = TextField(index=True)
    sealed_at = DoubleField()
    timestamp = WideIntegerField()
    context = TextField()
    transactions = IntegerField()
    new_accounts = TextField()
    old_root = HexField()
    new_root = HexField(null=True)
    witness_size = BigIntegerField(null=True)
    witness_sha256 = HexField(null=True)
    cycles = BigIntegerField(null=True)
    program_output = HexField(null=True)
    commitments = TextField(null=True)
    metadata_commitment = HexField(null=True)
    expected_output = HexField(null=True, index=True)
    traceparent = TextField(null=True)
    proof_sha256 = HexField(null=True)
    proof_size = BigIntegerField(null=True)
    proven_at = DoubleField(null=True)
    security = TextField(null=True)
    requests = BigIntegerField(default=0)
    priority_queue_hash = HexField(null=True)
    message_root = HexField(null=True)
    protocol_version = BigIntegerField(default=0)
    program_commitment = HexField(null=True)

    class Meta:
        """Peewee options."""

        table_name = "core_batches"


class PriorityRequest(Row):
    """One request from L1, deep enough there to count; batch 0 means that no batch has it yet."""

    number = BigIntegerField(primary_key=True)
    kind = IntegerField()
    sender = HexField()
    receiver = HexField()
    amount = WideIntegerField()
    rolling_hash = HexField()
    include_by = BigIntegerField()
    l1_transaction = HexField(index=True)
    l1_block = BigIntegerField()
    seen_at = DoubleField()
    batch_number = BigIntegerField(default=0, index=True)

    class Meta:
        """Peewee options."""

        table_name = "core_priority_requests"


class Claim(Row):
    """One message to L1 that was claimed there, deep enough to count."""

    id = AutoField()
    batch_number = BigIntegerField()
    message_index = IntegerField()
    l1_transaction = HexField()
    l1_block = BigIntegerField()

    class Meta:
        """Peewee options."""

        table_name = "core_claims"
        indexes: ClassVar[tuple[tuple[tuple[str, ...], bool], ...]] = ((("batch_number", "message_index"), True),)


class AccountVersion(Row):
    """The value an account took in one batch; the state at batch N is the newest version at or before N."""

    id = AutoField()
    address = HexField()
    batch_number = BigIntegerField(index=True)
    nonce = WideIntegerField()
    balance = WideIntegerField()

    class Meta:
        """Peewee options."""

        table_name = "core_account_versions"
        indexes: ClassVar[tuple[tuple[tuple[str, ...], bool], ...]] = ((("address", "batch_number"), True),)


class ProtectiveRead(Row):
    """The value an account had before a batch that reads it; an absent account has nonce and balance zero."""

    id = AutoField()
    batch_number = BigIntegerField()
    address = HexField()
    nonce = WideIntegerField()
    balance = WideIntegerField()

    class Meta:
        """Peewee options."""

        table_name = "core_protective_reads"
        indexes: ClassVar[tuple[tuple[tuple[str, ...], bool], ...]] = ((("batch_number", "address"), True),)


class Offer(Row):
    """One batch handed to one prover for a limited time."""

    token = TextField(primary_key=True)
    batch_number = BigIntegerField(index=True)
    prover = TextField()
    issued_at = DoubleField()
    expires_at = DoubleField()
    state = TextField()

    class Meta:
        """Peewee options."""

        table_name = "core_offers"


class Submission(Row):
    """What became of every proof that was handed in; never changed after it is written."""

    id = AutoField()
    batch_number = BigIntegerField(index=True)
    received_at = DoubleField()
    size = BigIntegerField()
    sha256 = HexField(null=True)
    outcome = TextField()
    message = TextField()
    trace_id = TextField(null=True)

    class Meta:
        """Peewee options."""

        table_name = "core_submissions"


class L1Transaction(Row):
    """One nonce of core's account on L1 and what it is for; `succeeded` is known once it is mined."""

    id = AutoField()
    l1_chain_id = BigIntegerField(default=0)
    sender = HexField(default=b"")
    nonce = BigIntegerField(index=True)
    action = TextField()
    first_batch = BigIntegerField()
    last_batch = BigIntegerField()
    data = HexField()
    gas = BigIntegerField()
    status = TextField(index=True)
    made_at = DoubleField()
    hash = HexField(null=True)
    block = BigIntegerField(null=True)
    mined_at = DoubleField(null=True)
    succeeded = BooleanField(null=True)
    gas_used = BigIntegerField(null=True)

    class Meta:
        """Peewee options."""

        table_name = "core_l1_transactions"


class L1Attempt(Row):
    """A signed form of a transaction to L1; a later one offers more. At most one of them is ever mined."""

    id = AutoField()
    transaction_id = IntegerField(index=True)
    hash = HexField(unique=True)
    content = HexField()
    most_fee = WideIntegerField()
    priority_fee = WideIntegerField()
    made_at = DoubleField()

    class Meta:
        """Peewee options."""

        table_name = "core_l1_attempts"
