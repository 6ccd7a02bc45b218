"""Owns what becomes of a sealed batch: through core's parts, one step at a time, until it can be offered to provers.

Each step is deterministic and ends in one transaction that moves the batch's status, so a batch that a crash left
half-way goes on where it stood.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from core.batches.component import Component
from core.batches.metadata_calculator import MetadataCalculator
from core.errors import ProgramFault
from core.store import Store


class Settlement:
    """The way of a batch from the seal to the proof data handler.

    Parameters
    ----------
    store
        Core's rows.
    calculator
        Advances the state by a batch, at the seal.
    components
        What follows, in order, as far as it runs in this process.
    """

    def __init__(self, store: Store, calculator: MetadataCalculator, components: Sequence[Component]) -> None:
        self._store = store
        self._calculator = calculator
        self._components = components
        self._lock = threading.Lock()

    def settle_state(self) -> int:
        """Advance the state by every batch that is sealed only, and return how many were.

        The sequencer asks for it whenever it has sealed one, and before it builds on the state: a crash or a full disk
        may have left one behind.
        """
        return self._calculator.settle_left_over()

    def advance(self) -> int:
        """Take every batch as far as it gets and return the number of steps.

        Raises
        ------
        ProgramFault
            A component has halted; the others have done what they can.
        """
        with self._lock, self._store.session():
            self.settle_state()
            return advance(self._components)


def advance(components: Sequence[Component]) -> int:
    """Let components work in turns until none has anything to do; return the number of steps.

    Raises
    ------
    ProgramFault
        One of them has halted; the others have done what they can.
    """
    working, steps = list(components), 0
    halted: ProgramFault | None = None
    moved = True
    while moved:
        moved = False
        for component in tuple(working):
            try:
                done = component.step()
            except ProgramFault as error:
                working.remove(component)
                halted = halted or error
                continue
            moved = moved or done
            steps += done
    if halted is not None:
        raise halted
    return steps
