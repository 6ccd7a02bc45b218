"""What attempts cost while they run: bytes of the artifact store, and their share of the process's processor time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from broker.jobs import Cost


class Meter:
    """Counts for every job that the process runs.

    Kernels run on threads that belong to no job, so that only the processor time of the whole process is known: it is
    shared equally among the jobs that run at a time, and what a process with one job uses is that job's.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[int, Cost] = {}
        self._told = time.process_time()

    @contextmanager
    def counting(self, job_id: int) -> Iterator[None]:
        """Count for a job while the block runs."""
        with self._lock:
            self._share()
            self._running[job_id] = Cost()
        try:
            yield
        finally:
            with self._lock:
                self._share()
                del self._running[job_id]

    def read(self, job_id: int) -> Cost:
        """Return what a job has cost so far; nothing for one that does not run here."""
        with self._lock:
            self._share()
            return self._running.get(job_id, Cost())

    def moved(self, job_id: int, *, loaded: int = 0, stored: int = 0) -> None:
        """Count bytes that a job read from the artifact store or wrote to it."""
        with self._lock:
            if cost := self._running.get(job_id):
                loaded, stored = cost.loaded_bytes + loaded, cost.stored_bytes + stored
                self._running[job_id] = replace(cost, loaded_bytes=loaded, stored_bytes=stored)

    def _share(self) -> None:
        now = time.process_time()
        spent, self._told = now - self._told, now
        for job_id, cost in self._running.items():
            self._running[job_id] = replace(cost, cpu_seconds=cost.cpu_seconds + spent / len(self._running))
