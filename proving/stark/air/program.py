"""A circuit, compiled: what the prover hands to a backend and what the verifier evaluates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from proving.backend.interface import HostArray
from proving.backend.program import Op, TableProgram
from proving.stark.air.evaluate import TableOpenings, evaluate
from proving.stark.air.schedule import Schedule
from proving.stark.arithmetic import Arithmetic, V


@dataclass(frozen=True)
class CircuitProgram:
    """Everything derived from a circuit that does not depend on heights.

    Attributes
    ----------
    name : the circuit's
    publics : number of public inputs
    max_degree : largest constraint degree in multiples of the height
    tables : in order
    constraint_count : over all tables; constraint k gets power k of the constraint challenge
    digest : (4,) uint64, of all that a verifier evaluates, see `digest`
    schedule : for `evaluate`
    """

    name: str
    publics: int
    max_degree: int
    tables: tuple[TableProgram, ...]
    constraint_count: int
    digest: HostArray
    schedule: Schedule

    @property
    def max_arity(self) -> int:
        """Largest power of the bus challenge beta that occurs, for the security accounting."""
        return max((key[2] for key in self.schedule.leaves if key[1] == Op.CHALLENGE), default=0)

    def evaluate(
        self,
        arithmetic: Arithmetic[V],
        openings: Sequence[TableOpenings[V]],
        *,
        log_heights: Sequence[int],
        squares: V,
        publics: V | None,
        challenges: V,
        bus_sums: V | None,
        alpha: V,
    ) -> V:
        """See `proving.stark.air.evaluate.evaluate`."""
        return evaluate(
            arithmetic,
            self.tables,
            self.schedule,
            openings,
            log_heights=log_heights,
            squares=squares,
            publics=publics,
            challenges=challenges,
            bus_sums=bus_sums,
            alpha=alpha,
        )
