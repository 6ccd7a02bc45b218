"""Removes what a proven batch no longer needs: its witness input and tree section.

Everything that is stated about the batch, and its proof, stays; the witness input can be made again from the rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from core.batches.witness_store import WitnessStore
from core.state.chain import PASSED
from core.store import Batch, Store


class Retention:
    """Keeps the files of proven batches for a while.

    Parameters
    ----------
    store, witnesses
        Core's rows and files.
    hours
        How long after its proof a batch keeps its files.
    clock
        Seconds since the epoch.
    """

    def __init__(
        self, store: Store, witnesses: WitnessStore, hours: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._witnesses = witnesses
        self._hours = hours
        self._clock = clock

    def remove_old(self) -> int:
        """Remove the files of batches that have been proven long enough and return how many batches had any."""
        numbers = self._witnesses.numbers()
        limit = self._clock() - 3600 * self._hours
        with self._store.session():
            old = Batch.select(Batch.number).where(Batch.status.in_(PASSED), Batch.proven_at < limit)
            doomed = numbers & {row.number for row in old.where(Batch.number >= min(numbers, default=0))}
        for number in doomed:
            self._witnesses.remove(number)
        return len(doomed)
