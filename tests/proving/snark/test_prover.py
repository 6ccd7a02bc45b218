"""The prover on arrays against the prover on integers, byte for byte."""

from __future__ import annotations

import pytest

from proving.snark.bn254.field import FR
from proving.snark.errors import WitnessRefused
from proving.snark.proof import SnarkProof
from proving.snark.prover import prove
from proving.snark.verifier import verify
from tests.proving.snark import reference
from tests.proving.snark.circuits import SECRET, every_gate


def test_the_proof_is_that_of_the_reference_and_is_accepted() -> None:
    case = every_gate()
    proof = prove(case.proving_key, case.public_inputs, case.inputs)
    columns = {name: FR.decode(column) for name, column in (case.proving_key.columns | case.wires()).items()}
    expected = reference.prove(case.proving_key.key, columns, case.public_inputs, secret=SECRET)
    assert SnarkProof.from_bytes(proof) == expected
    assert expected.to_bytes() == proof
    verify(proof, case.public_inputs, case.proving_key.key)


@pytest.mark.parametrize("wrong", range(3))
def test_a_false_statement_has_no_proof(wrong: int) -> None:
    case = every_gate()
    publics = list(case.public_inputs)
    publics[wrong] += 1
    with pytest.raises(WitnessRefused):
        prove(case.proving_key, publics, case.inputs)


def test_a_number_with_too_many_bits_has_no_proof() -> None:
    case = every_gate()
    with pytest.raises(WitnessRefused):
        prove(case.proving_key, case.public_inputs, [1 << 36, case.inputs[1]])


def test_another_number_of_inputs_is_refused() -> None:
    case = every_gate()
    with pytest.raises(WitnessRefused, match="takes 3 public inputs and 2 inputs"):
        prove(case.proving_key, case.public_inputs[:2], case.inputs)
