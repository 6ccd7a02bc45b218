"""The Poseidon2 compression, eight rows each, by the rounds of `proving.circuits.gadgets.poseidon2`.

============== =====================================================================
column         meaning
============== =====================================================================
state .. inner_cube  the permutation; row 0's state is the input
output         the permutation's first four lanes, the same on all eight rows; the
               compression adds state to it
count          row 0: number of lookups, free
============== =====================================================================
"""

from __future__ import annotations

from proving.circuits.gadgets.poseidon2 import Rounds
from proving.machine.main_vm.buses import POSEIDON2
from proving.stark.air import Table, TableBuilder


class Poseidon2(Table):
    """Eight rows for each distinct compression."""

    name = "poseidon2"

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        # Columns
        rounds = Rounds(t)
        output, count = t.main_array("output", 4), t.main("count")
        rounds.fix(t)
        state, row = rounds.state, rounds.row

        # Buses
        result = [output[i] + state[i] for i in range(4)]
        t.receive(POSEIDON2, [*state, *result], row[0] * count, "compression")

        # Constraints
        final = rounds.constrain(t)
        for i in range(4):
            t.when(row[7]).equal(f"output {i}", output[i], final[i])
            t.when(1 - row[7]).equal(f"output {i} is the same on all rows", output[i].next, output[i])
        t.free(count, when=1 - row[0], reason="counted on the compression's first row")
