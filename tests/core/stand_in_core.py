"""Core as a gateway meets it, with batches that are no more than their advice: it offers them, and keeps what comes."""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from runtime.wire import (
    BatchOffer,
    ErrorBody,
    ErrorDetail,
    ProofAccepted,
    TraceContext,
    WitnessInputReference,
    encode,
)

CHAIN_ID = 4242
#: An offer that is neither renewed nor answered runs out after this many seconds.
OFFER_SECONDS = 8.0


class StandInCore:
    """Serves batches on a port of loopback.

    Attributes
    ----------
    accepted
        Batch -> every proof that was accepted for it, in order: one each, unless something is wrong.
    repeated
        Submissions of a proof that had been accepted before, as a gateway makes them that lost the answer.
    """

    def __init__(self, program: bytes, chain_id: int = CHAIN_ID) -> None:
        self.accepted: dict[int, list[bytes]] = {}
        self.repeated = 0
        self._program, self._chain_id = program, chain_id
        self._advice: dict[int, bytes] = {}
        self._offers: dict[int, tuple[str, float]] = {}
        self._lock = threading.Lock()
        core = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with core._lock:
                    status, answer = core._answer(self.path.partition("?")[0].strip("/").split("/"), self.headers, body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST = handle_any

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def add(self, number: int, **wanted: Any) -> bytes:
        """Have a batch to offer, and return its advice."""
        with self._lock:
            self._advice[number] = json.dumps(wanted).encode()
            return self._advice[number]

    def close(self) -> None:
        """Serve nobody any more."""
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, path: list[str], headers: Any, body: bytes) -> tuple[int, bytes]:
        match path:
            case ["proof_generation_data"]:
                return self._offer()
            case ["witness_inputs", number]:
                return 200, self._advice[int(number)]
            case ["programs", _]:
                return 200, self._program
            case ["renew_offer", number]:
                return self._renew(int(number), headers["Hallmark-Offer"])
            case ["submit_proof", number]:
                return self._take(int(number), headers["Hallmark-Offer"], body)
        return _refusal(404, "batch_unknown")

    def _offer(self) -> tuple[int, bytes]:
        now = time.time()
        for number, advice in self._advice.items():
            if number in self.accepted or self._offers.get(number, ("", 0.0))[1] > now:
                continue
            self._offers[number] = secrets.token_hex(16), now + OFFER_SECONDS
            offer = BatchOffer(
                batch_number=number,
                chain_id=self._chain_id,
                protocol_version="1",
                program_commitment="",
                program_sha256=hashlib.sha256(self._program).hexdigest(),
                old_root="",
                new_root="",
                metadata_commitment="",
                offer_token=self._offers[number][0],
                offer_expires_at=self._offers[number][1],
                trace=TraceContext(),
                witness_input=WitnessInputReference(
                    url=f"/witness_inputs/{number}", size=len(advice), sha256=hashlib.sha256(advice).hexdigest()
                ),
                snark_key="",
            )
            return 200, encode(offer)
        return 204, b""

    def _renew(self, number: int, token: str) -> tuple[int, bytes]:
        held, until = self._offers.get(number, ("", 0.0))
        if number in self.accepted:
            return _refusal(409, "batch_proven")
        if token != held or until < time.time():
            return _refusal(410, "offer_expired")
        self._offers[number] = held, time.time() + OFFER_SECONDS
        return 200, json.dumps({"offer_expires_at": self._offers[number][1]}).encode()

    def _take(self, number: int, token: str, proof: bytes) -> tuple[int, bytes]:
        """As core does: an accepted proof that comes again under its token is answered as the first time."""
        held, until = self._offers.get(number, ("", 0.0))
        if number in self.accepted:
            self.repeated += 1
            same = token == held and proof == self.accepted[number][-1]
            return (200, encode(ProofAccepted(accepted=True))) if same else _refusal(409, "batch_proven")
        if token != held or until < time.time():
            return _refusal(410, "offer_expired")
        self.accepted.setdefault(number, []).append(proof)
        return 200, encode(ProofAccepted(accepted=True))


def _refusal(status: int, code: str) -> tuple[int, bytes]:
    return status, encode(ErrorBody(error=ErrorDetail(code=code, message=code)))
