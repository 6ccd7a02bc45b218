"""Tables with random columns: kernels compute the same whether constraints hold or not."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from proving import keys
from proving.backend.interface import Backend, coset_shift
from proving.backend.program import TableProgram
from proving.circuits.arith256 import ARITH256
from proving.circuits.blake2s import BLAKE2S
from proving.stark.air.compile import compile_circuit
from tests.proving.elements import random_elements
from tests.proving.stark.air.circuits import ALL, kitchen_sink

Words = npt.NDArray[np.uint64]

#: log2 of the rows: the least that the native kernels take.
LOG_HEIGHT = 6
#: Circuits that there are keys of: the machine's, and one of those that have the tables of recursion.
PROVEN = (keys.MAIN_VM, "leaf.main_vm.0.proven100")
#: Circuits that are described quickly: the tests' own, and basic ones with large programs.
DESCRIBED = {
    **{name: lambda make=make: make()[0] for name, make in {**ALL, "everything": kitchen_sink}.items()},
    "arith256": lambda: ARITH256.circuit,
    "blake2s": lambda: BLAKE2S.circuit,
}
CIRCUITS = (*PROVEN, *DESCRIBED)


@functools.cache
def tables(circuit: str) -> Mapping[str, TableProgram]:
    """Return the tables of a circuit by name."""
    program = keys.key(circuit).program if circuit in PROVEN else compile_circuit(DESCRIBED[circuit]())
    return {table.name: table for table in program.tables}


@dataclasses.dataclass(frozen=True)
class Given:
    """A table's columns and challenges, all random: kernels compute the same whether constraints hold or not."""

    table: TableProgram
    log_height: int = LOG_HEIGHT
    log_blowup: int = 0

    def columns(self, seed: int, count: int) -> Words | None:
        return random_elements(seed, count, 1 << (self.log_height + self.log_blowup)) if count else None

    def quotient(self, backend: Backend) -> Words:
        table = self.table
        main, preprocessed, bus = (
            None if given is None else backend.upload(given)
            for given in (
                self.columns(1, table.main_columns),
                self.columns(2, table.preprocessed_columns),
                self.columns(3, 3 * table.bus_columns),
            )
        )
        made = backend.quotient(
            table,
            main,
            preprocessed,
            bus,
            publics=random_elements(4, 64),
            challenges=random_elements(5, 2, 3),
            alpha_powers=random_elements(6, table.constraint_count, 3),
            bus_sum=random_elements(7, 3),
            log_height=self.log_height,
            log_blowup=self.log_blowup,
            shift=coset_shift(self.log_height),
        )
        return backend.download(made)

    def bus(self, backend: Backend, challenges: Words | None = None) -> tuple[Words, Words]:
        main, preprocessed = (
            None if given is None else backend.upload(given)
            for given in (self.columns(1, self.table.main_columns), self.columns(2, self.table.preprocessed_columns))
        )
        if challenges is None:
            challenges = random_elements(5, 2, 3)
        made, total = backend.bus_columns(self.table, main, preprocessed, challenges, random_elements(4, 64))
        return backend.download(made), total
