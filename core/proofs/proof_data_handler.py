"""The HTTP side of proving: offers batches to provers and takes their proofs.

``POST /proof_generation_data`` lends a batch, with ``?wait=SECONDS`` as soon as one is ready,
``GET /witness_inputs/{batch}`` and ``GET /programs/{sha256}`` send what is to be proven, ``POST /renew_offer/{batch}``
extends the loan, ``POST /submit_proof/{batch}`` brings the proof.
Metadata is JSON, what is large is a stream of octets, and nothing is read beyond its limit.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from pathlib import Path
from typing import IO

from aiohttp import web
from opentelemetry.trace import SpanKind

from core.batches.witness_store import WitnessStore
from core.errors import (
    BatchProven,
    CoreError,
    KeyMismatch,
    ProgramUnknown,
    ProofTooLarge,
    ProofTruncated,
    ProtocolMismatch,
)
from core.formats.identity import Identity
from core.http.errors import MAX_TRACEPARENT, small_body
from core.http.pools import Pool
from core.program.kept import KeptPrograms
from core.proofs.acceptance import Acceptance
from core.proofs.arrivals import Arrival, Arrivals
from core.proofs.offers import Offers, find_batch
from core.proofs.waits import MAX_WAIT_SECONDS, Waits
from core.store import Batch, Offer, Store
from runtime.errors import HallmarkError, InvalidInput
from runtime.logging import get_logger
from runtime.telemetry import span, trace_id_of
from runtime.wire import (
    MAX_JSON_BYTES,
    BatchOffer,
    ProofAccepted,
    ProofDataRequest,
    TraceContext,
    WitnessInputReference,
    decode,
    encode,
)

#: Proofs under one offer, or of one client without an offer, that may arrive, wait or be verified at a time: none shuts
#: another prover out. Repeated proofs of proven batches have as many places together.
MAX_PENDING_PROOFS = 4

#: Proofs of all offers together; each takes its size on the disk until it is judged.
MAX_ARRIVING_PROOFS = 64

#: Seconds in which a proof must have arrived; a sender that stalls must not keep a place for ever.
RECEIVE_SECONDS = 600.0

#: Bytes read from or written to a socket at a time.
CHUNK = 1 << 20
#: Characters of a stranger's key identity that a message repeats: a profile's name and 64 digits fit.
MAX_SHOWN = 96

OFFER_HEADER = "Hallmark-Offer"

#: Whose place a proof of a proven batch takes; no token has this form.
_REPEATED = "repeated"

_NUMBER = re.compile(r"[1-9][0-9]{0,17}")
_SECONDS = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")

log = get_logger(__name__)


class ProofDataHandler:
    """The four routes.

    Parameters
    ----------
    identity
        What a prover must match.
    programs
        What the batches were made with.
    store, offers, acceptance, witnesses
        Core's parts that this one speaks for.
    incoming
        Folder for proofs while they arrive.
    proof_limit
        Largest proof in bytes.
    """

    def __init__(
        self,
        identity: Identity,
        programs: KeptPrograms,
        store: Store,
        offers: Offers,
        acceptance: Acceptance,
        witnesses: WitnessStore,
        incoming: Path,
        proof_limit: int,
    ) -> None:
        self._identity = identity
        self._programs = programs
        self._store = store
        self._offers = offers
        self._acceptance = acceptance
        self._witnesses = witnesses
        self._incoming = incoming
        self._proof_limit = proof_limit
        self._arrivals = Arrivals(MAX_PENDING_PROOFS, MAX_ARRIVING_PROOFS)
        self._offering = Pool("offers", 2, 256)
        #: Its looks have a thread of their own, which no question for a batch and no renewal waits for.
        looking = Pool("waits", 1, 1)
        self._waits = Waits(lambda most: looking.run(offers.ready, most))
        self._transfers = Pool("transfers", 4, 1024)
        self._verifying = Pool("verifying", 1, MAX_ARRIVING_PROOFS + MAX_PENDING_PROOFS)
        incoming.mkdir(parents=True, exist_ok=True)
        for left_over in incoming.glob("*.part"):
            left_over.unlink()

    #: First parts of the routes' paths.
    PATHS = frozenset({"/proof_generation_data", "/witness_inputs", "/programs", "/renew_offer", "/submit_proof"})

    def routes(self) -> list[web.RouteDef]:
        """Return the routes for an aiohttp application."""
        return [
            web.post("/proof_generation_data", self.offer),
            web.get("/witness_inputs/{batch}", self.witness_input, allow_head=False),
            web.get("/programs/{sha256}", self.program, allow_head=False),
            web.post("/renew_offer/{batch}", self.renew),
            web.post("/submit_proof/{batch}", self.submit),
        ]

    async def close(self, application: web.Application) -> None:
        """Answer the questions that wait; called when the server stops."""
        await self._waits.close()

    async def offer(self, request: web.Request) -> web.Response:
        """Lend the oldest waiting batch: 200 with a ``BatchOffer``, or 204 when there is none in the time given."""
        until = asyncio.get_running_loop().time() + _wait_seconds(request)
        asked = decode(await small_body(request, MAX_JSON_BYTES), ProofDataRequest)
        if asked.protocol_version != self._identity.protocol_version:
            raise ProtocolMismatch(
                f"Prover {asked.prover[:64]} speaks protocol version {asked.protocol_version[:64]}, "
                f"core speaks {self._identity.protocol_version}."
            )
        if asked.key_digest != self._identity.key_digest:
            raise KeyMismatch(
                f"Prover {asked.prover[:64]} holds key {asked.key_digest[:MAX_SHOWN]}, "
                f"core verifies with {self._identity.key_digest}."
            )
        issued = await self._offering.run(self._offers.issue, asked.prover)
        while issued is None and (left := until - asyncio.get_running_loop().time()) > 0:
            if not await self._waits.until_ready(request.remote or "", left) or request.transport is None:
                break
            issued = await self._offering.run(self._offers.issue, asked.prover)
        if issued is None:
            return web.Response(status=204)
        offer, batch = issued
        with span(
            "offer batch",
            traceparent=batch.traceparent or "",
            kind=SpanKind.SERVER,
            attributes={"hallmark.batch": batch.number, "hallmark.prover": asked.prover[:64]},
        ):
            log.info("batch.offered", batch=batch.number, prover=asked.prover[:64], expires_at=offer.expires_at)
            return web.Response(body=encode(self._describe(offer, batch)), content_type="application/json")

    async def witness_input(self, request: web.Request) -> web.StreamResponse:
        """Stream the witness input of a batch."""
        number = _batch_number(request)
        batch = await self._offering.run(self._batch, number)
        answer = web.StreamResponse(
            headers={"Content-Type": "application/octet-stream", "ETag": f'"{batch.witness_sha256.hex()}"'}
        )
        answer.content_length = batch.witness_size
        with self._witnesses.open(number) as source:
            await answer.prepare(request)
            while chunk := await self._transfers.run(source.read, CHUNK):
                await answer.write(chunk)
        await answer.write_eof()
        return answer

    async def program(self, request: web.Request) -> web.Response:
        """Send a program that is proven, by its SHA-256."""
        elf = self._programs.elf(request.match_info["sha256"])
        if elf is None:
            raise ProgramUnknown(f"Core proves the program {self._identity.program_sha256}.")
        return web.Response(body=elf, content_type="application/octet-stream")

    async def renew(self, request: web.Request) -> web.Response:
        """Extend an offer: 200 with its new expiry."""
        number = _batch_number(request)
        token = request.headers.get(OFFER_HEADER, "")
        expires_at = await self._offering.run(self._offers.renew, token, number)
        return web.json_response({"offer_expires_at": expires_at})

    async def submit(self, request: web.Request) -> web.Response:
        """Take a proof: 200 once it is verified and recorded, a typed refusal otherwise."""
        number = _batch_number(request)
        token = request.headers.get(OFFER_HEADER)
        traceparent = request.headers.get("traceparent", "")[:MAX_TRACEPARENT]
        with span(
            "submit proof",
            traceparent=traceparent,
            kind=SpanKind.SERVER,
            attributes={"hallmark.batch": number},
        ) as current:
            trace_id = trace_id_of(traceparent)
            accepted = await self._offering.run(self._acceptance.may_submit, number, token)
            if accepted is not None and request.content_length not in (None, accepted):
                raise BatchProven(f"Batch {number} is already proven by another proof.")
            own = f"client {request.remote}" if token is None else token
            group = own if accepted is None else _REPEATED
            try:
                with self._arrivals.place(group) as arrival:
                    limit = self._proof_limit if accepted is None else min(accepted, self._proof_limit)
                    advanced = await self._receive(request, arrival, number, token, trace_id, limit)
            except HallmarkError as error:
                current.set_attribute("error.type", error.code)
                raise
            current.set_attribute("hallmark.advanced", advanced)
            return web.Response(body=encode(ProofAccepted(accepted=True)), content_type="application/json")

    async def _receive(
        self, request: web.Request, arrival: Arrival, number: int, token: str | None, trace_id: str, limit: int
    ) -> bool:
        with tempfile.NamedTemporaryFile(dir=self._incoming, suffix=".part", delete=False) as part:
            path = Path(part.name)
            try:
                await self._read_body(request, arrival, part, number, trace_id, limit)
                arrival.arrived()
                part.close()
                return await self._verifying.run(self._acceptance.judge, number, token, path, trace_id)
            finally:
                path.unlink(missing_ok=True)

    async def _read_body(
        self, request: web.Request, arrival: Arrival, part: IO[bytes], number: int, trace_id: str, limit: int
    ) -> None:
        size = 0
        try:
            if (request.content_length or 0) > limit:
                raise ProofTooLarge(f"The proof has {request.content_length} bytes, the limit is {limit}.")
            try:
                async with asyncio.timeout(RECEIVE_SECONDS):
                    async for chunk in request.content.iter_chunked(CHUNK):
                        arrival.progressed()
                        size += len(chunk)
                        if size > limit:
                            raise ProofTooLarge(f"The proof has more than {limit} bytes.")
                        await self._transfers.run(part.write, chunk)
            except TimeoutError as error:
                raise ProofTruncated(f"Only {size} bytes arrived in {RECEIVE_SECONDS:.0f} s.") from error
            except (ConnectionError, asyncio.CancelledError) as error:
                if arrival.displaced:
                    raise ProofTruncated(
                        f"No byte came after the first {size} for a while, and another proof asked for the place."
                    ) from error
                # aiohttp ends a handler whose client went away in either way, by its setting.
                raise ProofTruncated(f"The connection was lost after {size} bytes.") from error
        except CoreError as error:
            self._acceptance.record(number, size, None, error.code, error.message, trace_id)
            raise

    def _batch(self, number: int) -> Batch:
        with self._store.session():
            return find_batch(number)

    def _describe(self, offer: Offer, batch: Batch) -> BatchOffer:
        program = self._programs.of(batch.program_commitment)
        return BatchOffer(
            batch_number=batch.number,
            chain_id=self._identity.chain_id,
            protocol_version=self._identity.protocol_version,
            program_commitment=program.commitment,
            program_sha256=program.sha256,
            old_root=batch.old_root.hex(),
            new_root=batch.new_root.hex(),
            metadata_commitment=batch.metadata_commitment.hex(),
            offer_token=offer.token,
            offer_expires_at=offer.expires_at,
            trace=TraceContext(traceparent=batch.traceparent or ""),
            witness_input=WitnessInputReference(
                url=f"/witness_inputs/{batch.number}", size=batch.witness_size or 0, sha256=batch.witness_sha256.hex()
            ),
            snark_key=self._identity.snark_key,
        )


def _wait_seconds(request: web.Request) -> float:
    text = request.query.get("wait", "0")
    if not _SECONDS.fullmatch(text):
        raise InvalidInput("The time to wait is a decimal number of seconds.")
    return min(float(text), MAX_WAIT_SECONDS)


def _batch_number(request: web.Request) -> int:
    text = request.match_info["batch"]
    if not _NUMBER.fullmatch(text):
        raise InvalidInput("The batch number is a positive decimal integer.")
    return int(text)
