"""What every side of the job store shares: its parameters, and the changes that several kinds of transaction make."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from broker.jobs import sql
from broker.jobs.database import JobDatabase, Row, Session, names_in
from broker.jobs.records import Claim, JobSpec
from broker.jobs.states import BatchState, JobState, Outcome
from runtime.errors import JobCancelled, JobError, LeaseLost

#: Longest delay between two attempts, in seconds.
MAX_RETRY_SECONDS = 300.0


class StoreBase:
    """Batches and jobs of one chain.

    Parameters
    ----------
    database
        Where the rows are.
    chain_id
        The chain whose jobs this store creates and claims.
    lease_seconds
        Length of a lease; a worker renews at a third of it.
    max_attempts
        Failures after which a job is dead.
    retry_seconds
        Delay before the first retry, doubled by each further failure.
    """

    def __init__(
        self,
        database: JobDatabase,
        *,
        chain_id: int = 4242,
        lease_seconds: float = 9.0,
        max_attempts: int = 4,
        retry_seconds: float = 2.0,
    ) -> None:
        self.database = database
        self.chain_id = chain_id
        self.lease_seconds = lease_seconds
        self.max_attempts = max_attempts
        self.retry_seconds = retry_seconds

    # Inside a transaction

    def _create_jobs(self, session: Session, parent: Row, specs: Sequence[JobSpec]) -> list[int]:
        known: set[str] = set()
        for spec in specs:
            unknown = [key for key in spec.depends_on if key not in known]
            if unknown or (spec.key and spec.key in known):
                raise JobError(f"Job {spec.key!r} depends on {unknown}, or its key is taken.")
            known.add(spec.key)
        shared = {
            name: parent[name] for name in ("batch_id", "chain_id", "protocol_version", "priority", "traceparent")
        }
        shared["made_by"] = parent.get("made_by_job")
        before = session.rows(sql.CHILDREN, job_id=shared["made_by"]) if shared["made_by"] else []
        self._forget_other_cut(session, before, specs)
        rows = [shared | _row_of(spec) for spec in specs]
        order = [int(job_id) for job_id in session.run_many_returning(sql.INSERT_JOB, rows)]
        made = {spec.key: job_id for spec, job_id in zip(specs, order, strict=True)}
        edges = [
            {"job_id": job_id, "depends_on": made[key]}
            for spec, job_id in zip(specs, order, strict=True)
            for key in dict.fromkeys(spec.depends_on)
        ]
        session.run_many(sql.INSERT_DEPENDENCY, edges)
        if before:
            session.run_many(sql.SETTLE, [{"job_id": job_id} for job_id in order])
        return order

    def _forget_other_cut(self, session: Session, before: Sequence[Row], specs: Sequence[JobSpec]) -> None:
        """Forget what an earlier run of the same job made, unless it made the same jobs: their results do not fit."""
        wanted = {_place(_row_of(spec)) for spec in specs}
        if wanted == {_place(child) for child in before}:
            return
        self._start_over(session, [child for child in before if _place(child) in wanted])
        for child in before:
            if _place(child) not in wanted:
                session.run(sql.TALLY_ATTEMPTS_OF_JOB, job_id=child["id"])
                session.run(sql.REMOVE_JOB, job_id=child["id"])

    def _start_over(self, session: Session, jobs: Sequence[Row]) -> None:
        """Let jobs run or wait as if they never had: they lose results and leases, and so does nobody else but those
        without a result that need theirs. First every job, then every barrier before and behind one.
        """
        for job in jobs:
            if job["lease_token"]:
                self._end_attempt(session, job["lease_token"], Outcome.LOST, "requeued", "The job was requeued.")
            session.run(sql.START_OVER, job_id=job["id"])
        behind: dict[int, Row] = {}
        for job in jobs:
            session.run(sql.REOPEN_OWN, job_id=job["id"])
            session.run(sql.REOPEN_DEPENDANTS, job_id=job["id"])
            session.run(sql.TIE_CHILDREN, job_id=job["id"])
            behind |= {int(row["id"]): row for row in session.rows(sql.DEPENDANTS, job_id=job["id"])}
        for row in behind.values():
            if row["lease_token"]:
                text = "A job whose result it needs was requeued."
                self._end_attempt(session, row["lease_token"], Outcome.LOST, "requeued", text)
        for job_id in sorted(behind.keys() | {int(job["id"]) for job in jobs}):
            session.run(sql.START_OVER, job_id=job_id)

    def _kill_batch(self, session: Session, row: Row, error: str | None) -> None:
        states = (BatchState.IN_PROGRESS, BatchState.DEAD)
        self._set_batch_in(session, row["batch_id"], BatchState.DEAD, only=states, error=error, finished=True)

    def _set_batch_in(
        self,
        session: Session,
        batch_id: int,
        state: BatchState,
        *,
        only: Sequence[BatchState],
        error: str | None = None,
        finished: bool = False,
    ) -> bool:
        names, parameters = names_in("only", only)
        statement = sql.SET_BATCH.replace("{states}", names)
        changed = session.run(
            statement, batch_id=batch_id, state=state, error=error, finished=int(finished), **parameters
        )
        return changed == 1

    def _end_attempt(
        self,
        session: Session,
        token: str,
        outcome: Outcome,
        code: str | None = None,
        error: str | None = None,
        trace: str | None = None,
    ) -> None:
        session.run(sql.END_ATTEMPT, token=token, outcome=outcome, code=code, error=error, traceback=trace)

    def _lost(self, claim: Claim) -> LeaseLost | JobCancelled:
        found = self.database.read("SELECT state FROM jobs WHERE id = :job_id", job_id=claim.job_id)
        if found and found[0]["state"] == JobState.CANCELLED:
            return JobCancelled(f"The batch of job {claim.job_id} was cancelled.")
        return LeaseLost(f"Job {claim.job_id} is no longer held under attempt {claim.attempt}.")

    def _delay(self, failures: int) -> float:
        return float(min(MAX_RETRY_SECONDS, self.retry_seconds * 2 ** (failures - 1)))


def _place(row: Row) -> tuple[Any, ...]:
    """Return what names a job within its batch."""
    return tuple(row[name] for name in ("stage", "round", "depth", "circuit_type", "position"))


def _row_of(spec: JobSpec) -> dict[str, Any]:
    return {
        "stage": str(spec.stage),
        "round": spec.round,
        "depth": spec.depth,
        "circuit_type": spec.circuit_type,
        "position": spec.index,
        "final": int(spec.final),
        "state": str(JobState.WAITING if spec.depends_on else JobState.QUEUED),
        "waiting_on": len(set(spec.depends_on)),
        "inputs": json.dumps(dict(spec.inputs)),
        "parameters": json.dumps(dict(spec.parameters)),
        "device": spec.device,
    }
