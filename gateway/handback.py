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
NOT_OF_THE_PROOF = frozenset({"unauthorized", "certificate_missing", "proof_truncated"})

#: Refusals after which the batch is complete without this proof.
ALREADY_PROVEN = "batch_proven"

#: Kind of a finished batch's artifact.
PROOF = "batch_proof"

#: Tries of one submission before the next round of the loop takes over.
SUBMIT_ATTEMPTS = 4

#: Proofs under way to core at a time; each is in memory.
SUBMITTED_AT_ONCE = 8

#: Longest wait of one round for the proofs that are under way, in seconds; what became ready meanwhile waits for it.
ROUND_SECONDS = 2.0

#: Renewals at a time, and the longest that one may take in seconds: an offer must not run out behind another one.
RENEWED_AT_ONCE, RENEW_SECONDS = 16, 10.0

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
        self._submitting: dict[int, asyncio.Task[bool]] = {}
        self._places = asyncio.Semaphore(SUBMITTED_AT_ONCE)

    async def submit_finished(self) -> int:
        """Submit every proof that core has not judged and return how many it judged now.

        Several are under way at a time, and one that takes long goes on beside the next rounds: an old batch keeps no
        newer one from being judged. A batch whose offer ran out waits until core offers it again: its refused token is
        not tried twice. A proof that cannot be read, or at which core fails, keeps no other from being submitted.

        Raises
        ------
        HallmarkError
            The first such failure, once every other proof has had its turn.
        """
        finished = await asyncio.to_thread(batches_in, self._jobs, BatchState.PROVEN)
        for batch in finished:
            if batch.id not in self._submitting and self._waiting.get(batch.id) != _token(batch):
                self._submitting[batch.id] = asyncio.create_task(self._in_turn(batch))
        if self._submitting:
            await asyncio.wait(self._submitting.values(), timeout=ROUND_SECONDS)
        ended = [task for task in self._submitting.values() if task.done()]
        self._submitting = {number: task for number, task in self._submitting.items() if not task.done()}
        self._waiting = {batch.id: _token(batch) for batch in finished if batch.id in self._waiting}
        failures = [error for task in ended if (error := task.exception()) is not None]
        if failures:
            raise failures[0]
        return sum(task.result() for task in ended)

    async def left(self) -> bool:
        """Return whether a batch of the chain is being proven, or has a proof and an offer that core knows."""
        states = (BatchState.IN_PROGRESS, BatchState.PROVEN)
        found = [batch for state in states for batch in await asyncio.to_thread(batches_in, self._jobs, state)]
        return any(self._waiting.get(batch.id) != _token(batch) for batch in found)

    async def close(self) -> None:
        """Give up what is under way; it is submitted again at the next start."""
        for task in self._submitting.values():
            task.cancel()
        await asyncio.gather(*self._submitting.values(), return_exceptions=True)

    async def renew_offers(self) -> None:
        """Extend the offers of all batches that are being proven or wait to be judged."""
        states = (BatchState.IN_PROGRESS, BatchState.PROVEN)
        held = [batch for state in states for batch in await asyncio.to_thread(batches_in, self._jobs, state)]
        places = asyncio.Semaphore(RENEWED_AT_ONCE)
        outcomes = await asyncio.gather(*(self._renew(batch, places) for batch in held), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def _renew(self, batch: Batch, places: asyncio.Semaphore) -> None:
        try:
            async with places, asyncio.timeout(RENEW_SECONDS):
                await self._client.renew(batch.number, _token(batch))
        except TimeoutError:
            raise CoreUnavailable(f"The renewal of batch {batch.number} takes over {RENEW_SECONDS:.0f} s.") from None
        except CoreRefusal as error:
            if error.refusal not in OFFER_REFUSALS:
                log.warning("offer.not_renewed", batch=batch.number, chain_id=batch.chain_id, error=error.message)

    async def _in_turn(self, batch: Batch) -> bool:
        async with self._places:
            try:
                return await self._submit(batch)
            except HallmarkError as error:
                log.error(
                    "batch.not_submitted",
                    batch=batch.number,
                    chain_id=batch.chain_id,
                    code=error.code,
                    error=error.message,
                )
                raise

    async def _submit(self, batch: Batch) -> bool:
        with span(
            "gateway handback",
            traceparent=batch.traceparent,
            kind=SpanKind.CLIENT,
            attributes={"hallmark.batch": batch.number, "hallmark.chain": batch.chain_id},
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
            log.info("batch.accepted", batch=batch.number, chain_id=batch.chain_id, proof_bytes=len(proof))
            return True

    async def _refused(self, batch: Batch, error: CoreRefusal) -> bool:
        if error.refusal in OFFER_REFUSALS:
            log.warning("offer.lost", batch=batch.number, chain_id=batch.chain_id, error=error.message)
            self._waiting[batch.id] = _token(batch)
            return False
        complete = error.refusal == ALREADY_PROVEN
        state = BatchState.ACCEPTED if complete else BatchState.REFUSED
        await asyncio.to_thread(self._jobs.mark_batch, batch.id, state, reason=error.message)
        log.error("batch.refused", batch=batch.number, chain_id=batch.chain_id, error=error.message, complete=complete)
        return True


def _token(batch: Batch) -> str:
    return str(batch.offer.get("token", ""))
