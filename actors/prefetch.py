"""Fetches what the likely next job needs while this one runs, so that no device waits for a store on the network.

The queue is only looked at: no lease is taken, so a worker that dies or is slow keeps no job from anybody. What is
fetched lies in this host's cache, where the claim that follows finds it; a job that another worker takes meanwhile cost
a copy, which the cache's limit bounds. A store in a folder has no cache, and nothing is done for it.
"""

from __future__ import annotations

import threading

from prometheus_client import Counter

from actors.context import WorkerContext
from broker.artifacts import is_shared
from broker.jobs import Job, Stage
from runtime.errors import HallmarkError
from runtime.logging import get_logger

FETCHED = Counter("hallmark_artifacts_prefetched", "Artifacts fetched for a job before it was claimed.")

#: Stages whose jobs wait for artifacts longer than for anything else between two proofs.
STAGES = (Stage.VECTORS, Stage.PROVE)
#: Seconds between two looks while jobs run: another worker may have taken the job that was looked at.
LOOK_SECONDS = 1.0


class Prefetcher:
    """Looks at the head of a stage's queue while this process is busy.

    Parameters
    ----------
    stage
        The worker's.
    """

    def __init__(self, context: WorkerContext, stage: Stage) -> None:
        self._context, self._stage = context, stage
        self._seen = 0
        self._log = get_logger("prefetch").bind(stage=str(stage))

    def start(self) -> None:
        """Begin, where there is a cache to fetch into."""
        if self._stage in STAGES and self._context.artifacts.cache is not None:
            threading.Thread(target=self._run, name="prefetch", daemon=True).start()

    def look(self) -> int:
        """Fetch what the job at the head of the queue needs; return how many artifacts were fetched.

        Raises
        ------
        HallmarkError
            Database or store are away, or the artifact is not there: the job itself will say so.
        """
        settings = self._context.settings
        job = self._context.store.peek(
            [self._stage],
            self._context.worker,
            protocol_versions=[settings.protocol_version],
            key_identity=self._context.keys,
            preferred_circuit_type=self._context.loaded,
        )
        if job is None or job.id == self._seen:
            return 0
        fetched = sum([self._context.artifacts.prefetch(name) for name in self._needed(job)])
        self._seen = job.id
        FETCHED.inc(fetched)
        return fetched

    def _needed(self, job: Job) -> list[str]:
        made = [entry.artifact for entry in self._context.store.inputs_of(job.id)]
        return sorted({name for name in (*job.inputs.values(), *made) if name and is_shared(name)})

    def _run(self) -> None:
        began = self._context.began
        while not self._context.draining.is_set():
            # A job of a GPU takes less than a second, so that each one that begins is a reason to look.
            began.wait(LOOK_SECONDS)
            began.clear()
            if not self._context.pulse.busy:
                continue
            try:
                self.look()
            except HallmarkError as error:
                self._log.info("not fetched ahead", code=error.code, reason=error.message)
            except Exception:
                self._log.exception("not fetched ahead")
        self._context.store.database.close()
