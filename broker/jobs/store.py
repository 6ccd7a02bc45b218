"""The job store: claims, leases, barriers and states, each change one short transaction.

The database is the truth and a message only a hint, so nothing here sends anything: rows whose ``announced_at`` is
null are the outbox, which :mod:`broker` users relay.
"""

from __future__ import annotations

import json
import traceback as traceback_module
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from broker.jobs import schema, sql
from broker.jobs.database import JobDatabase, Row, Session, names_in
from broker.jobs.records import Announcement, Batch, Claim, Input, Job, JobSpec, Lost, Sweep, Worker
from broker.jobs.states import BatchState, JobState, Outcome, Stage
from runtime.errors import JobCancelled, JobError, JobNotFound, LeaseLost, Retry, cause_of
from runtime.settings import Settings
from runtime.telemetry import trace_id_of

#: Longest traceback kept in a row, in characters; the end of it says what failed.
TRACEBACK_LIMIT = 16_000
#: Messages sent again at a time for a stage whose hints seem lost.
REANNOUNCED = 20
#: Longest delay between two attempts, in seconds.
MAX_RETRY_SECONDS = 300.0


class JobStore:
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

    # Batches

    def create_batch(
        self,
        number: int,
        *,
        protocol_version: str,
        jobs: Sequence[JobSpec],
        priority: int = 0,
        program_commitment: str = "",
        traceparent: str = "",
        offer: Mapping[str, Any] | None = None,
    ) -> tuple[Batch, bool]:
        """Create a batch with its first jobs, once.

        A batch that is known already (core offered it again after its offer expired) keeps its jobs and takes the new
        offer.

        Returns
        -------
        tuple
            The batch, and whether it is new.
        """

        def work(session: Session) -> tuple[Batch, bool]:
            key = {"chain_id": self.chain_id, "number": number, "protocol_version": protocol_version}
            row = session.one(
                sql.INSERT_BATCH,
                **key,
                priority=priority,
                program_commitment=program_commitment,
                traceparent=traceparent,
                offer=json.dumps(dict(offer or {})),
            )
            if row is None:
                if offer is not None:
                    self._set_offer(session, key, offer)
                known = session.one(
                    "SELECT * FROM batches WHERE chain_id = :chain_id AND number = :number"
                    " AND protocol_version = :protocol_version",
                    **key,
                )
                assert known is not None
                return Batch.of(known), False
            parent = {**row, "batch_id": row["id"]}
            self._create_jobs(session, parent, jobs)
            return Batch.of(row), True

        return self.database.transact(work)

    def mark_batch(self, batch_id: int, state: BatchState, *, reason: str = "") -> bool:
        """Record what core said about a proven batch; return whether the batch was in a state that allows it."""
        if state not in (BatchState.ACCEPTED, BatchState.REFUSED):
            raise JobError(f"A batch is not marked {state} by hand.")
        return self._set_batch(batch_id, state, error=reason or None, only=(BatchState.PROVEN,), finished=True)

    def cancel_batch(self, batch_id: int) -> int:
        """Withdraw a batch: no job of it is claimed again, running ones lose their lease. Returns jobs cancelled."""

        def work(session: Session) -> int:
            self._lock_batch(session, batch_id)
            session.run(sql.CANCEL_ATTEMPTS, batch_id=batch_id)
            cancelled = session.run(sql.CANCEL_JOBS, batch_id=batch_id)
            states = (BatchState.IN_PROGRESS, BatchState.DEAD)
            self._set_batch_in(session, batch_id, BatchState.CANCELLED, only=states, finished=True)
            return cancelled

        return self.database.transact(work)

    # Workers

    def claim(
        self,
        stages: Iterable[Stage],
        worker: Worker,
        *,
        protocol_versions: Sequence[str],
        circuit_types: Sequence[str] | None = None,
        preferred_circuit_type: str = "",
    ) -> Claim | None:
        """Take the best eligible job, or nothing.

        Parameters
        ----------
        protocol_versions
            Those that the worker holds keys for.
        circuit_types
            Those that the worker can do; ``None`` for any.
        preferred_circuit_type
            Chosen first among equals, because its key is loaded.
        """
        filters, parameters = _filters(stages, protocol_versions, circuit_types, worker.device)
        same_type = sql.SAME_CIRCUIT_TYPE.replace("{filters}", filters) if preferred_circuit_type else ""
        values = {**parameters, "lease": self.lease_seconds, "worker": worker.name}
        values["chain_id"] = self.chain_id

        def work(session: Session) -> Claim | None:
            # Made here, as a transaction whose answer got lost runs again: each claim has a token of its own.
            token = uuid.uuid4().hex
            values["token"] = token
            row = None
            if same_type:
                statement = sql.CLAIM.replace("{filters}", filters + same_type)
                row = session.one(statement, circuit_type=preferred_circuit_type, **values)
            if row is None:
                row = session.one(sql.CLAIM.replace("{filters}", filters), **values)
            if row is None:
                return None
            job = Job.of(row)
            wait = max(0.0, float(row["started_at"]) - float(row["queued_at"] or row["created_at"]))
            session.run(
                sql.INSERT_ATTEMPT,
                job_id=job.id,
                number=job.attempts,
                token=token,
                worker=worker.name,
                host=worker.host,
                device=worker.device,
                zone=worker.zone,
                trace_id=trace_id_of(job.traceparent),
                queue_wait=wait,
            )
            return Claim(job, token, job.attempts, self.lease_seconds, wait)

        return self.database.transact(work)

    def ready(self, stages: Iterable[Stage], *, protocol_versions: Sequence[str], device: str = "") -> bool:
        """Return whether a claim for these stages would find a job now."""
        filters, parameters = _filters(stages, protocol_versions, None, device)
        statement = sql.READY.replace("{filters}", filters)
        return bool(self.database.read(statement, chain_id=self.chain_id, **parameters))

    def inputs(self, claim: Claim) -> list[Input]:
        """Return the results of the jobs that this one waited for, in the order of their place in the batch."""
        return [Input.of(row) for row in self.database.read(sql.INPUTS, job_id=claim.job_id)]

    def renew(self, claim: Claim, *, progress: float = 0.0, note: str = "") -> None:
        """Extend the lease and record progress (0..1).

        Raises
        ------
        LeaseLost, JobCancelled
            The worker must stop: nothing that it makes will be stored.
        """

        def work(session: Session) -> Row | None:
            lease = claim.lease_seconds
            return session.one(
                sql.RENEW, job_id=claim.job_id, token=claim.token, lease=lease, progress=progress, note=note[:200]
            )

        if self.database.transact(work) is None:
            raise self._lost(claim)

    def complete(self, claim: Claim, artifact: str, children: Sequence[JobSpec] = ()) -> list[int]:
        """Store the winner's artifact name, create the next jobs and release the barriers, in one transaction.

        Returns
        -------
        list of int
            Identities of the children, in order.

        Raises
        ------
        LeaseLost, JobCancelled
            The lease is another's now; nothing was changed.
        """

        def work(session: Session) -> list[int] | None:
            row = session.one(sql.COMPLETE, job_id=claim.job_id, token=claim.token, result=artifact)
            if row is None:
                return None
            self._end_attempt(session, claim.token, Outcome.SUCCESSFUL)
            made = self._create_jobs(session, row, children)
            parents = sorted(released["job_id"] for released in session.rows(sql.RELEASE, job_id=claim.job_id))
            for parent in parents:
                session.run(sql.DECREMENT, job_id=parent)
            if row["final"]:
                session.run(sql.PROVE_BATCH, batch_id=row["batch_id"], result=artifact)
            return made

        made = self.database.transact(work)
        if made is None:
            raise self._lost(claim)
        return made

    def fail(self, claim: Claim, error: BaseException, *, retry: Retry | None = None) -> JobState:
        """Record why the attempt failed and decide what becomes of the job.

        Parameters
        ----------
        retry
            Overrides the error's own class.

        Returns
        -------
        JobState
            ``failed`` (will be claimed again) or ``dead``.

        Raises
        ------
        LeaseLost, JobCancelled
        """
        code, text, own = cause_of(error)
        decided = retry or own
        failures = claim.job.failures + 1
        dead = decided is Retry.NEVER or failures >= self.max_attempts
        delay = 0.0 if decided is Retry.AT_ONCE else self._delay(failures)
        trace = "".join(traceback_module.format_exception(error))[-TRACEBACK_LIMIT:]
        state = JobState.DEAD if dead else JobState.FAILED
        if not self._give_back(claim, state, Outcome.FAILED, 1, delay, code, text, trace):
            raise self._lost(claim)
        return state

    def release(self, claim: Claim) -> bool:
        """Give the job back unharmed, as a worker does that was told to stop; return whether it was still held."""
        return self._give_back(claim, JobState.QUEUED, Outcome.RELEASED, 0, 0.0, None, None, None)

    # Housekeeping

    def sweep(self, *, announce_after: float = 60.0, limit: int = 1000) -> Sweep:
        """Requeue jobs whose lease ran out, and let announcements be sent again that seem lost.

        Parameters
        ----------
        announce_after
            Seconds without any new announcement or claim of a stage after which its old ones count as lost.
        limit
            Expired leases handled in one transaction.
        """

        def work(session: Session) -> Sweep:
            lost = [self._expire(session, row) for row in session.rows(sql.EXPIRED, limit=limit)]
            return Sweep(tuple(lost), session.run(sql.REANNOUNCE, age=announce_after, limit=REANNOUNCED))

        return self.database.transact(work)

    def recount(self) -> int:
        """Repair barriers that a fault of this program or an operator's hand left wrong; return how many were."""

        def work(session: Session) -> int:
            session.run(sql.RELEASE_STALE)
            return session.run(sql.RECOUNT)

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

    def mark_announced(self, job_ids: Sequence[int]) -> None:
        """Note that the messages of these rows were confirmed by the broker."""
        self.database.transact(
            lambda session: session.run_many(sql.MARK_ANNOUNCED, [{"job_id": job_id} for job_id in sorted(job_ids)])
        )

    def add_tick(self, task: str, due_at: int) -> bool:
        """Ask for a periodic task, once per due time in epoch milliseconds; the first clock makes the row."""
        return self.database.transact(lambda session: session.run(sql.ADD_TICK, task=task, due_at=due_at) == 1)

    def take_ticks(self, taken_by: str) -> set[str]:
        """Take every waiting tick and return the tasks to run; ticks that piled up are one run."""
        rows = self.database.transact(lambda session: session.rows(sql.TAKE_TICKS, taken_by=taken_by))
        return {str(row["task"]) for row in rows}

    def ticks_waiting(self) -> bool:
        """Return whether a tick waits to be taken."""
        return bool(self.database.read(sql.TICKS_WAITING))

    def forget_ticks(self, age_seconds: float) -> None:
        """Remove taken ticks that are older than this."""
        self.database.transact(lambda session: session.run(sql.FORGET_TICKS, age=age_seconds))

    def collectable(self, age_seconds: float, limit: int = 50) -> list[Batch]:
        """Return finished batches whose artifacts may go."""
        return [Batch.of(row) for row in self.database.read(sql.COLLECTABLE, age=age_seconds, limit=limit)]

    def mark_collected(self, batch_id: int) -> None:
        """Note that a batch's artifacts are gone."""
        self.database.transact(lambda session: session.run(sql.MARK_COLLECTED, batch_id=batch_id))

    def archivable(self, age_seconds: float, limit: int = 50) -> list[Batch]:
        """Return finished batches whose rows may leave the database."""
        return [Batch.of(row) for row in self.database.read(sql.ARCHIVABLE, age=age_seconds, limit=limit)]

    def remove_batch(self, batch_id: int) -> None:
        """Remove a batch with its jobs, dependencies and attempts."""
        self.database.transact(lambda session: session.run(sql.REMOVE_BATCH, batch_id=batch_id))

    def requeue(self, job_id: int) -> Job:
        """Let a job run again with a fresh count of failures, whatever its state; a running attempt loses its lease.

        Raises
        ------
        JobNotFound
        """

        def work(session: Session) -> Job:
            row = session.one("SELECT * FROM jobs WHERE id = :job_id {for_update}", job_id=job_id)
            if row is None:
                raise JobNotFound(f"There is no job {job_id}.")
            if row["lease_token"]:
                self._end_attempt(
                    session, row["lease_token"], Outcome.LOST, "requeued", "An operator requeued the job."
                )
            again = session.one(sql.REQUEUE, job_id=job_id)
            assert again is not None
            self._revive_batch(session, row["batch_id"])
            return Job.of(again)

        return self.database.transact(work)

    def requeue_dead(self, batch_id: int) -> list[Job]:
        """Requeue every dead job of a batch."""
        dead = self.database.read("SELECT id FROM jobs WHERE batch_id = :b AND state = 'dead' ORDER BY id", b=batch_id)
        return [self.requeue(int(row["id"])) for row in dead]

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
        rows = [shared | _row_of(spec) for spec in specs]
        order = [int(job_id) for job_id in session.run_many_returning(sql.INSERT_JOB, rows)]
        made = {spec.key: job_id for spec, job_id in zip(specs, order, strict=True)}
        edges = [
            {"job_id": job_id, "depends_on": made[key]}
            for spec, job_id in zip(specs, order, strict=True)
            for key in dict.fromkeys(spec.depends_on)
        ]
        session.run_many(sql.INSERT_DEPENDENCY, edges)
        return order

    def _give_back(
        self,
        claim: Claim,
        state: JobState,
        outcome: Outcome,
        counted: int,
        delay: float,
        code: str | None,
        error: str | None,
        trace: str | None,
    ) -> bool:
        def work(session: Session) -> bool:
            row = session.one(
                sql.FAIL,
                job_id=claim.job_id,
                token=claim.token,
                state=state,
                counted=counted,
                delay=delay,
                code=code,
                error=error,
                traceback=trace,
            )
            if row is None:
                return False
            self._end_attempt(session, claim.token, outcome, code, error, trace)
            if state is JobState.DEAD:
                self._kill_batch(session, row, error)
            return True

        return self.database.transact(work)

    def _expire(self, session: Session, row: Row) -> Lost:
        failures = int(row["failures"]) + 1
        dead = failures >= self.max_attempts
        text = f"The lease of {row['worker']} ran out: the worker died, stalled or lost the database."
        session.one(
            sql.FAIL,
            job_id=row["id"],
            token=row["lease_token"],
            state=JobState.DEAD if dead else JobState.QUEUED,
            counted=1,
            delay=0.0,
            code="lease_expired",
            error=text,
            traceback=None,
        )
        self._end_attempt(session, row["lease_token"], Outcome.LOST, "lease_expired", text)
        if dead:
            self._kill_batch(session, row, text)
        return Lost(row["id"], Stage(row["stage"]), row["worker"], row["attempts"], row["traceparent"], dead)

    def _kill_batch(self, session: Session, row: Row, error: str | None) -> None:
        states = (BatchState.IN_PROGRESS, BatchState.DEAD)
        self._set_batch_in(session, row["batch_id"], BatchState.DEAD, only=states, error=error, finished=True)

    def _revive_batch(self, session: Session, batch_id: int) -> None:
        dead = session.one("SELECT 1 AS dead FROM jobs WHERE batch_id = :b AND state = 'dead' LIMIT 1", b=batch_id)
        if dead is None:
            states = (BatchState.DEAD, BatchState.CANCELLED, BatchState.REFUSED)
            self._set_batch_in(session, batch_id, BatchState.IN_PROGRESS, only=states)

    def _lock_batch(self, session: Session, batch_id: int) -> None:
        if session.one("SELECT id FROM batches WHERE id = :b {for_update}", b=batch_id) is None:
            raise JobNotFound(f"There is no batch with identity {batch_id}.")
        session.rows("SELECT id FROM jobs WHERE batch_id = :b ORDER BY id {for_update}", b=batch_id)

    def _set_offer(self, session: Session, key: Mapping[str, Any], offer: Mapping[str, Any]) -> None:
        session.run(
            "UPDATE batches SET offer = :offer WHERE chain_id = :chain_id AND number = :number"
            " AND protocol_version = :protocol_version",
            offer=json.dumps(dict(offer)),
            **key,
        )

    def _set_batch(self, batch_id: int, state: BatchState, **options: Any) -> bool:
        return self.database.transact(lambda session: self._set_batch_in(session, batch_id, state, **options))

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


