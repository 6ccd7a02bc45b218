"""Reading the job store for people: batches, their jobs, attempts, and how far each stage is."""

from __future__ import annotations

from dataclasses import dataclass

from broker.jobs.records import Attempt, Batch, Job
from broker.jobs.states import Stage
from broker.jobs.store import JobStore
from runtime.errors import JobNotFound

_BATCHES = "SELECT * FROM batches WHERE chain_id = :chain_id ORDER BY (state = 'dead') DESC, id DESC LIMIT :limit"
_BATCH = "SELECT * FROM batches WHERE chain_id = :chain_id AND number = :number ORDER BY id DESC LIMIT 1"
_JOBS = "SELECT * FROM jobs WHERE batch_id = :batch_id ORDER BY (state = 'dead') DESC, id"
_ATTEMPTS = "SELECT * FROM attempts WHERE job_id = :job_id ORDER BY number"
_BATCH_ATTEMPTS = (
    "SELECT attempts.* FROM attempts JOIN jobs ON jobs.id = attempts.job_id WHERE jobs.batch_id = :batch_id "
    "ORDER BY attempts.started_at"
)
_STAGES = (
    "SELECT stage, count(*) AS jobs, sum(CASE WHEN state = 'successful' THEN 1.0 WHEN state = 'in_progress' "
    "THEN progress ELSE 0.0 END) AS done, sum(CASE WHEN state = 'in_progress' THEN 1 ELSE 0 END) AS running "
    "FROM jobs WHERE batch_id = :batch_id GROUP BY stage"
)


@dataclass(frozen=True)
class StageProgress:
    """How far one stage of a batch is: its jobs, and how many of them are done, fractions of running ones included."""

    stage: Stage
    jobs: int
    done: float
    running: int


def recent_batches(store: JobStore, limit: int = 20) -> list[Batch]:
    """Return batches, dead ones first, then the newest."""
    return [Batch.of(row) for row in store.database.read(_BATCHES, chain_id=store.chain_id, limit=limit)]


def find_batch(store: JobStore, number: int) -> Batch:
    """Return the newest batch of this number.

    Raises
    ------
    JobNotFound
        There is none.
    """
    rows = store.database.read(_BATCH, chain_id=store.chain_id, number=number)
    if not rows:
        raise JobNotFound(f"There is no batch {number} on chain {store.chain_id}.")
    return Batch.of(rows[0])


def jobs_of(store: JobStore, batch_id: int) -> list[Job]:
    """Return a batch's jobs, dead ones first."""
    return [Job.of(row) for row in store.database.read(_JOBS, batch_id=batch_id)]


def find_job(store: JobStore, job_id: int) -> Job:
    """Return a job.

    Raises
    ------
    JobNotFound
        There is none.
    """
    rows = store.database.read("SELECT * FROM jobs WHERE id = :job_id", job_id=job_id)
    if not rows:
        raise JobNotFound(f"There is no job {job_id}.")
    return Job.of(rows[0])


def attempts_of(store: JobStore, job_id: int) -> list[Attempt]:
    """Return a job's attempts in order."""
    return [Attempt.of(row) for row in store.database.read(_ATTEMPTS, job_id=job_id)]


def attempts_of_batch(store: JobStore, batch_id: int) -> list[Attempt]:
    """Return every attempt of a batch in order of time."""
    return [Attempt.of(row) for row in store.database.read(_BATCH_ATTEMPTS, batch_id=batch_id)]


def stages_of(store: JobStore, batch_id: int) -> list[StageProgress]:
    """Return the progress of each stage that the batch has jobs of, in pipeline order."""
    found = {Stage(row["stage"]): row for row in store.database.read(_STAGES, batch_id=batch_id)}
    return [
        StageProgress(stage, int(found[stage]["jobs"]), float(found[stage]["done"]), int(found[stage]["running"]))
        for stage in Stage
        if stage in found
    ]
