"""The job store: claims, leases, barriers and states, each change one short transaction.

The database is the truth and a message only a hint, so nothing here sends anything: rows whose ``announced_at`` is
null are the outbox, which :mod:`broker` users relay.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from broker.jobs import schema, sql
from broker.jobs.database import JobDatabase, Session
from broker.jobs.housekeeping import HousekeeperSide
from broker.jobs.new import NewJobs
from broker.jobs.operators import OperatorSide
from broker.jobs.records import Batch, JobSpec
from broker.jobs.states import BatchState
from broker.jobs.versions import VersionSide
from broker.jobs.workers import WorkerSide
from runtime.errors import JobError
from runtime.settings import Settings
from runtime.telemetry import trace_id_of


class JobStore(WorkerSide, HousekeeperSide, OperatorSide, VersionSide):
    """Batches and jobs of one chain, for everyone who works with them."""

    def create_batch(
        self,
        number: int,
        *,
        protocol_version: str,
        jobs: Sequence[JobSpec],
        priority: int = 0,
        program_commitment: str = "",
        traceparent: str = "",
        key_identity: str = "",
        offer: Mapping[str, Any] | None = None,
    ) -> tuple[Batch, bool]:
        """Create a batch with its first jobs, once.

        A batch that is known already (core offered it again after its offer expired) keeps its jobs and takes the new
        offer.

        Parameters
        ----------
        traceparent
            Of W3C's trace context; one that is not valid is dropped.
        key_identity
            The keys that its jobs are for; workers of others do not get them. Empty for any.

        Returns
        -------
        tuple
            The batch, and whether it is new.
        """
        first = NewJobs.of(jobs)

        def work(session: Session) -> tuple[Batch, bool]:
            key = {"chain_id": self.chain_id, "number": number, "protocol_version": protocol_version}
            row = session.one(
                sql.INSERT_BATCH,
                **key,
                priority=priority,
                program_commitment=program_commitment,
                traceparent=traceparent if trace_id_of(traceparent) else "",
                key_identity=key_identity,
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
            self._create_jobs(session, parent, first)
            return Batch.of(row), True

        return self.database.transact(work)

    def mark_batch(self, batch_id: int, state: BatchState, *, reason: str = "") -> bool:
        """Record what core said about a proven batch; return whether the batch was in a state that allows it."""
        if state not in (BatchState.ACCEPTED, BatchState.REFUSED):
            raise JobError(f"A batch is not marked {state} by hand.")
        only = (BatchState.PROVEN,)
        return self.database.transact(
            lambda session: self._set_batch_in(session, batch_id, state, only=only, error=reason or None, finished=True)
        )

    def _set_offer(self, session: Session, key: Mapping[str, Any], offer: Mapping[str, Any]) -> None:
        session.run(
            "UPDATE batches SET offer = :offer WHERE chain_id = :chain_id AND number = :number"
            " AND protocol_version = :protocol_version",
            offer=json.dumps(dict(offer)),
            **key,
        )


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
    database = JobDatabase(settings.database_url, answer_seconds=settings.database_answer_seconds)
    if settings.sqlite if migrate is None else migrate:
        schema.migrate(database)
    return _checked(settings, database)


def open_existing(settings: Settings) -> JobStore:
    """Open the job store of ``settings`` as it is: nothing is made and no schema changed.

    Raises
    ------
    DatabaseMissing, SchemaBehind, SchemaAhead, DatabaseUnavailable, ConfigurationError
    """
    database = JobDatabase(settings.database_url, create=False, answer_seconds=settings.database_answer_seconds)
    return _checked(settings, database)


def _checked(settings: Settings, database: JobDatabase) -> JobStore:
    schema.check(database)
    return JobStore(
        database,
        chain_id=settings.chain_id,
        all_chains=settings.worker_chains == "all",
        lease_seconds=settings.lease_seconds,
        max_attempts=settings.max_attempts,
        retry_seconds=settings.retry_seconds,
    )
