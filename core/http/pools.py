"""Threads for what the event loop must not do itself, a bounded number for each kind of work.

Work of one kind never waits for work of another: reading blocks does not delay the renewal of an offer. Within a kind
clients take turns: who asks for much waits behind itself, others wait for one call of each at most.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from aiohttp import web

from core.errors import Busy

#: Whose request is being answered: the peer's address; empty for core's own work.
CLIENT: contextvars.ContextVar[str] = contextvars.ContextVar("client", default="")

P = ParamSpec("P")
T = TypeVar("T")


@web.middleware
async def name_client(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Note whose request is answered, for the turns that clients take."""
    CLIENT.set(request.remote or "")
    return await handler(request)


class Pool:
    """Threads for one kind of work.

    Parameters
    ----------
    name
        Of the kind, in thread names and refusals.
    threads
        Calls that run at a time.
    waiting
        Calls that may wait for a thread; more are refused at once.
    per_client
        How many of them may be one client's; the same number where it is not given.
    """

    def __init__(self, name: str, threads: int, waiting: int, per_client: int | None = None) -> None:
        self._name = name
        self._threads = threads
        self._limit = waiting
        self._client_limit = waiting if per_client is None else per_client
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._counting = threading.Lock()
        self._running = 0
        self._waiting = 0
        #: What waits, by client; the client at the front is the next one.
        self._queues: dict[str, deque[tuple[Future[Any], Callable[[], Any]]]] = {}

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` in a thread, with the caller's context, and return its result.

        Raises
        ------
        Busy
            Too many calls of this kind wait already, or too many of this client.
        """
        context = contextvars.copy_context()
        future: Future[T] = Future()
        self._enter(CLIENT.get(), future, lambda: context.run(work, *args, **kwargs))
        return await asyncio.wrap_future(future)

    def _enter(self, client: str, future: Future[T], call: Callable[[], T]) -> None:
        with self._counting:
            if self._running < self._threads:
                self._running += 1
            else:
                queue = self._queues.get(client, deque())
                if self._waiting >= self._limit or len(queue) >= self._client_limit:
                    raise Busy(f"{len(queue)} calls of the kind {self._name} wait already, {self._waiting} in all.")
                queue.append((future, call))
                self._queues[client] = queue
                self._waiting += 1
                return
        self._executor.submit(self._work, future, call)

    def _work(self, future: Future[Any] | None, call: Callable[[], Any] | None) -> None:
        """Make calls in this thread until none waits. A caller that went away is passed over."""
        while future is not None and call is not None:
            if not future.set_running_or_notify_cancel():
                future, call = self._next()
                continue
            result, failure = None, None
            try:
                result = call()
            except BaseException as error:
                failure = error
            # The place is free before the caller learns the result: it may call again at once.
            following = self._next()
            if failure is None:
                future.set_result(result)
            else:
                future.set_exception(failure)
            future, call = following

    def _next(self) -> tuple[Future[Any] | None, Callable[[], Any] | None]:
        with self._counting:
            for client, queue in self._queues.items():
                del self._queues[client]
                taken = queue.popleft()
                self._waiting -= 1
                if queue:
                    self._queues[client] = queue  # behind the others
                return taken
            self._running -= 1
            return None, None
