"""Threads for what the event loop must not do itself, a bounded number for each kind of work.

Work of one kind never waits for work of another: reading blocks does not delay the renewal of an offer.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from core.errors import Busy

P = ParamSpec("P")
T = TypeVar("T")


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
    """

    def __init__(self, name: str, threads: int, waiting: int) -> None:
        self._name = name
        self._limit = threads + waiting
        self._under_way = 0
        self._counting = threading.Lock()
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` in a thread, with the caller's context, and return its result.

        Raises
        ------
        Busy
            Too many calls of this kind wait already.
        """
        with self._counting:
            if self._under_way >= self._limit:
                raise Busy(f"{self._limit} calls of the kind {self._name} are under way already.")
            self._under_way += 1
        context = contextvars.copy_context()
        future = self._executor.submit(lambda: context.run(work, *args, **kwargs))
        # A caller that goes away frees its place only when its work has ended: the thread is taken until then.
        future.add_done_callback(self._free)
        return await asyncio.wrap_future(future)

    def _free(self, _: Future[T]) -> None:
        with self._counting:
            self._under_way -= 1
