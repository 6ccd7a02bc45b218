"""Who may see and change what: names of the server, origins, sessions, forms, and the headers that browsers obey.

A request is answered only under a name that the console is known by, so that no foreign page reaches it through a name
of its own that leads here (DNS rebinding). What changes something must come from one of the console's own pages: by its
``Origin``, and by a word in the form that only those pages hold. With a token set, a browser shows it once and gets a
session; programs send it as ``Authorization: Bearer``.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from runtime.addresses import is_loopback, joined
from runtime.pages import PATHS, allowed, is_one_of
from runtime.settings import Settings

#: Paths that no browser shows, where a login page would be taken for an answer.
FOR_PROGRAMS = ("/events", "/queue_report")
COOKIE = "hallmark_console"
#: A session ends after this many seconds.
SESSION_SECONDS = 12 * 3600
#: Nobody guesses tokens faster than one in this many seconds.
WRONG_TOKEN_SECONDS = 1.0

#: Nothing is loaded but what this server has, nothing is framed, no page elsewhere learns an address. (A policy of no
#: referrer at all would make browsers hide the origin of the console's own forms.)
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Guard:
    """The rules for one console."""

    def __init__(self, settings: Settings) -> None:
        self._tokens = settings.tokens
        self._host, self._url = settings.console_host, settings.console_url
        # From the token, so that every console of an installation takes the others' sessions and forms.
        self._key = hashlib.sha256(
            b"console:" + (self._tokens[0].encode() if self._tokens else secrets.token_bytes(32))
        ).digest()

    @property
    def asks(self) -> bool:
        """Whether a token is asked for."""
        return bool(self._tokens)

    def word(self) -> str:
        """Return what every form of the console carries."""
        return self._sign("form")

    def session(self, token: str) -> str | None:
        """Return the session that a token opens, or nothing for a wrong one."""
        if not is_one_of(self._tokens, token):
            return None
        until = str(int(time.time()) + SESSION_SECONDS)
        return f"{until}.{self._sign(until)}"

    def admits(self, request: web.Request) -> bool:
        """Return whether a request shows a session or the token, or none is asked for."""
        if allowed(self._tokens, request.headers.get("Authorization", "-")):
            return True
        until, _, signature = request.cookies.get(COOKIE, "").partition(".")
        good = hmac.compare_digest(signature.encode(), self._sign(until).encode())
        return good and until.isdecimal() and int(until) > time.time()

    def secure(self, request: web.Request) -> bool:
        """Return whether browsers reach the console over TLS."""
        return request.secure or urlsplit(self._url).scheme == "https"

    def knows(self, request: web.Request) -> bool:
        """Return whether a request names this server."""
        return request.host.lower() in self._names(request)

    def own(self, request: web.Request, form: Mapping[str, object]) -> bool:
        """Return whether a request that changes something comes from a page of this console."""
        origin = request.headers.get("Origin", "")
        if urlsplit(origin).netloc.lower() not in self._names(request) or urlsplit(origin).scheme not in {
            "http",
            "https",
        }:
            return False
        return hmac.compare_digest(str(form.get("word", "")).encode(), self.word().encode())

    def _names(self, request: web.Request) -> set[str]:
        own = request.transport.get_extra_info("sockname") if request.transport is not None else None
        if own is None:
            return set()
        address, port = own[:2]
        hosts = {self._host, address} | ({"localhost", "127.0.0.1", "::1"} if is_loopback(address) else set())
        names = {joined(host, port).lower() for host in hosts}
        return names | ({urlsplit(self._url).netloc.lower()} if self._url else set())

    def _sign(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()

    @property
    def middleware(self) -> Any:
        """The rules as a middleware."""

        @web.middleware
        async def rule(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.path in PATHS:
                return await handler(request)
            if not self.knows(request):
                raise web.HTTPMisdirectedRequest(
                    text="This server is not known by that name; set HALLMARK_CONSOLE_URL."
                )
            open_to_all = request.path == "/login" or request.path.startswith("/static/")
            if not open_to_all and not self.admits(request):
                if request.method == "GET" and request.path not in FOR_PROGRAMS:
                    raise web.HTTPSeeOther("/login")
                raise web.HTTPUnauthorized(text="The token is missing.")
            if request.method == "POST" and not self.own(request, await request.post()):
                raise web.HTTPForbidden(text="This form is not from a page of this console; load the page again.")
            return await handler(request)

        return rule


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add the headers that browsers obey; a signal, so that refusals have them too."""
    response.headers.update(HEADERS)
    response.headers.pop("Server", None)
