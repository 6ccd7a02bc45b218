"""What workers do with the job store: claim, renew, complete, fail, give back."""

from __future__ import annotations

import contextlib
import time
import traceback as traceback_module
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from broker.jobs import sql
from broker.jobs.base import NO_COST, StoreBase
from broker.jobs.database import Row, Session, names_in
from broker.jobs.new import NewJobs, pages_of
from broker.jobs.records import Claim, Cost, Input, Job, JobSpec, Worker
from broker.jobs.states import JobState, Outcome, Stage
from runtime.errors import HallmarkError, JobCancelled, LeaseLost, Retry, cause_of

#: Longest traceback kept in a row, in characters; the end of it says what failed.
TRACEBACK_LIMIT = 16_000
#: Delayed rows that one transaction queues.
DUE_AT_ONCE = 200
#: Seconds between two looks of one process for rows whose delay is over, while it finds other work.
DUE_SECONDS = 1.0
#: Seconds that a job waits before a worker whose keys are other ones says so in its row.
REFUSED_SECONDS = 5.0


class WorkerSide(StoreBase):
    """Claims and leases."""

    #: When this process last looked for rows whose delay is over, on the monotonic clock.
    _looked_at: float = float("-inf")

    def _chains(self, read: Callable[..., list[Row]], filters: str, parameters: dict[str, Any]) -> list[int]:
        """Return the chains whose jobs are claimed, the one of the first job first.

        Each chain's first job comes from the index; a claim over several chains at once would sort every queued row.
        """
        if not self.all_chains:
            return [self.chain_id]
        statement = sql.PEEK.replace("{filters}", filters)
        open_chains = [row["chain_id"] for row in read(sql.OPEN_CHAINS)]
        heads = [row for chain in open_chains for row in read(statement, **{**parameters, "chain_id": chain})]
        return [row["chain_id"] for row in sorted(heads, key=_order)]

    def claim(
        self,
        stages: Iterable[Stage],
        worker: Worker,
        *,
        protocol_versions: Sequence[str],
        key_identity: str = "",
        circuit_types: Sequence[str] | None = None,
        preferred_circuit_type: str = "",
        recursive: bool | None = None,
    ) -> Claim | None:
        """Take the best eligible job, or nothing.

        Parameters
        ----------
        protocol_versions
            Those that the worker can do.
        key_identity
            The keys that it holds: jobs of others are not for it. Empty: it needs none.
        circuit_types
            Those that the worker can do; ``None`` for any.
        preferred_circuit_type
            Chosen first among equals, because its key is loaded.
        recursive
            Only jobs of later rounds, only those of the first (False), or any (None).
        """
        filters, parameters = _filters(stages, protocol_versions, circuit_types, worker.device, recursive, key_identity)
        same_type = sql.SAME_CIRCUIT_TYPE.replace("{filters}", filters) if preferred_circuit_type else ""
        values = {**parameters, "lease": self.lease_seconds, "worker": worker.name}
        values |= {"host": worker.host, "zone": worker.zone, "own_device": worker.device}
        values["clock_skew"] = worker.clock_skew

        def take(session: Session) -> Row | None:
            for chain in self._chains(session.rows, filters, parameters):
                values["chain_id"] = chain
                row = None
                if same_type:
                    row = _claimed(session, filters + same_type, {**values, "circuit_type": preferred_circuit_type})
                row = _claimed(session, filters, values) if row is None else row
                if row is not None:
                    return row
            return None

        def work(session: Session) -> Row | None:
            # Made here, as what is run again because its answer got lost must not share a token with the first run.
            values["token"] = uuid.uuid4().hex
            looked = self._end_delays_now_and_then(session)
            row = take(session)
            if row is None and not looked and self._end_delays(session):
                row = take(session)
            return row

        row = self.database.transact(work, apart=True)
        if row is None:
            return None
        job = Job.of(row)
        return Claim(job, str(values["token"]), job.attempts, self.lease_seconds, float(row["queue_wait"]))

    def ready(
        self,
        stages: Iterable[Stage],
        *,
        protocol_versions: Sequence[str],
        key_identity: str = "",
        device: str = "",
        recursive: bool | None = None,
    ) -> bool:
        """Return whether a claim for these stages would find a job now."""
        filters, parameters = _filters(stages, protocol_versions, None, device, recursive, key_identity)
        statement = sql.READY.replace("{filters}", filters)

        def any_is() -> bool:
            chains = self._chains(self.database.read, filters, parameters)
            return any(self.database.read(statement, chain_id=chain, **parameters) for chain in chains)

        return any_is() or (self.end_delays() > 0 and any_is())

    def peek(
        self,
        stages: Iterable[Stage],
        worker: Worker,
        *,
        protocol_versions: Sequence[str],
        key_identity: str = "",
        preferred_circuit_type: str = "",
    ) -> Job | None:
        """Return the job that a claim with the same arguments would take now; nothing changes."""
        filters, values = _filters(stages, protocol_versions, None, worker.device, None, key_identity)
        chains = self._chains(self.database.read, filters, values)
        if not chains:
            return None
        values["chain_id"] = chains[0]
        if preferred_circuit_type:
            same = filters + sql.SAME_CIRCUIT_TYPE.replace("{filters}", filters)
            statement = sql.PEEK.replace("{filters}", same)
            if rows := self.database.read(statement, circuit_type=preferred_circuit_type, **values):
                return Job.of(rows[0])
        rows = self.database.read(sql.PEEK.replace("{filters}", filters), **values)
        return Job.of(rows[0]) if rows else None

    def refuse(
        self, stages: Iterable[Stage], worker: Worker, *, protocol_versions: Sequence[str], key_identity: str
    ) -> Job | None:
        """Write into a job that this worker's other keys keep from it, and that nobody works on the like of, who
        refuses it and why; return it.
        """
        filters, values = _filters(stages, protocol_versions, None, worker.device, None, "")
        statement = sql.REFUSE.replace("{filters}", filters)
        error = f"{worker.name} holds the keys {key_identity} and not this job's."
        values |= {"key_identity": key_identity, "error": error, "grace": REFUSED_SECONDS}

        def work(session: Session) -> Row | None:
            chains = self._chains(session.rows, filters, values)
            found = (session.one(statement, **{**values, "chain_id": chain}) for chain in chains)
            return next((row for row in found if row is not None), None)

        row = self.database.transact(work)
        return None if row is None else Job.of(row)

    def end_delays(self) -> int:
        """Queue rows whose delay is over, a bounded number at a time, and return how many were."""
        if not self.database.read(sql.DELAY_OVER):
            return 0
        return self.database.transact(self._end_delays)

    def inputs(self, claim: Claim) -> list[Input]:
        """Return the results of the jobs that this one waited for, in the order of their place in the batch."""
        return self.inputs_of(claim.job_id)

    def inputs_of(self, job_id: int) -> list[Input]:
        """Return what :meth:`inputs` does, of a job that is not held."""
        return [Input.of(row) for row in self.database.read(sql.INPUTS, job_id=job_id)]

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

    def tell_clock(self, claim: Claim, skew: float) -> None:
        """Record that the clock of the worker that holds a job is now this many seconds ahead of the database's."""
        self.database.transact(lambda session: session.run(sql.TELL_CLOCK, token=claim.token, clock_skew=skew))

    def complete(
        self, claim: Claim, artifact: str, children: Sequence[JobSpec] = (), *, cost: Cost = NO_COST
    ) -> list[int]:
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
        jobs = NewJobs.of(children)

        def work(session: Session) -> list[int] | None:
            row = self._completed(session, claim, artifact, cost)
            if row is None:
                return None
            made = self._create_jobs(session, {**row, "made_by_job": row["id"]}, jobs)
            # After the jobs were created, as that settles the barriers of an earlier run's as if this one still ran.
            released = session.rows(sql.RELEASE, job_id=claim.job_id)
            session.run_pages(sql.DECREMENT, pages_of(sorted(parent["job_id"] for parent in released)))
            if row["final"]:
                session.run(sql.PROVE_BATCH, batch_id=row["batch_id"], result=artifact)
            return made

        made = self.database.transact(work)
        if made is None:
            raise self._lost(claim)
        return made

    def _completed(self, session: Session, claim: Claim, artifact: str, cost: Cost) -> Row | None:
        """End job and attempt; return the job, or None if it is another's now."""
        values: dict[str, Any] = {"job_id": claim.job_id, "token": claim.token, "result": artifact}
        if not session.database.sqlite:
            ended = {"outcome": Outcome.SUCCESSFUL, "code": None, "error": None, "traceback": None, **vars(cost)}
            return session.one(sql.COMPLETE_WITH_ATTEMPT, **values, **ended)
        row = session.one(sql.COMPLETE, **values)
        if row is not None:
            self._end_attempt(session, claim.token, Outcome.SUCCESSFUL, cost=cost)
        return row

    def fail(self, claim: Claim, error: BaseException, *, retry: Retry | None = None, cost: Cost = NO_COST) -> JobState:
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
        trace = "".join(traceback_module.format_exception(error))[-TRACEBACK_LIMIT:]
        return self._fail(claim, error, retry, Outcome.FAILED, trace, cost)

    def killed(self, job_id: int, token: str, error: HallmarkError) -> bool:
        """Record why a worker vanished that held a job; return whether anything was left to record.

        Counts like a failure. A sweep that came first has counted it already, and only the cause is set right.

        Parameters
        ----------
        token
            The claim's.
        """
        held = self.database.read(sql.HELD, job_id=job_id, token=token)
        if held:
            job = Job.of(held[0])
            with contextlib.suppress(LeaseLost, JobCancelled):
                claim = Claim(job, token, job.attempts, self.lease_seconds, 0.0)
                self._fail(claim, error, None, Outcome.KILLED, None, NO_COST)
                return True
        cause = {"code": error.code, "error": error.message}

        def work(session: Session) -> bool:
            ended = session.one(sql.NAME_CAUSE_OF_ATTEMPT, token=token, outcome=Outcome.KILLED, **cause)
            if ended is None:
                return False
            row = session.one(sql.NAME_CAUSE_OF_JOB, job_id=job_id, number=ended["number"], **cause)
            if row is not None and row["state"] == JobState.DEAD:
                self._kill_batch(session, row, error.message)
            return True

        return self.database.transact(work)

    def release(self, claim: Claim, cause: HallmarkError | None = None, *, cost: Cost = NO_COST) -> bool:
        """Give the job back unharmed and return whether it was still held.

        Parameters
        ----------
        cause
            Why, where the worker was not just told to stop: something that is no fault of the job's.
        """
        code, text = (cause.code, cause.message) if cause is not None else (None, None)
        return self._give_back(claim, JobState.QUEUED, Outcome.RELEASED, 0, 0.0, code, text, None, cost)

    def _fail(
        self,
        claim: Claim,
        error: BaseException,
        retry: Retry | None,
        outcome: Outcome,
        trace: str | None,
        cost: Cost,
    ) -> JobState:
        code, text, own = cause_of(error)
        decided = retry or own
        failures = claim.job.failures + 1
        dead = decided is Retry.NEVER or failures >= self.max_attempts
        delay = 0.0 if decided is Retry.AT_ONCE else self._delay(failures)
        state = JobState.DEAD if dead else JobState.FAILED
        if not self._give_back(claim, state, outcome, 1, delay, code, text, trace, cost):
            raise self._lost(claim)
        return state

    def _end_delays(self, session: Session) -> int:
        self._looked_at = time.monotonic()
        statements = (sql.END_DELAYS, sql.END_FUTURE_DELAYS)
        return sum(session.run(statement, limit=DUE_AT_ONCE) for statement in statements)

    def _end_delays_now_and_then(self, session: Session) -> bool:
        """Look for rows whose delay is over, so that a long queue hides none; return whether this was the time."""
        if time.monotonic() - self._looked_at < DUE_SECONDS:
            return False
        self._end_delays(session)
        return True

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
        cost: Cost,
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
            self._end_attempt(session, claim.token, outcome, code, error, trace, cost)
            if state is JobState.DEAD:
                self._kill_batch(session, row, error)
            return True

        return self.database.transact(work)


