"""Batches that a core of a test network lets pass without a proof. No contract has such a switch."""

from __future__ import annotations

import time
from collections.abc import Callable

from core.settings import CoreSettings
from core.store import Batch, BatchStatus, Store
from runtime.logging import get_logger

log = get_logger(__name__)


class Skipping:
    """Marks batches as skipped, all or all but samples, where the settings say so.

    Parameters
    ----------
    store
        Core's rows.
    settings
        Which batches.
    clock
        Seconds since the epoch.
    """

    def __init__(self, store: Store, settings: CoreSettings, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._mode = settings.core_proving
        self._every = settings.core_sampled_every
        self._clock = clock
        self._looked_up_to = 0

    @property
    def warning(self) -> str:
        """What everybody is told of this core; empty where every batch is proven."""
        if self._mode == "all":
            return ""
        samples = f"but one of {self._every}" if self._mode == "sampled" else "without exception"
        return f"NOT PROVEN: this core skips proofs, {samples} (core_proving={self._mode})"

    def skip(self) -> int:
        """Let batches pass that are ready for provers and no samples, and return how many did."""
        if self._mode == "all":
            return 0
        with self._store.session():
            ready = Batch.select().where(Batch.status == BatchStatus.COMMITTED, Batch.number > self._looked_up_to)
            found = list(ready.order_by(Batch.number))
            doomed = [batch.number for batch in found if not self._is_sample(batch)]
            for number in doomed:
                # A proof may come at the same time: the batch is proven then.
                Batch.update(status=BatchStatus.SKIPPED, proven_at=self._clock(), security=self.warning).where(
                    Batch.number == number, Batch.status == BatchStatus.COMMITTED
                ).execute()
                log.warning("batch.skipped", batch=number, warning=self.warning)
        if found:
            self._looked_up_to = found[-1].number
        return len(doomed)

    def _is_sample(self, batch: Batch) -> bool:
        return self._mode == "sampled" and int.from_bytes(batch.expected_output, "big") % self._every == 0
