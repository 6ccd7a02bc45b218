"""The batches that the gateway has to do something about."""

from __future__ import annotations

from collections.abc import Collection

from broker.jobs import Batch, BatchState, JobStore, status

#: Batches looked at in one round; the others' turn comes when these have moved on.
PAGE = 1000


def batches_in(jobs: JobStore, state: BatchState) -> list[Batch]:
    """Return the batches of the store's chain that are in a state, oldest first."""
    return status.batches(jobs, state=state, limit=PAGE)[::-1]


def running(jobs: JobStore, chains: Collection[int]) -> dict[int, int]:
    """Return how many batches of each of these chains are being proven; a chain without any is left out."""
    return status.counts(jobs, BatchState.IN_PROGRESS, chains)
