"""One thread that owns a device's context: everything that touches the driver runs there, in order.

A context belongs to the thread that made it, must be made after the process forked, and must be gone before the
process ends; one thread with a queue keeps all three.
"""

from __future__ import annotations

import atexit
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class ContextThread:
    """Runs functions one after the other in a thread of its own.

    Parameters
    ----------
    name
        Of the thread, for people who look at the process.
    last
        Runs in the thread when it is closed, at the latest when the process ends.
    """

    def __init__(self, name: str, last: Callable[[], None]) -> None:
        self._last = last
        self._work: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def call(self, function: Callable[[], T]) -> T:
        """Run a function in the thread and return what it returns, or raise what it raises.

        What runs in the thread already is run at once.

        Raises
        ------
        RuntimeError
            The thread is closed.
        """
        if threading.current_thread() is self._thread:
            return function()
        if self._closed:
            raise RuntimeError(f"the thread {self._thread.name} is closed")
        future: Future[T] = Future()
        self._work.put((function, future))
        return future.result()

    def close(self) -> None:
        """Finish what is queued, run the last function and end the thread."""
        if not self._closed:
            self._closed = True
            self._work.put(None)
            self._thread.join()
            atexit.unregister(self.close)

    def _run(self) -> None:
        while (item := self._work.get()) is not None:
            function, future = item
            try:
                future.set_result(function())
            except BaseException as error:
                future.set_exception(error)
            # Neither result nor arguments may live on until the next call.
            del function, future, item
        self._last()
