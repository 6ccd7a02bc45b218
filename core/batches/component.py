"""What takes a batch one step on its way from the seal to the provers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from core.errors import ProgramFault
from core.store import Batch, Store
from runtime.logging import get_logger

log = get_logger(__name__)


class Component(ABC):
    """A step that goes on where it stood after a stop, checks what it produces, and halts where something differs.

    What it has done is in the database, so it needs no memory of its own: it takes the oldest batch whose turn has
    come. It may run in core's process or in one of its own, but only in one at a time.

    Parameters
    ----------
    store
        Core's rows.
    """

    name: ClassVar[str]

    def __init__(self, store: Store) -> None:
        self._store = store
        self._fault: ProgramFault | None = None

    @classmethod
    @abstractmethod
    def behind(cls) -> Any:
        """Return the condition on batches that this step has still to do, their turn come or not."""

    @classmethod
    @abstractmethod
    def ready(cls) -> Any:
        """Return the condition on batches whose turn has come."""

    @abstractmethod
    def handle(self, batch: Batch) -> None:
        """Do the step, in one transaction at its end; doing it again changes nothing.

        Raises
        ------
        ProgramFault
            What was made does not agree with what else is known.
        """

    def step(self) -> bool:
        """Do the oldest batch whose turn has come; return whether there was one.

        Raises
        ------
        ProgramFault
            This batch or an earlier one does not agree. Nothing more is done until the process starts again: the
            same would come out, and what follows would rest on it.
        """
        if self._fault is not None:
            raise self._fault
        with self._store.session():
            batch: Batch | None = Batch.select().where(self.ready()).order_by(Batch.number).first()
            if batch is None:
                return False
            try:
                self.handle(batch)
            except ProgramFault as error:
                self._fault = error
                log.error("component.halted", component=self.name, batch=batch.number, error=error.message)
                raise
        return True
