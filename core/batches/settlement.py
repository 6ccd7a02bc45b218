"""Owns what becomes of a sealed batch: through core's parts, one step at a time, until it can be offered to provers.

Each step is deterministic and ends in one transaction that moves the batch's status, so a batch that a crash left
half-way goes on where it stood.
"""

from __future__ import annotations

import threading

from core.batches.basic_witness_input_producer import BasicWitnessInputProducer
from core.batches.commitment_generator import CommitmentGenerator
from core.batches.metadata_calculator import MetadataCalculator
from core.batches.protective_reads_writer import write_protective_reads
from core.store import Batch, BatchStatus, Store
from runtime.logging import get_logger

log = get_logger(__name__)

_UNFINISHED = (BatchStatus.TREE_UPDATED, BatchStatus.WITNESS_READY)


class Settlement:
    """The way of a batch from the seal to the proof data handler.

    Parameters
    ----------
    store
        Core's rows.
    calculator, producer, generator
        The parts, in the order in which they work.
    """

    def __init__(
        self,
        store: Store,
        calculator: MetadataCalculator,
        producer: BasicWitnessInputProducer,
        generator: CommitmentGenerator,
    ) -> None:
        self._store = store
        self._calculator = calculator
        self._producer = producer
        self._generator = generator
        self._lock = threading.Lock()

    def settle_state(self) -> int:
        """Advance the state by every batch that is sealed only, and return how many were.

        The sequencer asks for it whenever it has sealed one, and before it builds on the state: a crash or a full disk
        may have left one behind.
        """
        return self._calculator.settle_left_over()

    def advance(self) -> int:
        """Finish every batch that can be finished and return how many were."""
        finished = 0
        with self._lock, self._store.session():
            self.settle_state()
            while (batch := self._next()) is not None:
                self._finish(batch)
                finished += 1
        return finished

    def _next(self) -> Batch | None:
        batch: Batch | None = Batch.select().where(Batch.status.in_(_UNFINISHED)).order_by(Batch.number).first()
        return batch

    def _finish(self, batch: Batch) -> None:
        if batch.status == BatchStatus.TREE_UPDATED:
            write_protective_reads(self._store, batch)
            self._producer.produce(batch)
        if batch.status == BatchStatus.WITNESS_READY:
            self._generator.generate(batch)
        log.info("batch.committed", batch=batch.number, output=batch.expected_output.hex(), cycles=batch.cycles)
