"""Typed errors as HTTP answers, and the checks every route of core's server shares."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence

from aiohttp import web
from aiohttp.typedefs import Middleware
from peewee import PeeweeException

from core.errors import CertificateMissing, CoreError, Unauthorized
from core.store import CoreStoreUnavailable
from runtime.errors import HallmarkError, InvalidInput, ResourceError, TooLarge, Unavailable
from runtime.logging import get_logger
from runtime.os_errors import resource_error
from runtime.pages import OPEN_PATHS, allowed
from runtime.telemetry import trace_id_of
from runtime.troubles import TROUBLES
from runtime.wire import ErrorBody, ErrorDetail, encode

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: Characters of a ``traceparent`` header that are read; a valid one has 55.
MAX_TRACEPARENT = 256

#: Seconds in which a small body must have arrived.
BODY_SECONDS = 60.0

log = get_logger(__name__)


def status_of(error: HallmarkError) -> int:
    """Return the HTTP status that stands for `error`."""
    if isinstance(error, CoreError):
        return error.status
    if isinstance(error, TooLarge):
        return 413
    if isinstance(error, InvalidInput):
        return 400
    if isinstance(error, Unavailable | ResourceError):
        return 503
    return 500


def error_answer(request: web.Request, error: HallmarkError, status: int | None = None) -> web.Response:
    """Return `error` as the JSON body that the wire types define, with the trace id that the client sent."""
    trace_id = trace_id_of(request.headers.get("traceparent", "")[:MAX_TRACEPARENT])
    detail = ErrorDetail(code=error.code, message=error.message, remedy=error.remedy, trace_id=trace_id)
    return web.Response(
        status=status_of(error) if status is None else status,
        body=encode(ErrorBody(error=detail)),
        content_type="application/json",
    )


@web.middleware
async def typed_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every failure of a route into the error body of the wire types."""
    try:
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise InvalidInput("A request's body is sent as it is, without a Content-Encoding.")
        return await handler(request)
    except HallmarkError as error:
        if isinstance(error, ResourceError):
            TROUBLES.note(error)
        else:
            log.info("request.refused", path=request.path, code=error.code, error=error.message)
        return error_answer(request, error)
    except web.HTTPException as error:
        return error_answer(
            request, InvalidInput(f"{error.status} {error.reason}: {request.method} {request.path}"), error.status
        )
    except (ConnectionResetError, asyncio.CancelledError):
        raise
    except PeeweeException as error:
        log.exception("store.failed", path=request.path)
        unavailable = CoreStoreUnavailable(f"The store does not answer: {type(error).__name__}.")
        return error_answer(request, resource_error(error) or unavailable)
    except Exception as error:
        log.exception("request.failed", path=request.path)
        if spent := resource_error(error):
            return error_answer(request, spent)
        return error_answer(request, HallmarkError("Internal error; the log of core says more."), 500)


def bearer(tokens: Sequence[str]) -> Middleware:
    """Return a middleware that asks for ``Authorization: Bearer`` with one of `tokens`, where there is one."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path not in OPEN_PATHS and not allowed(tokens, request.headers.get("Authorization", "")):
            raise Unauthorized()
        return await handler(request)

    return check


def certified(paths: Collection[str]) -> Middleware:
    """Return a middleware that asks for a client's certificate on paths that begin with one of `paths`.

    TLS has verified a certificate that was brought; here it is asked whether one was.
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if f"/{request.path.split('/')[1]}" in paths and not request.get_extra_info("peercert"):
            raise CertificateMissing(f"{request.remote} brought no certificate, which {request.path} asks for.")
        return await handler(request)

    return check


async def small_body(request: web.Request, limit: int) -> bytes:
    """Return a request's body.

    Raises
    ------
    TooLarge
        It has more than `limit` bytes; the rest is not read.
    InvalidInput
        It stalls.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.content.iter_chunked(1 << 16):
                body += chunk
                if len(body) > limit:
                    raise TooLarge(f"A request to {request.path} has at most {limit} bytes.")
    except TimeoutError as error:
        raise InvalidInput(f"Only {len(body)} bytes of the body arrived in {BODY_SECONDS:.0f} s.") from error
    return bytes(body)