def _claimed(session: Session, filters: str, values: dict[str, Any]) -> Row | None:
    """Take a job and begin its attempt."""
    if not session.database.sqlite:
        return session.one(sql.CLAIM_WITH_ATTEMPT.replace("{filters}", filters), **values)
    row = session.one(sql.CLAIM.replace("{filters}", filters), **values)
    if row is not None:
        claimed = "(SELECT *, :queue_wait AS queue_wait FROM jobs WHERE id = :job_id) AS claimed"
        statement = sql.INSERT_ATTEMPT.replace("{claimed}", claimed)
        session.run(statement, job_id=row["id"], queue_wait=row["queue_wait"], **values)
    return row


def _order(row: Row) -> tuple[int, ...]:
    """The order of a claim."""
    return (-row["priority"], row["batch_id"], -row["round"], -row["depth"], row["position"], row["id"])


def _filters(
    stages: Iterable[Stage],
    protocol_versions: Sequence[str],
    circuit_types: Sequence[str] | None,
    device: str,
    recursive: bool | None,
    key_identity: str,
) -> tuple[str, dict[str, Any]]:
    stage_names, stage_values = names_in("stage", [str(stage) for stage in stages])
    version_names, versions = names_in("version", protocol_versions)
    text = f"AND chain_id = :chain_id AND stage IN ({stage_names}) AND protocol_version IN ({version_names})"
    parameters: dict[str, Any] = {**stage_values, **versions}
    if circuit_types is not None:
        type_names, types = names_in("type", circuit_types)
        text += f" AND circuit_type IN ({type_names})"
        parameters |= types
    if device:
        text += " AND device IN ('', :device)"
        parameters["device"] = device.partition(":")[0]
    if key_identity:
        text += " AND key_identity IN ('', :key_identity)"
        parameters["key_identity"] = key_identity
    return text + sql.ROUNDS[recursive], parameters
