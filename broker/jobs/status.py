"""What an operator asks: batches, their jobs and attempts, what is stuck and why, and the numbers for metrics."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from peewee import fn

from broker.jobs import sql
from broker.jobs.models import AttemptModel, BatchModel, JobModel
from broker.jobs.records import Attempt, Batch, Job
from broker.jobs.states import BatchState, JobState, Stage
from broker.jobs.store import JobStore
from runtime.errors import JobNotFound


def batches(
    store: JobStore, *, state: BatchState | None = None, limit: int = 50, all_chains: bool = False
) -> list[Batch]:
    """Return the newest batches of the store's chain, or of all; without a state also every older one that is dead."""
    query = BatchModel.select()
    query = query if all_chains else query.where(BatchModel.chain_id == store.chain_id)
    newest = (query if state is None else query.where(BatchModel.state == str(state))).order_by(BatchModel.id.desc())
    rows = store.database.query(newest.limit(limit))
    if state is None and len(rows) == limit:
        older = query.where((BatchModel.state == str(BatchState.DEAD)) & (BatchModel.id < rows[-1]["id"]))
        rows += store.database.query(older.order_by(BatchModel.id.desc()))
    return [Batch.of(row) for row in rows]


def counts(store: JobStore, state: BatchState, chains: Collection[int]) -> dict[int, int]:
    """Return how many batches of each of these chains are in a state; a chain without any is left out."""
    condition = (BatchModel.state == str(state)) & BatchModel.chain_id.in_(list(chains))
    query = BatchModel.select(BatchModel.chain_id, fn.COUNT(BatchModel.id).alias("batches")).where(condition)
    return {row["chain_id"]: row["batches"] for row in store.database.query(query.group_by(BatchModel.chain_id))}


def batch(store: JobStore, number: int) -> Batch:
    """Return the newest protocol version's batch of a number.

    Raises
    ------
    JobNotFound
    """
    condition = (BatchModel.chain_id == store.chain_id) & (BatchModel.number == number)
    rows = store.database.query(BatchModel.select().where(condition).order_by(BatchModel.id.desc()).limit(1))
    if not rows:
        raise JobNotFound(f"There is no batch {number} of chain {store.chain_id}.")
    return Batch.of(rows[0])


def batch_of(store: JobStore, batch_id: int) -> Batch:
    """Return the batch with an identity, of whatever chain.

    Raises
    ------
    JobNotFound
    """
    rows = store.database.query(BatchModel.select().where(BatchModel.id == batch_id))
    if not rows:
        raise JobNotFound(f"There is no batch with identity {batch_id}.")
    return Batch.of(rows[0])


def jobs(
    store: JobStore,
    *,
    batch_id: int | None = None,
    state: JobState | None = None,
    stage: Stage | None = None,
    limit: int = 1000,
    all_chains: bool = False,
) -> list[Job]:
    """Return jobs of the store's chain, or of all, in the order of their place in the batch; dead ones first."""
    query = JobModel.select()
    query = query if all_chains else query.where(JobModel.chain_id == store.chain_id)
    if batch_id is not None:
        query = query.where(JobModel.batch == batch_id)
    if state is not None:
        query = query.where(JobModel.state == str(state))
    if stage is not None:
        query = query.where(JobModel.stage == str(stage))
    order = (JobModel.state != str(JobState.DEAD), JobModel.batch, JobModel.round, JobModel.id)
    return [_job(row) for row in store.database.query(query.order_by(*order).limit(limit))]


def job(store: JobStore, job_id: int) -> Job:
    """Return one job.

    Raises
    ------
    JobNotFound
    """
    rows = store.database.query(JobModel.select().where(JobModel.id == job_id))
    if not rows:
        raise JobNotFound(f"There is no job {job_id}.")
    return _job(rows[0])


def attempts(store: JobStore, *, job_id: int | None = None, batch_id: int | None = None) -> list[Attempt]:
    """Return the attempts of a job or of a batch, oldest first."""
    query = AttemptModel.select()
    if job_id is not None:
        query = query.where(AttemptModel.job == job_id)
    if batch_id is not None:
        query = query.where(AttemptModel.job.in_(JobModel.select(JobModel.id).where(JobModel.batch == batch_id)))
    rows = store.database.query(query.order_by(AttemptModel.id))
    return [Attempt.of({**row, "job_id": row["job"]}) for row in rows]


def attempts_of(store: JobStore, job_ids: Sequence[int]) -> list[Attempt]:
    """Return the attempts of some hundred jobs, oldest first."""
    query = AttemptModel.select().where(AttemptModel.job.in_(list(job_ids))).order_by(AttemptModel.id)
    return [Attempt.of({**row, "job_id": row["job"]}) for row in store.database.query(query)]


def artifacts_of(store: JobStore, batch_id: int) -> list[str]:
    """Return the names of all artifacts that a batch and its jobs name, as inputs or results."""
    jobs_of = JobModel.select(JobModel.inputs, JobModel.result).where(JobModel.batch == batch_id)
    found = set()
    for row in store.database.query(jobs_of):
        found |= {*json.loads(row["inputs"]).values(), row["result"] or ""}
    return sorted(found - {""})


def folders(store: JobStore) -> set[str]:
    """Return the folders of the artifact store that belong to a batch, of every chain: its jobs' and its inputs'."""
    rows = store.database.query(BatchModel.select(BatchModel.id, BatchModel.chain_id, BatchModel.number))
    jobs_own = {f"batches/{row['id']}/" for row in rows}
    return jobs_own | {f"gateway/{row['chain_id']}/{row['number']}/" for row in rows}


def is_named(store: JobStore, folder: str) -> bool:
    """Return whether any job of any batch names an artifact below a folder, as input or result."""
    named = JobModel.inputs.contains(f'"{folder}') | JobModel.result.startswith(folder)
    return bool(store.database.query(JobModel.select(JobModel.id).where(named).limit(1)))


@dataclass(frozen=True)
class Numbers:
    """Counts of the whole database, for metrics and autoscaling."""

    jobs: dict[tuple[str, str], int]
    oldest_seconds: dict[str, float]
    attempts: dict[tuple[str, str], int]
    batches: dict[str, int]
    latency_total_seconds: float
    latency_count: int
    outbox: int


def numbers(store: JobStore) -> Numbers:
    """Count jobs by stage and state, the age of the oldest ready job per stage, attempts, batches and the outbox."""
    read = store.database.read
    latency = read(sql.LATENCIES)[0]
    return Numbers(
        jobs={(row["stage"], row["state"]): int(row["jobs"]) for row in read(sql.COUNTS)},
        oldest_seconds={row["stage"]: max(0.0, float(row["age"])) for row in read(sql.OLDEST)},
        attempts={(row["stage"], row["outcome"]): int(row["attempts"]) for row in read(sql.ATTEMPT_COUNTS)},
        batches={row["state"]: int(row["batches"]) for row in read(sql.BATCH_COUNTS)},
        latency_total_seconds=float(latency["total"]),
        latency_count=int(latency["batches"]),
        outbox=int(read(sql.OUTBOX)[0]["pending"]),
    )


def _job(row: dict[str, Any]) -> Job:
    return Job.of({**row, "batch_id": row["batch"]})
