"""What the housekeeper and the relays do with the job store: leases that ran out, messages, ticks, old batches."""

from __future__ import annotations

from collections.abc import Sequence

from broker.jobs import sql
from broker.jobs.base import NO_COST, StoreBase
from broker.jobs.database import Session, names_in
from broker.jobs.new import pages_of
from broker.jobs.records import Announcement, Batch, Lost, Sweep
from broker.jobs.states import FINISHED_BATCH, JobState, Outcome, Stage

#: Messages sent again at a time for a stage whose hints seem lost.
REANNOUNCED = 20
#: A tick is made when the last one is older than this part of its period: two clocks never tick twice in one.
TICK_SPACING = 0.75


class HousekeeperSide(StoreBase):
    """The safety nets, the outbox and the end of a batch's rows."""

    def sweep(self, *, announce_after: float = 60.0, limit: int = 1000) -> Sweep:
        """Requeue jobs whose lease ran out, and let announcements be sent again that seem lost.

        Parameters
        ----------
        announce_after
            Seconds without any new announcement or claim of a stage after which its old ones count as lost.
        limit
            Expired leases handled in one transaction.
        """
        database = self.database
        database.transact(lambda session: session.run(sql.RESTART_FUTURE_LEASES, limit=limit))
        lost = database.transact(lambda session: self._expire(session, limit))

        def announce_again(session: Session) -> int:
            stages = [{"stage": str(stage), "age": announce_after, "limit": REANNOUNCED} for stage in Stage]
            return sum(session.run(sql.REANNOUNCE, **stage) for stage in stages)

        return Sweep(tuple(lost), database.transact(announce_again))

    def recount(self, limit: int = 1000) -> int:
        """Repair barriers that a fault of this program or an operator's hand left wrong; return how many were."""
        stale = self.database.read(sql.STALE_DEPENDENCIES, limit=limit)
        wrong = {int(row["job_id"]) for row in stale}
        wrong |= {int(row["id"]) for row in self.database.read(sql.WRONG_BARRIERS, limit=limit)}
        if not wrong:
            return 0

        def work(session: Session) -> int:
            session.run_many(sql.RELEASE_ONE, stale)
            return session.run_pages(sql.SETTLE, pages_of(sorted(wrong)))

        return self.database.transact(work)

    def unannounced(self, limit: int = 200, *, grace: float = 0.0) -> list[Announcement]:
        """Return the outbox: rows that have been ready for ``grace`` seconds and whose message has not been sent."""
        rows = self.database.read(sql.UNANNOUNCED, limit=limit, grace=grace)
        return [
            Announcement(
                row["id"],
                row["batch_id"],
                row["number"],
                row["chain_id"],
                Stage(row["stage"]),
                row["round"],
                row["traceparent"],
            )
            for row in rows
        ]

    def mark_announced(self, job_ids: Sequence[int]) -> set[int]:
        """Note that messages of these rows are about to be sent; return those that no one else had marked.

        The mark is committed before the message leaves: a worker that gets the message finds the row free. Who cannot
        send it takes the mark back with :meth:`unmark_announced`; who dies before costs one poll of an idle worker.
        """
        if not job_ids:
            return set()
        names, values = names_in("id", sorted(job_ids))
        statement = sql.MARK_ANNOUNCED.replace("{ids}", names)
        rows = self.database.transact(lambda session: session.rows(statement, **values))
        return {int(row["id"]) for row in rows}

    def unmark_announced(self, job_ids: Sequence[int]) -> None:
        """Put rows back into the outbox whose messages the broker did not confirm."""
        rows = [{"job_id": job_id} for job_id in sorted(job_ids)]
        self.database.transact(lambda session: session.run_many(sql.UNMARK_ANNOUNCED, rows))

    def announced(self, stage: Stage, limit: int, *, recursive: bool | None = None) -> int:
        """Return how many rows of a stage, or of some of its rounds, are ready and announced, up to a limit."""
        statement = sql.ANNOUNCED.replace("{filters}", sql.ROUNDS[recursive])
        return int(self.database.read(statement, stage=str(stage), limit=limit)[0]["announced"])

    def announce_again(self, stage: Stage) -> int:
        """Put every ready row of a stage back into the outbox, as its messages are gone; return how many."""
        return self.database.transact(lambda session: session.run(sql.ANNOUNCE_STAGE_AGAIN, stage=str(stage)))

    def add_tick(self, task: str, period: float) -> bool:
        """Ask for a periodic task; return whether this clock was the first of its period, in seconds."""
        spacing = period * TICK_SPACING
        return self.database.transact(lambda session: session.run(sql.ADD_TICK, task=task, spacing=spacing) == 1)

    def take_ticks(self, taken_by: str) -> set[str]:
        """Take every waiting tick and return the tasks to run; ticks that piled up are one run."""
        if not self.ticks_waiting():
            return set()
        rows = self.database.transact(lambda session: session.rows(sql.TAKE_TICKS, taken_by=taken_by))
        return {str(row["task"]) for row in rows}

    def ticks_waiting(self) -> bool:
        """Return whether a tick waits to be taken."""
        return bool(self.database.read(sql.TICKS_WAITING))

    def restamp_finished(self) -> None:
        """Let the retention of batches that finished before the clock stepped back count from now."""
        self.database.transact(lambda session: session.run(sql.RESTAMP_FINISHED))

    def collectable(self, age_seconds: float, limit: int = 50) -> list[Batch]:
        """Return finished batches whose artifacts may go."""
        return [Batch.of(row) for row in self.database.read(sql.COLLECTABLE, age=age_seconds, limit=limit)]

    def mark_collected(self, batch_id: int) -> bool:
        """Note that a batch's artifacts go now, so that none of its jobs is requeued; return whether it is finished."""
        return self.database.transact(lambda session: session.run(sql.MARK_COLLECTED, batch_id=batch_id)) == 1

    def archivable(self, age_seconds: float, limit: int = 50) -> list[Batch]:
        """Return finished batches whose rows may leave the database."""
        return [Batch.of(row) for row in self.database.read(sql.ARCHIVABLE, age=age_seconds, limit=limit)]

    def remove_batch(self, batch_id: int) -> bool:
        """Remove a finished batch with its jobs, dependencies and attempts; what they had counted stays counted."""

        def work(session: Session) -> bool:
            # Locked first: a batch that is requeued meanwhile is neither counted nor removed.
            batch = session.one(sql.LOCK_BATCH, batch_id=batch_id)
            if batch is None or batch["state"] not in FINISHED_BATCH:
                return False
            session.run(sql.TALLY_ATTEMPTS, batch_id=batch_id)
            session.run(sql.TALLY_LATENCY, batch_id=batch_id)
            return session.run(sql.REMOVE_BATCH, batch_id=batch_id) == 1

        return self.database.transact(work)

    def _expire(self, session: Session, limit: int) -> list[Lost]:
        """End leases that ran out; their rows stay locked from the look to the end, and all go in two pipelines."""
        rows = session.rows(sql.EXPIRED, limit=limit)
        jobs, attempts, lost = [], [], []
        for row in rows:
            dead = int(row["failures"]) + 1 >= self.max_attempts
            text = f"The lease of {row['worker']} ran out: the worker died, stalled or lost the database."
            cause = {"token": row["lease_token"], "code": "lease_expired", "error": text, "traceback": None}
            state = str(JobState.DEAD if dead else JobState.QUEUED)
            jobs.append({**cause, "job_id": row["id"], "state": state, "counted": 1, "delay": 0.0})
            attempts.append({**cause, "outcome": str(Outcome.LOST), **vars(NO_COST)})
            stage = Stage(row["stage"])
            lost.append(Lost(row["id"], stage, row["worker"], row["attempts"], row["traceparent"], dead))
        session.run_many(sql.FAIL, jobs)
        session.run_many(sql.END_ATTEMPT, attempts)
        for row, job in zip(rows, jobs, strict=True):
            if job["state"] == JobState.DEAD:
                self._kill_batch(session, row, job["error"])
        return lost