def open_store(settings: Settings, *, migrate: bool | None = None) -> JobStore:
    """Open the job store of ``settings`` and check its schema.

    Parameters
    ----------
    migrate
        Bring the schema up to date first; by default only for SQLite, where no release step may have run.

    Raises
    ------
    SchemaBehind, SchemaAhead, DatabaseUnavailable, ConfigurationError
    """
    database = JobDatabase(settings.database_url)
    if settings.sqlite if migrate is None else migrate:
        schema.migrate(database)
    return _checked(settings, database)


def open_existing(settings: Settings) -> JobStore:
    """Open the job store of ``settings`` as it is: nothing is made and no schema changed.

    Raises
    ------
    DatabaseMissing, SchemaBehind, SchemaAhead, DatabaseUnavailable, ConfigurationError
    """
    return _checked(settings, JobDatabase(settings.database_url, create=False))


def _checked(settings: Settings, database: JobDatabase) -> JobStore:
    schema.check(database)
    return JobStore(
        database,
        chain_id=settings.chain_id,
        lease_seconds=settings.lease_seconds,
        max_attempts=settings.max_attempts,
        retry_seconds=settings.retry_seconds,
    )


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


def _filters(
    stages: Iterable[Stage], protocol_versions: Sequence[str], circuit_types: Sequence[str] | None, device: str
) -> tuple[str, dict[str, str]]:
    stage_names, parameters = names_in("stage", [str(stage) for stage in stages])
    version_names, versions = names_in("version", protocol_versions)
    text = f"AND stage IN ({stage_names}) AND protocol_version IN ({version_names})"
    parameters |= versions
    if circuit_types is not None:
        type_names, types = names_in("type", circuit_types)
        text += f" AND circuit_type IN ({type_names})"
        parameters |= types
    if device:
        text += " AND device IN ('', :device)"
        parameters["device"] = device.partition(":")[0]
    return text, parameters
