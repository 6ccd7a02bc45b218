"""Returns finished proofs to core and records what core says; renews the offers of batches still being proven."""

from __future__ import annotations

import asyncio

import stamina
from opentelemetry.trace import SpanKind

from broker.artifacts import ArtifactStore
from broker.jobs import Batch, BatchState, JobStore
from gateway.core_client import CoreClient, CoreRefusal, CoreUnavailable
from gateway.in_state import batches_in
from runtime.errors import HallmarkError
from runtime.logging import get_logger
from runtime.telemetry import span

#: Refusals that concern the offer and not the proof: core will offer the batch again, and the proof is kept for that.
OFFER_REFUSALS = frozenset({"offer_expired", "offer_unknown", "offer_mismatch"})

#: Refusals that say nothing about the proof: it is submitted again, until somebody mends what they name.
NOT_OF_THE_PROOF = frozenset({"unauthorized", "proof_truncated"})

#: Refusals after which the batch is complete without this proof.
ALREADY_PROVEN = "batch_proven"

#: Kind of a finished batch's artifact.
PROOF = "batch_proof"

#: Tries of one submission before the next round of the loop takes over.
SUBMIT_ATTEMPTS = 4

log = get_logger(__name__)


class Handback:
    """Brings proofs home.

    Parameters
    ----------
    client
        Core.
    jobs, artifacts
        Where finished batches and their proofs are.
    """

    def __init__(self, client: CoreClient, jobs: JobStore, artifacts: ArtifactStore) -> None:
        self._client = client
        self._jobs = jobs
        self._artifacts = artifacts
        self._waiting: dict[int, str] = {}

    async def submit_finished(self) -> int:
        """Submit every proof that core has not judged and return how many it judged now.

        A batch whose offer ran out waits until core offers it again: its refused token is not tried twice. A proof that
        cannot be read, or at which core fails, keeps no other from being submitted.

        Raises
        ------
        HallmarkError
            The first such failure, once every other proof has had its turn.
        """
        finished = await asyncio.to_thread(batches_in, self._jobs, BatchState.PROVEN)
        judged = 0
        failure: HallmarkError | None = None
        for batch in finished:
            if self._waiting.get(batch.id) == _token(batch):
                continue
            try:
                judged += await self._submit(batch)
            except HallmarkError as error:
                log.error("batch.not_submitted", batch=batch.number, code=error.code, error=error.message)
                failure = failure or error
        self._waiting = {batch.id: _token(batch) for batch in finished if batch.id in self._waiting}
        if failure is not None:
            raise failure
        return judged

    async def renew_offers(self) -> None:
        """Extend the offers of all batches that are being proven or wait to be judged."""
        for state in (BatchState.IN_PROGRESS, BatchState.PROVEN):
            for batch in await asyncio.to_thread(batches_in, self._jobs, state):
                try:
                    await self._client.renew(batch.number, _token(batch))
                except CoreRefusal as error:
                    if error.refusal not in OFFER_REFUSALS:
                        log.warning("offer.not_renewed", batch=batch.number, error=error.message)

    async def _submit(self, batch: Batch) -> bool:
        with span(
            "gateway handback",
            traceparent=batch.traceparent,
            kind=SpanKind.CLIENT,
            attributes={"hallmark.batch": batch.number},
        ) as current:
            proof = await asyncio.to_thread(
                self._artifacts.load, batch.result, kind=PROOF, protocol=batch.protocol_version
            )
            try:
                async for attempt in stamina.retry_context(on=CoreUnavailable, attempts=SUBMIT_ATTEMPTS, timeout=None):
                    with attempt:
                        await self._client.submit(batch.number, _token(batch), proof)
            except CoreRefusal as error:
                current.set_attribute("error.type", error.refusal)
                if error.refusal in NOT_OF_THE_PROOF:
                    raise
                return await self._refused(batch, error)
            await asyncio.to_thread(self._jobs.mark_batch, batch.id, BatchState.ACCEPTED)
            log.info("batch.accepted", batch=batch.number, proof_bytes=len(proof))
            return True

    async def _refused(self, batch: Batch, error: CoreRefusal) -> bool:
        if error.refusal in OFFER_REFUSALS:
            log.warning("offer.lost", batch=batch.number, error=error.message)
            self._waiting[batch.id] = _token(batch)
            return False
        complete = error.refusal == ALREADY_PROVEN
        state = BatchState.ACCEPTED if complete else BatchState.REFUSED
        await asyncio.to_thread(self._jobs.mark_batch, batch.id, state, reason=error.message)
        log.error("batch.refused", batch=batch.number, error=error.message, complete=complete)
        return True


def _token(batch: Batch) -> str:
    return str(batch.offer.get("token", ""))
