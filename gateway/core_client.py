"""Core's proof data handler, as the gateway calls it: four requests, every answer typed, bounded and checked."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from urllib.parse import urljoin, urlsplit

import aiohttp

from runtime.errors import ArtifactCorrupt, HallmarkError, InvalidInput, TooLarge, Unavailable
from runtime.telemetry import current_traceparent
from runtime.wire import (
    MAX_JSON_BYTES,
    BatchOffer,
    ErrorBody,
    ProofAccepted,
    ProofDataRequest,
    WitnessInputReference,
    decode,
    encode,
)

OFFER_HEADER = "Hallmark-Offer"

#: Bytes read from a socket at a time.
CHUNK = 1 << 20

#: Seconds in which core answers a question for a batch, beside those that it may wait for one.
ASK_SECONDS = 30.0

_CONNECT_SECONDS = 10.0


class CoreUnavailable(Unavailable):
    """Core does not answer, or is too busy to."""

    code = "core_unavailable"
    default_remedy = "Check HALLMARK_CORE_URL and that core is up; the gateway keeps trying."


class CoreRefusal(HallmarkError):
    """Core refused a request.

    Attributes
    ----------
    refusal : str
        Core's error code, such as ``offer_expired``.
    status : int
        The HTTP status.
    """

    code = "core_refusal"

    def __init__(self, status: int, refusal: str, message: str, remedy: str) -> None:
        super().__init__(f"Core refused ({refusal}): {message}", remedy=remedy)
        self.status = status
        self.refusal = refusal


class CoreClient:
    """One core, over one connection pool; use it as an asynchronous context manager.

    Parameters
    ----------
    url
        Where core listens.
    token
        Bearer token; empty for none.
    request_seconds
        Longest time that one request may take.
    tls
        How it talks to an ``https`` address; the system's authorities and no certificate of its own by default.
    """

    def __init__(
        self, url: str, *, token: str = "", request_seconds: float = 600.0, tls: ssl.SSLContext | None = None
    ) -> None:
        self._url = url.rstrip("/") + "/"
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._timeout = aiohttp.ClientTimeout(total=request_seconds, sock_connect=_CONNECT_SECONDS)
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> CoreClient:
        self._session = aiohttp.ClientSession(
            headers=self._headers, timeout=self._timeout, connector=aiohttp.TCPConnector(ssl=self._tls or True)
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def ask(self, request: ProofDataRequest, *, wait: float = 0.0) -> BatchOffer | None:
        """Ask for a batch; None when core has none.

        Parameters
        ----------
        wait
            Seconds that core may hold the answer until it has one. A core that knows no waiting answers at once.

        Raises
        ------
        CoreUnavailable, CoreRefusal, InvalidInput
        """
        path = f"proof_generation_data?wait={wait:g}" if wait else "proof_generation_data"
        # A connection that the network has lost says nothing: the question must end long before a proof may.
        longest = min(wait + ASK_SECONDS, self._timeout.total or ASK_SECONDS)
        timeout = aiohttp.ClientTimeout(total=longest, sock_connect=_CONNECT_SECONDS)
        async with self._request("POST", path, encode(request), timeout=timeout) as answer:
            if answer.status == 204:
                return None
            return decode(await _bounded(answer, MAX_JSON_BYTES), BatchOffer)

    async def witness_input(self, reference: WitnessInputReference, *, limit: int) -> bytes:
        """Fetch a witness input and check it.

        Raises
        ------
        TooLarge
            It is stated, or turns out, to be larger than `limit` or than stated.
        ArtifactCorrupt
            Its size or SHA-256 is not the stated one.
        InvalidInput
            It is to be fetched from another server than core.
        CoreUnavailable, CoreRefusal
        """
        if reference.size > limit:
            raise TooLarge(f"The witness input has {reference.size} bytes, the limit is {limit}.")
        content = await self._fetch(reference.url, reference.sha256, reference.size)
        if len(content) != reference.size:
            raise ArtifactCorrupt(f"The witness input has {len(content)} bytes, core states {reference.size}.")
        return content

    async def program(self, sha256: str, *, limit: int) -> bytes:
        """Fetch the program that is proven and check it.

        Raises
        ------
        TooLarge, ArtifactCorrupt, CoreUnavailable, CoreRefusal
        """
        return await self._fetch(f"programs/{sha256}", sha256, limit)

    async def _fetch(self, url: str, sha256: str, limit: int) -> bytes:
        path = url.lstrip("/")
        if urlsplit(urljoin(self._url, path))[:2] != urlsplit(self._url)[:2]:
            raise InvalidInput(f"Core names {url[:200]}, which is on another server.")
        async with self._request("GET", path, None) as answer:
            content = await _bounded(answer, limit)
        if hashlib.sha256(content).hexdigest() != sha256:
            raise ArtifactCorrupt(f"{path} arrived with another SHA-256 than core states.")
        return content

    async def renew(self, batch_number: int, token: str) -> None:
        """Extend an offer.

        Raises
        ------
        CoreUnavailable, CoreRefusal
        """
        async with self._request("POST", f"renew_offer/{batch_number}", b"", {OFFER_HEADER: token}):
            pass

    async def submit(self, batch_number: int, token: str, proof: bytes) -> None:
        """Hand in a proof; returns when core has accepted it.

        Raises
        ------
        CoreUnavailable, CoreRefusal
        """
        async with self._request("POST", f"submit_proof/{batch_number}", proof, {OFFER_HEADER: token}) as answer:
            if not decode(await _bounded(answer, MAX_JSON_BYTES), ProofAccepted).accepted:
                raise InvalidInput("Core answered 200 without accepting the proof.")

    @asynccontextmanager
    async def _request(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout: aiohttp.ClientTimeout | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        assert self._session is not None, "the client is used inside `async with`"
        sent = dict(headers or {})
        if traceparent := current_traceparent():
            sent["traceparent"] = traceparent
        if body is not None:
            sent["Content-Type"] = "application/octet-stream" if OFFER_HEADER in sent else "application/json"
        try:
            async with self._session.request(
                method,
                urljoin(self._url, path),
                data=body,
                headers=sent,
                allow_redirects=False,
                timeout=timeout or self._timeout,
            ) as answer:
                if answer.status not in (200, 204):
                    raise await _refusal(answer)
                yield answer
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise CoreUnavailable(f"{method} {path}: {type(error).__name__}: {error}") from error


async def _refusal(answer: aiohttp.ClientResponse) -> HallmarkError:
    content = await _bounded(answer, MAX_JSON_BYTES)
    try:
        detail = decode(content, ErrorBody).error
    except InvalidInput:
        return CoreUnavailable(f"{answer.method} {answer.url.path}: HTTP {answer.status} {answer.reason}")
    if answer.status >= 500:
        return CoreUnavailable(f"{answer.method} {answer.url.path}: {detail.code}: {detail.message}")
    return CoreRefusal(answer.status, detail.code, detail.message, detail.remedy)


async def _bounded(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    content = bytearray()
    async for chunk in answer.content.iter_chunked(CHUNK):
        content += chunk
        if len(content) > limit:
            raise TooLarge(f"{answer.url.path}: more than {limit} bytes.")
    return bytes(content)
