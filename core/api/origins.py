"""Which web pages may call core from a browser: the origins of a setting, and no others (CORS).

A browser says in the `Origin` header whose page sends a request, and does not let a page read an answer that does not
name it. A request that changes something is sent all the same, so one from a foreign page is refused, not only left
unread. Programs that are no browser send no such header.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Middleware

from core.errors import OriginRefused

#: Every origin.
ANY = "*"

#: Seconds for which a browser may remember the answer to a preflight.
REMEMBERED_SECONDS = 600

_ALLOW_ORIGIN = "Access-Control-Allow-Origin"


def origins(allowed: frozenset[str]) -> Middleware:
    """Return a middleware that answers preflights and refuses requests from the pages of other origins.

    Parameters
    ----------
    allowed
        Such as ``http://localhost:5173``, or ``*`` for all.
    """

    @web.middleware
    async def check(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        if origin is None:
            return await handler(request)
        if ANY not in allowed and origin not in allowed:
            raise OriginRefused(f"The origin {origin[:200]} is not allowed to call core.")
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            return web.Response(
                status=204,
                headers={
                    "Access-Control-Allow-Methods": "POST, GET",
                    "Access-Control-Allow-Headers": "content-type, authorization",
                    "Access-Control-Max-Age": str(REMEMBERED_SECONDS),
                },
            )
        return await handler(request)

    return check


def name_origin(allowed: frozenset[str]) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """Return a signal handler that names the asking origin in every answer to it, refusals by core included."""

    async def name(request: web.Request, response: web.StreamResponse) -> None:
        origin = request.headers.get("Origin")
        if origin is not None and (ANY in allowed or origin in allowed):
            response.headers[_ALLOW_ORIGIN] = origin
            response.headers["Vary"] = "Origin"

    return name
