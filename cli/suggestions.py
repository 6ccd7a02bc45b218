"""What a word of the command line may become: numbers of batches and jobs, from the job store."""

from __future__ import annotations

import threading
from collections.abc import Callable

import typer

from broker.jobs import JobStore, open_existing, status
from runtime.errors import HallmarkError
from runtime.settings import load_settings

#: Seconds that a shell waits for numbers; a database that is away must not stop somebody's typing for longer.
PATIENCE_SECONDS = 1.5
#: Numbers shown at most: the newest batches, the dead jobs first.
MOST = 100

Suggestions = list[tuple[str, str]]


def batch_numbers(ctx: typer.Context, incomplete: str) -> Suggestions:
    """Return the newest batches that a word may become, with their states."""

    def read(store: JobStore) -> Suggestions:
        return [(str(batch.number), str(batch.state)) for batch in status.batches(store, limit=MOST)]

    return _asked(ctx, incomplete, read)


def job_numbers(ctx: typer.Context, incomplete: str) -> Suggestions:
    """Return the jobs of all chains that a word may become, dead ones first, with their stages and states."""

    def read(store: JobStore) -> Suggestions:
        return [(str(job.id), f"{job.stage}, {job.state}") for job in status.jobs(store, limit=MOST, all_chains=True)]

    return _asked(ctx, incomplete, read)


def _asked(ctx: typer.Context, incomplete: str, read: Callable[[JobStore], Suggestions]) -> Suggestions:
    """Read suggestions; none where the job store does not answer at once, or at all."""
    found: Suggestions = []
    chain = ctx.params.get("chain")

    def ask() -> None:
        try:
            store = open_existing(load_settings(chain_id=chain) if chain else load_settings())
            found.extend(each for each in read(store) if each[0].startswith(incomplete))
        except HallmarkError:
            # Whoever runs the command is told; whoever is still typing it only gets no suggestion.
            return

    # A thread that the end of the process does not wait for.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(PATIENCE_SECONDS)
    return found.copy()
