"""What every side of the job store shares: its parameters, and the changes that several kinds of transaction make."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Self

from broker.jobs import sql
from broker.jobs.database import JobDatabase, Row, Session, names_in
from broker.jobs.new import NewJobs, pages_of, place_of
from broker.jobs.records import Claim, Cost
from broker.jobs.states import BatchState, JobState, Outcome
from runtime.errors import JobCancelled, LeaseLost

#: Longest delay between two attempts, in seconds.
MAX_RETRY_SECONDS = 300.0
#: Of an attempt whose worker did not say.
NO_COST = Cost()


class StoreBase:
    """Batches and jobs of one chain; its workers may take the jobs of every chain.

    Parameters
    ----------
    database
        Where the rows are.
    chain_id
        The chain whose batches this store creates and finds by number.
    all_chains
        Jobs of every chain are claimed here, not only of that one.
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
        all_chains: bool = False,
        lease_seconds: float = 9.0,
        max_attempts: int = 4,
        retry_seconds: float = 2.0,
    ) -> None:
        self.database = database
        self.chain_id = chain_id
        self.all_chains = all_chains
        self.lease_seconds = lease_seconds
        self.max_attempts = max_attempts
        self.retry_seconds = retry_seconds

    def of_chain(self, chain_id: int) -> Self:
        """Return the same store, over the same connections, for the batches of another chain."""
        other = copy.copy(self)
        other.chain_id = chain_id
        return other

    # Inside a transaction

    def _create_jobs(self, session: Session, parent: Row, jobs: NewJobs) -> list[int]:
        shared = {
            name: parent[name]
            for name in ("batch_id", "chain_id", "protocol_version", "key_identity", "priority", "traceparent")
        }
        shared["made_by"] = parent.get("made_by_job")
        before = session.rows(sql.CHILDREN, job_id=shared["made_by"]) if parent.get("made_before") else []
        if before:
            self._forget_other_cut(session, before, jobs)
        found = session.rows_of(sql.INSERT_JOBS, jobs.pages, **shared)
        identities = {place_of(row): int(row["id"]) for row in found}
        order = [identities[place] for place in jobs.places]
        edges = [(order[job], order[maker]) for job, maker in jobs.edges]
        session.rows_of(sql.INSERT_DEPENDENCIES, pages_of(edges))
        if before:
            session.run_pages(sql.SETTLE, pages_of(order))
        return order

    def _forget_other_cut(self, session: Session, before: Sequence[Row], jobs: NewJobs) -> None:
        """Forget what an earlier run of the same job made, unless it made the same jobs: their results do not fit."""
        wanted = set(jobs.places)
        if wanted == {place_of(child) for child in before}:
            return
        self._start_over(session, [child for child in before if place_of(child) in wanted])
        gone = pages_of([child["id"] for child in before if place_of(child) not in wanted])
        session.run_pages(sql.TALLY_ATTEMPTS_OF_JOBS, gone)
        session.run_pages(sql.REMOVE_JOBS, gone)

    def _start_over(self, session: Session, jobs: Sequence[Row]) -> None:
        """Let jobs run or wait as if they never had: they lose results and leases, and so does nobody else but those
        without a result that need theirs. First every job, then every barrier before and behind one.
        """
        for job in jobs:
            if job["lease_token"]:
                self._end_attempt(session, job["lease_token"], Outcome.LOST, "requeued", "The job was requeued.")
        again = pages_of([job["id"] for job in jobs])
        for statement in (sql.START_OVER, sql.REOPEN_OWN, sql.REOPEN_DEPENDANTS, sql.TIE_CHILDREN):
            session.run_pages(statement, again)
        behind = session.rows_of(sql.DEPENDANTS, again)
        text = "A job whose result it needs was requeued."
        for token in sorted({str(row["lease_token"]) for row in behind if row["lease_token"]}):
            self._end_attempt(session, token, Outcome.LOST, "requeued", text)
        session.run_pages(sql.START_OVER, pages_of(sorted({int(row["id"]) for row in [*behind, *jobs]})))

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
        cost: Cost = NO_COST,
    ) -> None:
        ended = {"outcome": outcome, "code": code, "error": error, "traceback": trace}
        session.run(sql.END_ATTEMPT, token=token, **ended, **vars(cost))

    def _lost(self, claim: Claim) -> LeaseLost | JobCancelled:
        found = self.database.read("SELECT state FROM jobs WHERE id = :job_id", job_id=claim.job_id)
        if found and found[0]["state"] == JobState.CANCELLED:
            return JobCancelled(f"The batch of job {claim.job_id} was cancelled.")
        return LeaseLost(f"Job {claim.job_id} is no longer held under attempt {claim.attempt}.")

    def _delay(self, failures: int) -> float:
        return float(min(MAX_RETRY_SECONDS, self.retry_seconds * 2 ** (failures - 1)))
