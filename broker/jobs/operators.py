"""What an operator does: cancel a batch, let jobs run again, put a batch first. All of it in one transaction.

What holds after every change, and what ``tests/broker/test_job_machine.py`` checks against a model:

- a job without a result waits for exactly those of its makers that have none either;
- a batch in progress has a job that is queued, delayed or held;
- a batch whose final job has its result is proven, accepted or refused; opening it again opens the final job too.
"""

from __future__ import annotations

from broker.jobs import sql
from broker.jobs.base import StoreBase
from broker.jobs.database import Row, Session
from broker.jobs.records import Job
from broker.jobs.states import BatchState, JobState
from runtime.errors import BatchFinished, JobNotFound


class OperatorSide(StoreBase):
    """Cancelling, requeueing, ordering."""

    def cancel_batch(self, batch_id: int) -> int:
        """Withdraw a batch: no job of it is claimed again, running ones lose their lease. Returns jobs cancelled.

        Raises
        ------
        JobNotFound
        BatchFinished
            Its proof is made already.
        """

        def work(session: Session) -> int:
            batch = self._lock_batch(session, batch_id)
            state = BatchState(batch["state"])
            if state in (BatchState.PROVEN, BatchState.ACCEPTED, BatchState.REFUSED):
                raise BatchFinished(f"Batch {batch['number']} is {state}: nothing of it is left to cancel.")
            session.run(sql.CANCEL_ATTEMPTS, batch_id=batch_id)
            cancelled = session.run(sql.CANCEL_JOBS, batch_id=batch_id)
            states = (BatchState.IN_PROGRESS, BatchState.DEAD)
            self._set_batch_in(session, batch_id, BatchState.CANCELLED, only=states, finished=True)
            return cancelled

        return self.database.transact(work)

    def requeue(self, job_id: int) -> Job:
        """Let a job run again with a fresh count of failures, whatever its state; a running attempt loses its lease.

        Jobs without a result that need this one's wait for it again. A batch that was cancelled, or whose proof was
        made or refused, is open again as a whole: with every job that was cancelled, and with its final job.

        Raises
        ------
        JobNotFound
        BatchFinished
            Core accepted the batch, or its artifacts have been removed.
        """

        def work(session: Session) -> Job:
            row = session.one("SELECT batch_id FROM jobs WHERE id = :job_id", job_id=job_id)
            if row is None:
                raise JobNotFound(f"There is no job {job_id}.")
            batch, jobs = self._open_batch(session, row["batch_id"])
            if job_id not in jobs:
                raise JobNotFound(f"There is no job {job_id}.")
            self._open_again(session, batch, jobs, [job_id])
            started = session.one("SELECT * FROM jobs WHERE id = :job_id", job_id=job_id)
            assert started is not None
            return Job.of(started)

        return self.database.transact(work)

    def requeue_batch(self, batch_id: int) -> int:
        """Let every dead, delayed and cancelled job of a batch run again, and return how many these are.

        Raises
        ------
        JobNotFound
        BatchFinished
            Core accepted the batch, or its artifacts have been removed.
        """
        stuck = (JobState.DEAD, JobState.FAILED, JobState.CANCELLED)

        def work(session: Session) -> int:
            batch, jobs = self._open_batch(session, batch_id)
            again = [key for key, job in jobs.items() if job["state"] in stuck]
            if again:
                self._open_again(session, batch, jobs, again)
            return len(again)

        return self.database.transact(work)

    def restart_batch(self, batch_id: int) -> int:
        """Forget every result of a batch and begin it anew; return how many jobs run again.

        Raises
        ------
        JobNotFound
        BatchFinished
            Core accepted the batch, or its artifacts have been removed.
        """

        def work(session: Session) -> int:
            batch, jobs = self._open_batch(session, batch_id)
            self._open_again(session, batch, jobs, list(jobs))
            return len(jobs)

        return self.database.transact(work)

    def hand_in(self, batch_id: int, result: str) -> int:
        """End a batch with a proof that was made elsewhere; its open jobs are withdrawn. Returns how many these are.

        Parameters
        ----------
        result
            Name of the artifact.

        Raises
        ------
        JobNotFound
        BatchFinished
            It has a proof already, or its artifacts have been removed.
        """

        def work(session: Session) -> int:
            batch = self._lock_batch(session, batch_id)
            self._refuse_finished(batch)
            if batch["state"] not in (BatchState.IN_PROGRESS, BatchState.DEAD, BatchState.CANCELLED):
                raise BatchFinished(f"Batch {batch['number']} is {batch['state']}: it has a proof already.")
            session.run(sql.CANCEL_ATTEMPTS, batch_id=batch_id)
            withdrawn = session.run(sql.CANCEL_JOBS, batch_id=batch_id)
            session.run(sql.HAND_IN_JOB, batch_id=batch_id, result=result)
            session.run(sql.HAND_IN_BATCH, batch_id=batch_id, result=result)
            return withdrawn

        return self.database.transact(work)

    def prioritise(self, batch_id: int, priority: int) -> int:
        """Give a batch and its jobs a priority, the highest first, and return how many jobs it has.

        Raises
        ------
        JobNotFound
        """

        def work(session: Session) -> int:
            self._lock_batch(session, batch_id)
            session.run(sql.PRIORITISE_BATCH, batch_id=batch_id, priority=priority)
            return session.run(sql.PRIORITISE_JOBS, batch_id=batch_id, priority=priority)

        return self.database.transact(work)

    def _open_batch(self, session: Session, batch_id: int) -> tuple[Row, dict[int, Row]]:
        """Lock a batch that may run again, with its jobs by identity."""
        batch = self._lock_batch(session, batch_id)
        self._refuse_finished(batch)
        return batch, {int(job["id"]): job for job in session.rows(sql.LOCK_JOBS, batch_id=batch_id)}

    def _open_again(self, session: Session, batch: Row, jobs: dict[int, Row], wanted: list[int]) -> None:
        """Start jobs over, with what a batch that is open again needs: its cancelled jobs and its final one."""
        again = [*wanted, *(key for key, job in jobs.items() if job["state"] == JobState.CANCELLED)]
        again += [key for key, job in jobs.items() if job["final"] and job["state"] == JobState.SUCCESSFUL]
        self._start_over(session, [jobs[key] for key in dict.fromkeys(again)])
        dead = session.one("SELECT 1 AS dead FROM jobs WHERE batch_id = :b AND state = 'dead'", b=batch["id"])
        state = BatchState.DEAD if dead else BatchState.IN_PROGRESS
        error = batch["error"] if batch["state"] == state else None
        session.run(sql.REOPEN_BATCH, batch_id=batch["id"], state=state, error=error)

    def _lock_batch(self, session: Session, batch_id: int) -> Row:
        batch = session.one(sql.LOCK_BATCH, batch_id=batch_id)
        if batch is None:
            raise JobNotFound(f"There is no batch with identity {batch_id}.")
        return batch

    def _refuse_finished(self, batch: Row) -> None:
        if batch["state"] == BatchState.ACCEPTED:
            raise BatchFinished(f"Core accepted batch {batch['number']}: nothing of it needs to run again.")
        if batch["collected_at"] is not None:
            raise BatchFinished(f"The artifacts of batch {batch['number']} have been removed: it cannot run again.")
