"""The tables as peewee models, for queries whose conditions vary; the engine's own statements are in ``sql.py``.

The models are bound to no database: a query is executed with the store's (``query.execute(database)``). A test holds
them against the migrated schema.
"""

from __future__ import annotations

from peewee import (
    AutoField,
    BigIntegerField,
    CompositeKey,
    DoubleField,
    ForeignKeyField,
    IntegerField,
    Model,
    TextField,
)


class BatchModel(Model):
    """A batch."""

    id = AutoField()
    chain_id = BigIntegerField()
    number = BigIntegerField()
    protocol_version = TextField()
    state = TextField()
    priority = IntegerField()
    program_commitment = TextField()
    traceparent = TextField()
    offer = TextField()
    key_identity = TextField()
    result = TextField(null=True)
    error = TextField(null=True)
    created_at = DoubleField()
    finished_at = DoubleField(null=True)
    collected_at = DoubleField(null=True)
    proven_at = DoubleField(null=True)

    class Meta:
        """Name of the table."""

        table_name = "batches"


class JobModel(Model):
    """A job of any stage and round."""

    id = AutoField()
    batch = ForeignKeyField(BatchModel)
    made_by = BigIntegerField(null=True)
    chain_id = BigIntegerField()
    protocol_version = TextField()
    stage = TextField()
    round = IntegerField()
    depth = IntegerField()
    circuit_type = TextField()
    position = IntegerField()
    priority = IntegerField()
    final = IntegerField()
    state = TextField()
    waiting_on = IntegerField()
    attempts = IntegerField()
    failures = IntegerField()
    available_at = DoubleField()
    announced_at = DoubleField(null=True)
    lease_token = TextField(null=True)
    lease_expires_at = DoubleField(null=True)
    renewed_at = DoubleField(null=True)
    worker = TextField(null=True)
    device = TextField()
    inputs = TextField()
    parameters = TextField()
    key_identity = TextField()
    result = TextField(null=True)
    traceparent = TextField()
    progress = DoubleField()
    progress_note = TextField()
    error_code = TextField(null=True)
    error = TextField(null=True)
    traceback = TextField(null=True)
    created_at = DoubleField()
    queued_at = DoubleField(null=True)
    started_at = DoubleField(null=True)
    finished_at = DoubleField(null=True)

    class Meta:
        """Name of the table."""

        table_name = "jobs"


class DependencyModel(Model):
    """A job that waits for another."""

    job = ForeignKeyField(JobModel)
    depends_on = ForeignKeyField(JobModel, column_name="depends_on")
    released_at = DoubleField(null=True)

    class Meta:
        """Name and key of the table."""

        table_name = "dependencies"
        primary_key = CompositeKey("job", "depends_on")


class AttemptModel(Model):
    """One run of a job."""

    id = AutoField()
    job = ForeignKeyField(JobModel)
    number = IntegerField()
    token = TextField()
    worker = TextField()
    host = TextField()
    device = TextField()
    zone = TextField()
    trace_id = TextField()
    queue_wait = DoubleField()
    started_at = DoubleField()
    ended_at = DoubleField(null=True)
    outcome = TextField(null=True)
    error_code = TextField(null=True)
    error = TextField(null=True)
    traceback = TextField(null=True)
    cpu_seconds = DoubleField()
    loaded_bytes = BigIntegerField()
    stored_bytes = BigIntegerField()
    clock_skew = DoubleField(null=True)

    class Meta:
        """Name of the table."""

        table_name = "attempts"


class TickModel(Model):
    """When a periodic task was last asked for, and who took it."""

    task = TextField(primary_key=True)
    made_at = DoubleField()
    taken_by = TextField(null=True)

    class Meta:
        """Name of the table."""

        table_name = "ticks"


class TallyModel(Model):
    """What the rows of archived batches had counted."""

    name = TextField()
    stage = TextField()
    outcome = TextField()
    count = BigIntegerField()
    total = DoubleField()

    class Meta:
        """Name and key of the table."""

        table_name = "tallies"
        primary_key = CompositeKey("name", "stage", "outcome")


class VersionModel(Model):
    """Which keys a protocol version of a chain has."""

    chain_id = BigIntegerField()
    protocol_version = TextField()
    key_identity = TextField()
    inserted_at = DoubleField()

    class Meta:
        """Name and key of the table."""

        table_name = "protocol_versions"
        primary_key = CompositeKey("chain_id", "protocol_version")


MODELS = (BatchModel, JobModel, DependencyModel, AttemptModel, TickModel, TallyModel, VersionModel)
