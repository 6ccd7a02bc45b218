"""Small circuits for the SNARK, and keys from a setup whose secret the tests know."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from proving.snark.bn254.field import FR, Elements
from proving.snark.builder import Builder
from proving.snark.circuit import Circuit, Ids
from proving.snark.layout import WIRES
from proving.snark.points import SCALAR_MODULUS
from proving.snark.prover import Prover
from proving.snark.proving_key import ProvingKey, make_key
from proving.snark.setup import insecure
from proving.snark.statement import PUBLIC_INPUTS

#: The setup's secret. A forger who knows it needs no other weakness, so forgeries must not use it where they claim one.
SECRET = 0x1F2E3D4C5B6A79880123456789ABCDEF
#: What the circuit is given.
INPUTS = [0x123456789, 987654321]


@dataclass(frozen=True)
class Case:
    """A circuit with its keys and one true statement.

    Attributes
    ----------
    outputs
        The variables that the public inputs must equal.
    """

    circuit: Circuit
    proving_key: ProvingKey
    outputs: Ids
    inputs: list[int]

    def values(self, publics: Sequence[int], changed: Mapping[int, int] | None = None) -> Elements:
        """Run the witness's program, with some variables set to what a forger likes."""
        values = self.circuit.fill(FR.encode(publics), FR.encode(self.inputs))
        for step in self.circuit.steps if changed else ():
            step.fill(values)
            for variable, value in (changed or {}).items():
                values[variable] = FR.scalar(value % SCALAR_MODULUS)
        return values

    def statement(self, changed: Mapping[int, int] | None = None) -> list[int]:
        """The public inputs that fit the inputs."""
        return FR.decode(self.values([0] * self.outputs.size, changed)[self.outputs])

    @functools.cached_property
    def public_inputs(self) -> list[int]:
        """The true statement."""
        return self.statement()

    def wires(self, changed: Mapping[int, int] | None = None) -> dict[str, Elements]:
        """Columns of the right witness, or of one with changed variables."""
        values = self.values(self.statement(changed), changed)
        return dict(zip(WIRES, values[self.circuit.wires], strict=True))


@functools.cache
def every_gate() -> Case:
    """64 rows with each gate: permutation, lookups, products, sums, copies, three public inputs."""
    builder = Builder(table_bits=4)
    publics = builder.public_input(3)
    inputs = builder.input(2)
    state = builder.permute(np.array([[inputs[0], inputs[1], builder.constant(7)]]))
    builder.limbs(inputs[:1], 9)
    crossed = builder.sum_of_products(inputs[None], inputs[None, ::-1], addend=state[:, 1])
    combined = builder.combine({"a": inputs[:1], "b": inputs[1:]}, {"ab": 3, "a": 5, "k": 11})
    outputs = np.concatenate([state[:, 0], crossed, combined])
    builder.assert_equal(outputs, publics)
    circuit = builder.compile()
    return Case(circuit, make_key(circuit, insecure.make(circuit.rows, secret=SECRET)), outputs, INPUTS)


@functools.cache
def batch_circuit() -> ProvingKey:
    """The smallest circuit with a batch's public inputs: it is given what it shows."""
    builder = Builder(table_bits=4)
    publics = builder.public_input(PUBLIC_INPUTS)
    builder.assert_equal(builder.input(PUBLIC_INPUTS), publics)
    circuit = builder.compile()
    return make_key(circuit, insecure.make(circuit.rows))


def batch_snark(statement: list[int]) -> bytes:
    """Return a proof of a statement with :func:`batch_circuit`."""
    proving_key, elements = batch_circuit(), FR.encode(statement)
    circuit = proving_key.circuit
    wires = circuit.fill(elements, elements)[circuit.wires]
    return Prover(proving_key, statement, dict(zip(WIRES, wires, strict=True))).prove()
