"""The console's pages over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
from aiohttp import web

from broker.jobs import JobStore
from housekeeper.console import guard, views
from housekeeper.console.events import Events
from runtime.errors import HallmarkError, JobError, JobNotFound
from runtime.http_server import page_routes
from runtime.logging import get_logger
from runtime.pages import Pages
from runtime.process import Process
from runtime.words import count

HERE = Path(__file__).parent
#: Largest body of a form, in bytes.
MAX_FORM = 4096

log = get_logger("console")


class Console:
    """One console over one job store.

    Parameters
    ----------
    process
        What serves it, with the settings of the installation.
    """

    def __init__(self, process: Process, store: JobStore) -> None:
        self._settings, self._store, self._process = process.settings, store, process
        self._guard = guard.Guard(process.settings)
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["seconds"] = seconds
        self._templates.filters["count"] = count
        self.pages = Pages(process)

    def application(self) -> web.Application:
        """Return the application."""
        app = web.Application(client_max_size=MAX_FORM, middlewares=[self._explain, self._guard.middleware])
        events = Events(self._store, self._process.pulse)
        app.add_routes(page_routes(self.pages))
        app.add_routes(
            [
                web.get("/", self._home),
                web.get(r"/batches/{batch:\d{1,18}}", self._batch),
                web.get(r"/jobs/{job:\d{1,18}}", self._job),
                web.post(r"/jobs/{job:\d{1,18}}/requeue", self._requeue),
                web.get("/queues", self._queues),
                web.get("/queue_report", self._queue_report),
                web.get("/workers", self._workers),
                web.get("/dead", self._dead),
                web.get("/services", self._services),
                web.get("/login", self._login),
                web.post("/login", self._log_in),
                web.post("/logout", self._log_out),
                web.get("/events", events.stream),
                web.static("/static", HERE / "static"),
            ]
        )
        app.on_response_prepare.append(guard.add_headers)
        app.cleanup_ctx.append(events.watch)
        return app

    async def _home(self, request: web.Request) -> web.Response:
        return await self._page("home.html", views.home)

    async def _batch(self, request: web.Request) -> web.Response:
        chosen, first = _number(request, "line"), _number(request, "first") or 0
        batch_id = int(request.match_info["batch"])
        return await self._page("batch.html", lambda store: views.batch(store, batch_id, chosen=chosen, first=first))

    async def _job(self, request: web.Request) -> web.Response:
        job_id = int(request.match_info["job"])
        return await self._page("job.html", lambda store: views.job(store, job_id))

    async def _requeue(self, request: web.Request) -> web.Response:
        job_id = int(request.match_info["job"])
        job = await asyncio.to_thread(self._store.requeue, job_id)
        log.info("console.requeued", job=job.id, stage=str(job.stage), peer=request.remote)
        raise web.HTTPSeeOther(f"/jobs/{job.id}")

    async def _queues(self, request: web.Request) -> web.Response:
        return await self._page("queues.html", views.queues)

    async def _queue_report(self, request: web.Request) -> web.Response:
        return web.json_response(await asyncio.to_thread(views.queue_report, self._store, self._settings))

    async def _workers(self, request: web.Request) -> web.Response:
        return await self._page("workers.html", views.workers)

    async def _dead(self, request: web.Request) -> web.Response:
        return await self._page("dead.html", views.dead)

    async def _services(self, request: web.Request) -> web.Response:
        return await self._page("services.html", lambda _: views.services(self._settings))

    async def _login(self, request: web.Request) -> web.Response:
        return self._rendered("login.html", wrong=False)

    async def _log_in(self, request: web.Request) -> web.Response:
        session = self._guard.session(str((await request.post()).get("token", "")))
        if session is None:
            await asyncio.sleep(guard.WRONG_TOKEN_SECONDS)
            return self._rendered("login.html", status=401, wrong=True)
        response = web.HTTPSeeOther("/")
        response.set_cookie(
            guard.COOKIE,
            session,
            max_age=guard.SESSION_SECONDS,
            httponly=True,
            samesite="Strict",
            secure=self._guard.secure(request),
        )
        raise response

    async def _log_out(self, request: web.Request) -> web.Response:
        response = web.HTTPSeeOther("/login")
        response.del_cookie(guard.COOKIE)
        raise response

    async def _page(self, template: str, view: Callable[[JobStore], views.Shown]) -> web.Response:
        return await asyncio.to_thread(lambda: self._rendered(template, **view(self._store)))

    def _rendered(self, template: str, *, status: int = 200, **shown: Any) -> web.Response:
        links = {"rabbitmq_url": self._settings.console_rabbitmq_url, "trace_url": self._settings.console_trace_url}
        common = {"word": self._guard.word(), "asks": self._guard.asks, "cluster": self._settings.cluster, **links}
        text = self._templates.get_template(template).render(**common, **shown)
        return web.Response(status=status, text=text, content_type="text/html")

    @property
    def _explain(self) -> Any:
        @web.middleware
        async def explain(request: web.Request, handler: guard.Handler) -> web.StreamResponse:
            try:
                return await handler(request)
            except HallmarkError as error:
                known = 404 if isinstance(error, JobNotFound) else 409 if isinstance(error, JobError) else 503
                return self._rendered("error.html", status=known, error=error)

        return explain


def seconds(value: float | None) -> str:
    """Return a duration in the unit that a reader wants; no line breaks before the unit."""
    if value is None:
        return "-"
    if value < 120:
        return f"{max(0.0, value):.1f}\u00a0s"
    return f"{value / 60:.0f}\u00a0min" if value < 7200 else f"{value / 3600:.0f}\u00a0h"


def _number(request: web.Request, name: str) -> int | None:
    """Return a number of the query, or nothing where it has none that is one."""
    text = request.query.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None
