"""The components after the metadata calculator: which there are, how they are made, and how far behind each is."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from peewee import fn

from core.batches.basic_witness_input_producer import BasicWitnessInputProducer
from core.batches.commitment_generator import CommitmentGenerator
from core.batches.component import Component
from core.batches.protective_reads_writer import ProtectiveReadsWriter
from core.batches.witness_store import WitnessStore
from core.program.kept import KeptPrograms
from core.state_tree.kept import KeptTree
from core.store import Batch, BatchStatus, Store

#: In the order in which a batch passes them.
KINDS: tuple[type[Component], ...] = (ProtectiveReadsWriter, BasicWitnessInputProducer, CommitmentGenerator)


@dataclass(frozen=True)
class Lag:
    """How far a component is behind.

    Attributes
    ----------
    component : str
    batches : int
        That are sealed and that it has not done.
    sealed_at : float or None
        When the oldest of them was sealed, in seconds since the epoch.
    """

    component: str
    batches: int
    sealed_at: float | None


def make_components(
    names: Collection[str], store: Store, tree: KeptTree, witnesses: WitnessStore, programs: KeptPrograms
) -> list[Component]:
    """Return the components of these names, in the order of the way."""
    made = (
        ProtectiveReadsWriter(store, tree),
        BasicWitnessInputProducer(store, witnesses, programs),
        CommitmentGenerator(store),
    )
    return [component for component in made if component.name in names]


def lags() -> list[Lag]:
    """Return the lag of the metadata calculator and of every component; the caller has a session open."""
    conditions = {"metadata_calculator": Batch.status == BatchStatus.SEALED}
    conditions |= {kind.name: kind.behind() for kind in KINDS}
    found = []
    for name, condition in conditions.items():
        query: Any = Batch.select(fn.COUNT(Batch.number), fn.MIN(Batch.sealed_at)).where(condition).tuples()
        count, oldest = query.get()
        found.append(Lag(name, count, oldest))
    return found
