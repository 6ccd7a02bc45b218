"""The job store: batches, jobs, leases and barriers on SQLite or PostgreSQL."""

from __future__ import annotations

from broker.jobs.database import DatabaseMissing, JobDatabase
from broker.jobs.records import Announcement, Attempt, Batch, Claim, Input, Job, JobSpec, Lost, Sweep, Worker
from broker.jobs.schema import SchemaAhead, SchemaBehind
from broker.jobs.states import BatchState, JobState, Outcome, Stage
from broker.jobs.store import JobStore, open_existing, open_store

__all__ = [
    "Announcement",
    "Attempt",
    "Batch",
    "BatchState",
    "Claim",
    "DatabaseMissing",
    "Input",
    "Job",
    "JobDatabase",
    "JobSpec",
    "JobState",
    "JobStore",
    "Lost",
    "Outcome",
    "SchemaAhead",
    "SchemaBehind",
    "Stage",
    "Sweep",
    "Worker",
    "open_existing",
    "open_store",
]
