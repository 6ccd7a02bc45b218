"""Small circuits for the SNARK, and keys from a setup whose secret the tests know."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from proving.snark.bn254.field import FR, Elements
from proving.snark.builder import Builder
from proving.snark.circuit import Circuit
from proving.snark.layout import WIRES
from proving.snark.proving_key import ProvingKey, make_key
from proving.snark.setup import insecure

#: The setup's secret. A forger who knows it needs no other weakness, so forgeries must not use it where they claim one.
SECRET = 0x1F2E3D4C5B6A79880123456789ABCDEF
#: What the circuit is given, and what it then says in public.
INPUTS = [0x123456789, 987654321]


@dataclass(frozen=True)
class Case:
    """A circuit with its keys and one true statement."""

    circuit: Circuit
    proving_key: ProvingKey
    public_inputs: list[int]
    inputs: list[int]

    def wires(self) -> dict[str, Elements]:
        """Columns of the right witness."""
        filled = self.circuit.fill(FR.encode(self.public_inputs), FR.encode(self.inputs))
        return dict(zip(WIRES, filled[self.circuit.wires], strict=True))


@functools.cache
def every_gate() -> Case:
    """64 rows with each gate: permutation, lookups, products, sums, copies, three public inputs."""
    builder = Builder(table_bits=4)
    publics = builder.public_input(3)
    inputs = builder.input(2)
    state = builder.permute(np.array([[inputs[0], inputs[1], builder.constant(7)]]))
    builder.limbs(inputs[:1], 9)
    crossed = builder.sum_of_products(inputs[None], inputs[None, ::-1], addend=state[:, 1])
    builder.assert_equal(state[:, 0], publics[:1])
    builder.assert_equal(crossed, publics[1:2])
    builder.assert_equal(builder.combine({"a": inputs[:1], "b": inputs[1:]}, {"ab": 3, "a": 5, "k": 11}), publics[2:])
    circuit = builder.compile()
    filled = circuit.fill(FR.encode([0, 0, 0]), FR.encode(INPUTS))
    statement = FR.decode(np.concatenate([filled[state[:, 0]], filled[crossed]]))
    statement.append(3 * INPUTS[0] * INPUTS[1] + 5 * INPUTS[0] + 11)
    proving_key = make_key(circuit, insecure.make(circuit.rows, secret=SECRET))
    return Case(circuit, proving_key, statement, INPUTS)
