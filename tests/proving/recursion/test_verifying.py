"""A circuit that verifies proofs agrees with the verifier, and what is wrong breaks a constraint or a bus."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from proving.field.goldilocks import PRIME
from proving.recursion.arithmetic import CircuitArithmetic, NotAnElement
from proving.recursion.compile import CompiledCircuit, UnwrittenWire, compile_recording
from proving.recursion.verifying import require_proof
from proving.recursion.witness import fill
from proving.stark.air.engine import check
from proving.stark.arithmetic import Words
from proving.stark.generate import build_key
from proving.stark.proof import parse
from proving.stark.prover import prove
from proving.stark.verifier import verify
from tests.proving.recursion import chain
from tests.proving.stark import toy


@functools.cache
def compiled() -> CompiledCircuit:
    key, _, _ = toy.proof()
    circuit = CircuitArithmetic()
    require_proof(circuit, key, key.layout.shape((8, 6, 7)), toy.QUICK, publics=circuit.public(key.publics))
    return compile_recording("toy_verifier", circuit.recording)


@functools.cache
def parts() -> tuple[Words, ...]:
    key, _, proof = toy.proof()
    _, parsed = parse(key.layout, key.parameters(toy.QUICK), proof)
    return tuple(parsed.parts())


def test_an_honest_proof_satisfies_the_circuit() -> None:
    _, publics, _ = toy.proof()
    assert check(compiled().circuit, fill(compiled().program, publics, parts()), publics) == []


@pytest.mark.parametrize("number", range(len(parts())))
def test_every_changed_part_breaks_a_constraint_or_a_bus(number: int) -> None:
    _, publics, _ = toy.proof()
    random = np.random.default_rng(number)
    for _ in range(3):
        changed = [part.copy() for part in parts()]
        flat = changed[number].reshape(-1)
        if not flat.size:
            return
        place = int(random.integers(flat.size))
        flat[place] = (int(flat[place]) + 1 + int(random.integers(2**32))) % PRIME
        assert check(compiled().circuit, fill(compiled().program, publics, changed), publics)


@pytest.mark.parametrize("number", range(3))
def test_another_public_input_breaks_a_constraint_or_a_bus(number: int) -> None:
    _, publics, _ = toy.proof()
    changed = publics.copy()
    changed[number] ^= np.uint64(1)
    assert check(compiled().circuit, fill(compiled().program, changed, parts()), changed)
    honest = fill(compiled().program, publics, parts())
    assert check(compiled().circuit, honest, changed), "the traces' public input is not the circuit's"


def test_a_proof_of_the_circuit_is_accepted_under_its_profile() -> None:
    _, publics, _ = toy.proof()
    key = build_key(compiled().circuit, backend=toy.backend(), log_blowup=3, max_log_heights=compiled().log_heights)
    proof = prove(key, "proven100", publics, fill(compiled().program, publics, parts()), toy.backend())
    assert verify(key, "proven100", publics, proof).security.reached


def test_the_alias_of_a_small_element_is_no_decomposition() -> None:
    traces = fill(compiled().program, toy.proof()[1], parts())
    bits = traces["bits"].copy()
    element = 5

    def lay(value: int) -> None:
        digits = np.array([value >> (63 - i) & 1 for i in range(64)], dtype=np.uint64)
        bits[0, :64] = digits
        bits[1, :64] = [(value >> (63 - i)) % PRIME for i in range(64)]
        ones = np.cumprod(digits)
        ones[32:] = ones[31]
        bits[2, :64], bits[3, :64] = ones, element

    def broken() -> set[str]:
        found = check(compiled().circuit, {**traces, "bits": bits}, toy.proof()[1])
        return {violation.name for violation in found if violation.table == "bits" and not violation.bus}

    lay(element)
    assert broken() == set()
    lay(element + PRIME)
    assert broken() == {"the number is below p"}


def test_a_wire_refuses_to_be_looked_at() -> None:
    circuit = CircuitArithmetic()
    value = circuit.constant(np.zeros(3, dtype=np.uint64))
    for look in (bool, len, int, iter):
        with pytest.raises(TypeError):
            look(value)  # type: ignore[operator]


def test_a_wire_that_nobody_writes_is_refused() -> None:
    circuit = CircuitArithmetic()
    never_hashed = circuit.element()
    circuit.multiply(never_hashed, never_hashed)
    with pytest.raises(UnwrittenWire):
        compile_recording("lost", circuit.recording)


def test_scalars_are_not_taken_for_what_they_are_not() -> None:
    circuit = CircuitArithmetic()
    row = circuit.hint((1, 7))
    with pytest.raises(NotAnElement):
        circuit.multiply(row, row)
    with pytest.raises(NotAnElement):
        circuit.bits(circuit.element(), 3)


def test_leaf_and_node_have_one_frame() -> None:
    assert chain.leaf_key().program.digest.tolist() == chain.node_key().program.digest.tolist()
    assert chain.leaf_key().digest.tolist() != chain.node_key().digest.tolist()
