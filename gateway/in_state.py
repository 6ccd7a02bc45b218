"""The batches that the gateway has to do something about."""

from __future__ import annotations

from broker.jobs import Batch, BatchState, JobStore, status

#: Batches looked at in one round; the others' turn comes when these have moved on.
PAGE = 1000


def batches_in(jobs: JobStore, state: BatchState) -> list[Batch]:
    """Return the batches of the store's chain that are in a state, oldest first."""
    return status.batches(jobs, state=state, limit=PAGE)[::-1]
