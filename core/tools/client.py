"""A small client of core's HTTP server: JSON-RPC and batch files."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec

from core.state_tree.proof import StateProof
from runtime.addresses import is_loopback
from runtime.errors import InvalidInput, Unavailable

#: Seconds until a request is given up.
TIMEOUT_SECONDS = 60.0


class CoreClient:
    """Talks to one core.

    Parameters
    ----------
    url
        Base URL such as `http://127.0.0.1:3050`.
    """

    def __init__(self, url: str, token: str = "") -> None:
        self._url = url.rstrip("/")
        self._token = token
        direct = is_loopback(urlsplit(url).hostname or "")
        # A proxy of the environment knows another loopback than this machine's.
        self._open = urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if direct else [])).open

    def call(self, method: str, *parameters: Any) -> Any:
        """Make a JSON-RPC call.

        Raises
        ------
        InvalidInput
            Core answered with an error.
        Unavailable
            Core does not answer.
        """
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).encode()
        answer = json.loads(self._request("/", body))
        if "error" in answer:
            raise InvalidInput(str(answer["error"]["message"]), method=method)
        return answer["result"]

    def ready(self) -> None:
        """Return when core serves requests.

        Raises
        ------
        Unavailable
            It does not yet.
        """
        self._request("/ready")

    def send_raw_transaction(self, raw: bytes) -> str:
        """Send a signed transaction and return its hash."""
        return str(self.call("eth_sendRawTransaction", "0x" + raw.hex()))

    def seal(self) -> int:
        """Seal what waits and return the batch's number."""
        sealed = self.call("hallmark_sealBatch")
        if sealed is None:
            raise InvalidInput("No transaction waits; nothing was sealed.")
        return int(sealed, 16) if isinstance(sealed, str) else int(sealed)

    def batch_file(self, number: int) -> bytes:
        """Return the batch file of a batch."""
        return self._request(f"/batches/{number}")

    def state_proof(self, addresses: Sequence[str], batch: int | None = None) -> StateProof:
        """Return accounts after a batch, the newest one when none is named, with their proof, which is not checked.

        Raises
        ------
        InvalidInput
            Core refuses, or its answer is none.
        """
        query = [("address", address) for address in addresses] + ([] if batch is None else [("batch", str(batch))])
        try:
            return msgspec.json.decode(self._request(f"/state_proof?{urlencode(query)}"), type=StateProof)
        except msgspec.DecodeError as error:
            raise InvalidInput(f"Core's answer is no state proof: {error}") from error

    def _request(self, path: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(self._url + path, data=body)
        request.add_header("Content-Type", "application/json")
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        try:
            with self._open(request, timeout=TIMEOUT_SECONDS) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            text = error.read(4096).decode(errors="replace")
            kind = Unavailable if error.code >= 500 else InvalidInput
            raise kind(f"Core answers {error.code} to {path}: {text}") from error
        except OSError as error:
            raise Unavailable(f"Core does not answer at {self._url}: {error}") from error
