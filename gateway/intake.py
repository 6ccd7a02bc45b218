"""Takes one offered batch in: witness input into the artifact store, batch and first job into the job store.

Safe at every point of a crash: the artifact's name follows from its content, and a batch is created once. A batch
that is known already keeps its jobs and takes the new offer.
"""

from __future__ import annotations

import asyncio

from opentelemetry.trace import SpanKind

from broker.artifacts import ArtifactStore
from broker.jobs import Batch, BatchState, JobSpec, JobStore, Stage
from gateway.core_client import CoreClient
from runtime.artifact import pack
from runtime.errors import ArtifactExists, InvalidInput
from runtime.logging import get_logger
from runtime.telemetry import span
from runtime.wire import BatchOffer

#: Kind of the witness input's artifact.
WITNESS_INPUT = "witness_input"

log = get_logger(__name__)


class Intake:
    """Turns offers into batches.

    Parameters
    ----------
    client
        Core.
    jobs, artifacts
        Where batches and witness inputs go.
    witness_limit
        Largest witness input in bytes.
    """

    def __init__(self, client: CoreClient, jobs: JobStore, artifacts: ArtifactStore, *, witness_limit: int) -> None:
        self._client = client
        self._jobs = jobs
        self._artifacts = artifacts
        self._witness_limit = witness_limit

    async def take(self, offer: BatchOffer) -> Batch:
        """Store an offered batch and return its row.

        Raises
        ------
        InvalidInput
            The offer is for another chain.
        TooLarge, ArtifactCorrupt, CoreUnavailable, CoreRefusal
            The witness input could not be had; core will offer the batch again.
        """
        if offer.chain_id != self._jobs.chain_id:
            raise InvalidInput(
                f"Core offers a batch of chain {offer.chain_id}, this gateway is of {self._jobs.chain_id}."
            )
        with span(
            "gateway intake",
            traceparent=offer.trace.traceparent,
            kind=SpanKind.CLIENT,
            attributes={"hallmark.batch": offer.batch_number},
        ):
            known = await asyncio.to_thread(find_batch, self._jobs, offer.batch_number, offer.protocol_version)
            name = witness_name(offer)
            if known is None or not await asyncio.to_thread(self._artifacts.exists, name):
                content = await self._client.fetch(offer.witness_input, limit=self._witness_limit)
                await asyncio.to_thread(self._store, name, content, offer.protocol_version)
            batch, created = await asyncio.to_thread(self._create, offer, name)
        log.info(
            "batch.taken" if created else "batch.offered_again",
            batch=batch.number,
            state=batch.state,
            offer_expires_at=offer.offer_expires_at,
        )
        return batch

    def _store(self, name: str, content: bytes, protocol_version: str) -> None:
        try:
            self._artifacts.put(name, pack(WITNESS_INPUT, content, protocol=protocol_version))
        except ArtifactExists:
            log.info("witness_input.present", name=name)

    def _create(self, offer: BatchOffer, name: str) -> tuple[Batch, bool]:
        return self._jobs.create_batch(
            offer.batch_number,
            protocol_version=offer.protocol_version,
            jobs=[
                JobSpec(
                    Stage.WITNESS,
                    key="witness",
                    inputs={WITNESS_INPUT: name},
                    parameters={
                        "program_sha256": offer.program_sha256,
                        "program_commitment": offer.program_commitment,
                    },
                )
            ],
            program_commitment=offer.program_commitment,
            traceparent=offer.trace.traceparent,
            offer={
                "token": offer.offer_token,
                "expires_at": offer.offer_expires_at,
                "old_root": offer.old_root,
                "new_root": offer.new_root,
                "metadata_commitment": offer.metadata_commitment,
            },
        )


def witness_name(offer: BatchOffer) -> str:
    """Return the artifact name of an offer's witness input; the content's hash is part of it."""
    return f"witness_inputs/{offer.chain_id}/{offer.batch_number}/{offer.witness_input.sha256}"


def find_batch(jobs: JobStore, number: int, protocol_version: str) -> Batch | None:
    """Return the batch of this store's chain, or None."""
    rows = jobs.database.read(
        "SELECT * FROM batches WHERE chain_id = :chain_id AND number = :number AND protocol_version = :version",
        chain_id=jobs.chain_id,
        number=number,
        version=protocol_version,
    )
    return Batch.of(rows[0]) if rows else None


def batches_in(jobs: JobStore, state: BatchState) -> list[Batch]:
    """Return the batches of this store's chain that are in a state, oldest first."""
    rows = jobs.database.read(
        "SELECT * FROM batches WHERE chain_id = :chain_id AND state = :state ORDER BY number",
        chain_id=jobs.chain_id,
        state=str(state),
    )
    return [Batch.of(row) for row in rows]
