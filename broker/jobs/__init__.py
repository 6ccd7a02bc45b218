"""The job store: batches, jobs, leases and barriers on SQLite or PostgreSQL.

A name's module is imported when it is first asked for here, so that `python -m broker.jobs` obeys signals before
anything heavy is loaded.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from broker.jobs.database import DatabaseMissing, JobDatabase
    from broker.jobs.records import Announcement, Attempt, Batch, Claim, Cost, Input, Job, JobSpec, Lost, Sweep, Worker
    from broker.jobs.schema import SchemaAhead, SchemaBehind
    from broker.jobs.states import BatchState, JobState, Outcome, Stage
    from broker.jobs.store import JobStore, open_existing, open_store

#: Name -> the module that has it.
_HOME = {
    "Announcement": "records",
    "Attempt": "records",
    "Batch": "records",
    "BatchState": "states",
    "Claim": "records",
    "Cost": "records",
    "DatabaseMissing": "database",
    "Input": "records",
    "Job": "records",
    "JobDatabase": "database",
    "JobSpec": "records",
    "JobState": "states",
    "JobStore": "store",
    "Lost": "records",
    "Outcome": "states",
    "SchemaAhead": "schema",
    "SchemaBehind": "schema",
    "Stage": "states",
    "Sweep": "records",
    "Worker": "records",
    "open_existing": "store",
    "open_store": "store",
}

__all__ = [
    "Announcement",
    "Attempt",
    "Batch",
    "BatchState",
    "Claim",
    "Cost",
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


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
