"""Takes one offered batch in: program and witness input into the artifact store, the first job into the job store.

Safe at every point of a crash: an artifact's name follows from its content, and a batch is created once. A batch
that is known already keeps its jobs and takes the new offer.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable

from opentelemetry.trace import SpanKind

from broker.artifacts import ArtifactStore
from broker.jobs import Batch, JobSpec, JobStore, Stage
from gateway.core_client import CoreClient
from runtime.errors import ArtifactExists, InvalidInput
from runtime.logging import get_logger
from runtime.telemetry import span
from runtime.wire import SNARK_KEY, BatchOffer

#: Kinds of the two artifacts that a batch starts from; the advice is the witness input.
PROGRAM = "program"
ADVICE = "advice"

#: A larger program is refused, in bytes; the machine's loader reads no more either.
PROGRAM_LIMIT = 64 << 20

_DIGEST = re.compile(r"[0-9a-f]{64}")

log = get_logger(__name__)


class Intake:
    """Turns offers into batches.

    Parameters
    ----------
    client
        Core.
    jobs, artifacts
        Where batches and their inputs go.
    witness_limit
        Largest witness input in bytes.
    key_identity
        The keys that core verifies with; a worker that holds others refuses the jobs.
    wake
        Called after jobs were created.
    """

    def __init__(
        self,
        client: CoreClient,
        jobs: JobStore,
        artifacts: ArtifactStore,
        *,
        witness_limit: int,
        key_identity: str,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._client = client
        self._jobs = jobs
        self._artifacts = artifacts
        self._witness_limit = witness_limit
        self._key_identity = key_identity
        self._wake = wake

    async def take(self, offer: BatchOffer) -> Batch:
        """Store an offered batch and return its row.

        Raises
        ------
        InvalidInput
            The offer is for another chain, or its hashes are not hexadecimal digests.
        TooLarge, ArtifactCorrupt, CoreUnavailable, CoreRefusal
            An input could not be had; core will offer the batch again.
        """
        if offer.chain_id != self._jobs.chain_id:
            raise InvalidInput(
                f"Core offers a batch of chain {offer.chain_id}, this gateway is of {self._jobs.chain_id}."
            )
        if offer.snark_key and not _DIGEST.fullmatch(offer.snark_key):
            raise InvalidInput("The offer's digest of the SNARK's key is not 64 hexadecimal digits.")
        if not (_DIGEST.fullmatch(offer.program_sha256) and _DIGEST.fullmatch(offer.witness_input.sha256)):
            raise InvalidInput("The offer's SHA-256 digests are not 64 hexadecimal digits.")
        with span(
            "gateway intake",
            traceparent=offer.trace.traceparent,
            kind=SpanKind.CLIENT,
            attributes={"hallmark.batch": offer.batch_number, "hallmark.chain": offer.chain_id},
        ):
            names = artifact_names(offer)
            await self._keep(
                names[PROGRAM],
                PROGRAM,
                offer,
                lambda: self._client.program(offer.program_sha256, limit=PROGRAM_LIMIT),
            )
            await self._keep(
                names[ADVICE],
                ADVICE,
                offer,
                lambda: self._client.witness_input(offer.witness_input, limit=self._witness_limit),
            )
            batch, created = await asyncio.to_thread(self._create, offer, names)
            log.info(
                "batch.taken" if created else "batch.offered_again",
                batch=batch.number,
                chain_id=batch.chain_id,
                state=batch.state,
                offer_expires_at=offer.offer_expires_at,
            )
        if created:
            self._wake()
        return batch

    async def _keep(self, name: str, kind: str, offer: BatchOffer, fetch: Callable[[], Awaitable[bytes]]) -> None:
        """Fetch and store one input unless an earlier try has; the name holds the content's hash."""
        if await asyncio.to_thread(self._artifacts.exists, name):
            return
        content = await fetch()
        with contextlib.suppress(ArtifactExists):
            await asyncio.to_thread(self._artifacts.save, name, kind, content, protocol=offer.protocol_version)

    def _create(self, offer: BatchOffer, names: dict[str, str]) -> tuple[Batch, bool]:
        parameters = {SNARK_KEY: offer.snark_key} if offer.snark_key else {}
        return self._jobs.create_batch(
            offer.batch_number,
            protocol_version=offer.protocol_version,
            key_identity=self._key_identity,
            jobs=[JobSpec(Stage.WITNESS, key="witness", inputs=names, parameters=parameters)],
            program_commitment=offer.program_commitment,
            traceparent=offer.trace.traceparent,
            offer={
                "token": offer.offer_token,
                "expires_at": offer.offer_expires_at,
                "old_root": offer.old_root,
                "new_root": offer.new_root,
                "metadata_commitment": offer.metadata_commitment,
                "program_sha256": offer.program_sha256,
            },
        )


def artifact_names(offer: BatchOffer) -> dict[str, str]:
    """Return the artifact names of an offer's inputs by kind; the content's hash is part of each."""
    folder = f"gateway/{offer.chain_id}/{offer.batch_number}"
    return {
        PROGRAM: f"{folder}/program-{offer.program_sha256}",
        ADVICE: f"{folder}/advice-{offer.witness_input.sha256}",
    }
