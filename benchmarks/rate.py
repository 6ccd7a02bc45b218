"""Races the rate of `main_vm`: what a segment costs at rates 1/2, 1/4 and 1/8, and the circuit that verifies its proof.

``python -m benchmarks.rate [SIZE_CLASS]``; docs/decisions/0036 says what followed. A rate of 1/2 allows constraints of
degree 3, and those of `main_vm` have up to 5: its line leaves out what is above, so that it is less than such a circuit
would cost, and its proofs hold for nothing.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field

from benchmarks.segment import PROFILE, checkpoints
from proving.backend.native import NativeBackend
from proving.machine.checkpoint import Checkpoint
from proving.machine.main_vm import circuit
from proving.machine.main_vm.expand import expand
from proving.machine.main_vm.shape import MAX_LOG_HEIGHTS
from proving.machine.replay import replay
from proving.recursion.aggregation import write_leaf
from proving.stark.air import Circuit
from proving.stark.air.bus import Interaction
from proving.stark.air.table import Constraint, Table, TableBuilder
from proving.stark.generate import build_key
from proving.stark.prover import prove
from proving.stark.verifier import verify

#: log2 of 1/rate, and the largest degree of a constraint.
RATES = ((1, 3), (2, 5), (3, 5), (3, 9))
#: Proofs at each rate, of which the quickest counts.
PROOFS = 2


@dataclass
class _Cut(Table):
    """A table of `main_vm` without what is above a degree."""

    whole: Table
    degree: int
    left_out: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.name = self.whole.name

    def build(self, t: TableBuilder) -> None:
        """Declare the whole table, and forget a part of it."""
        self.whole.build(t)
        before = len(t.constraints) + len(t.interactions)
        t.constraints[:] = [each for each in t.constraints if self._fits(t, each)]
        t.interactions[:] = [each for each in t.interactions if self._holds(each)]
        self.left_out = before - len(t.constraints) - len(t.interactions)

    def _fits(self, t: TableBuilder, constraint: Constraint) -> bool:
        return max(constraint.expr.degree, t.graph.transitions[constraint.expr.node] + 1) <= self.degree

    def _holds(self, interaction: Interaction) -> bool:
        fields = max((each.degree for each in interaction.fields), default=0)
        return max(1 + fields, interaction.count.degree) <= self.degree


def race(checkpoint: bytes, log_blowup: int, degree: int) -> str:
    """Prove a segment at a rate, write down the leaf over it, and say what they took."""
    backend = NativeBackend()
    tables = [_Cut(table, degree) for table in circuit.tables()]
    made = Circuit(circuit.NAME, tables, publics=circuit.circuit().publics, max_degree=degree)
    key = build_key(made, backend=backend, log_blowup=log_blowup, max_log_heights=MAX_LOG_HEIGHTS, profiles=(PROFILE,))
    key.prepared(backend)
    seconds = []
    for _ in range(PROOFS):
        traces, publics = expand(replay(Checkpoint.from_bytes(checkpoint)))
        start = time.process_time()
        proof = prove(key, PROFILE, publics, traces, backend)
        seconds.append(time.process_time() - start)
    left_out = sum(table.left_out for table in tables)
    if not left_out:
        verify(key, PROFILE, publics, proof)
    shape = key.layout.largest()
    leaf = write_leaf("leaf", key, shape, PROFILE, 0)
    opened = sum(matrix.columns for tree in shape.trees.values() for matrix in tree.matrices)
    return (
        f"rate 1/{1 << log_blowup}, degree {degree}: {min(seconds):.2f} s of CPU time, {len(proof) / 1e6:.2f} MB, "
        f"{opened} columns opened by {key.parameters(PROFILE).queries} queries, {left_out} rules left out; "
        f"leaf: {leaf.program.rows.shape[0]} compressions, heights {leaf.log_heights}"
    )


def main() -> None:
    """Race the rates on one segment and print a line for each."""
    [checkpoint] = checkpoints(int(sys.argv[1]) if len(sys.argv) > 1 else 17, 1)
    for log_blowup, degree in RATES:
        print(race(checkpoint, log_blowup, degree), flush=True)


if __name__ == "__main__":
    main()
