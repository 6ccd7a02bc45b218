"""A batch whose program makes requests: every proof of it, and what its stages refuse."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from proving import stages
from proving.backend.interface import PRIME
from proving.circuits.arith256 import ARITH256
from proving.circuits.requests import RequestType, empty_chain
from proving.circuits.served import SERVED
from proving.machine.program import Program
from proving.stages.aggregation import ChainBroken, ChildRefused
from proving.stages.recursion_witness import RecursionWitness
from proving.stages.requests import Part, parts, proves_requests
from proving.stages.rounds import Round, tree
from proving.stages.statement import MalformedStatement
from runtime.errors import ArtifactError, InvalidInput
from runtime.protocol import PROTOCOL_VERSION
from tests.proving.machine import assembler as asm
from tests.proving.machine.main_vm.segments import requesting_all
from tests.proving.stages.batch import PROFILE, Batch, prove_all

NUMBERS = np.random.default_rng(3).integers(0, 2**32, size=(7, 32), dtype=np.uint32)


@cache
def batch() -> Batch:
    words, advice = requesting_all()
    data = b"".join(word.to_bytes(4, "little") for word in advice)
    return prove_all(asm.elf([*words[:-1], asm.HALT]), data, size_class=12)


def test_a_run_with_requests_ends_in_one_proof() -> None:
    made = batch()
    program = Program.from_elf(made.elf)
    shown = stages.verify_batch(made.proofs[-1], program_commitment=program.commitment, profile=PROFILE)
    assert shown.output == made.told.final.output()
    for kind in RequestType:
        asked = not np.array_equal(made.told.final.requests[kind], empty_chain(kind))
        assert asked is (kind in {served.kind for served in SERVED.values()})


def place(made: Round, depth: int = 0, circuit_type: str = "") -> int:
    steps = tree(1, dict.fromkeys(SERVED, 1))
    return next(
        number
        for number, step in enumerate(steps)
        if (step.round, step.depth, step.circuit_type) == (made, depth, circuit_type)
    )


def witness(made: Round, children: list[bytes], statement: bytes | None = None) -> bytes:
    return stages.recursive_witness(made, children, statement=statement or batch().statement, profile=PROFILE)


def test_a_tip_is_no_tie() -> None:
    proofs = batch().proofs
    with pytest.raises(ChainBroken, match="with all requests shown"):
        witness(Round.SCHEDULER, [proofs[place(Round.TIP)]])


def test_a_tie_takes_a_tip_and_a_chain_of_requests() -> None:
    proofs = batch().proofs
    tip, tie = proofs[place(Round.TIP)], proofs[place(Round.TIP, 1)]
    segment, chain = (proofs[place(Round.LEAF, 0, kind)] for kind in ("main_vm", ARITH256.name))
    for children in ([chain, tip], [tip, tip], [segment, chain]):
        with pytest.raises(ChildRefused):
            witness(Round.TIP, children)
    for children in ([tip, segment], [tie, chain]):
        with pytest.raises(ChainBroken):
            witness(Round.TIP, children)
    with pytest.raises(ChainBroken):
        witness(Round.TIP, [chain])


@pytest.mark.parametrize("number", [0, len(RequestType) + 1, PRIME - 1])
def test_a_tie_of_a_type_of_no_requests_is_refused(number: int) -> None:
    told = RecursionWitness.unpack(batch().witnesses[place(Round.TIP, 1)])
    tip, chain = told.children
    other = replace(chain, publics=np.append(chain.publics[:-1], np.uint64(number)))
    with pytest.raises(InvalidInput, match=f"type {number}"):
        stages.recursive_vectors(replace(told, children=(tip, other)).pack(protocol=PROTOCOL_VERSION))


def test_a_witness_of_what_its_circuit_does_not_take_is_refused() -> None:
    told = RecursionWitness.unpack(batch().witnesses[place(Round.TIP, 1)])
    tip, chain = told.children
    changes: list[dict[str, object]] = [
        *({"children": children} for children in ((), (tip,), (chain, tip), (tip, tip), (tip, chain, chain))),
        {"children": (tip, replace(chain, circuit="none"))},
        {"children": (tip, replace(chain, publics=chain.publics[:0]))},
        {"publics": told.publics[:-1]},
        {"circuit": "none"},
        {"circuit": ARITH256.name},
        {"profile": "none"},
    ]  # fmt: skip
    for change in changes:
        with pytest.raises(InvalidInput):
            stages.recursive_vectors(replace(told, **change).pack(protocol=PROTOCOL_VERSION))


def test_a_node_joins_one_type() -> None:
    proofs = batch().proofs
    segment, chain = (proofs[place(Round.LEAF, 0, kind)] for kind in ("main_vm", ARITH256.name))
    with pytest.raises(ChainBroken):
        witness(Round.NODE, [segment, chain])


def test_a_statement_with_other_requests_is_not_tied() -> None:
    proofs, told = batch().proofs, batch().told
    requests = told.final.requests.copy()
    requests[ARITH256.kind, 0] += np.uint64(1)
    other = replace(told, final=replace(told.final, requests=requests)).encode()
    with pytest.raises(ChainBroken):
        witness(Round.TIP, [proofs[place(Round.TIP)], proofs[place(Round.LEAF, 0, ARITH256.name)]], other)


def test_parts_stand_behind_each_other_on_the_chain() -> None:
    whole = parts(ARITH256, [NUMBERS], 7)
    cut = parts(ARITH256, [NUMBERS[:2], NUMBERS[2:2], NUMBERS[2:]], 3)
    assert [len(part.inputs) for part in cut] == [3, 3, 1]
    assert np.array_equal(cut[0].publics[:4], empty_chain(ARITH256.kind))
    for before, after in pairwise(cut):
        assert np.array_equal(before.publics[4:], after.publics[:4])
    assert np.array_equal(cut[-1].publics[4:], whole[0].publics[4:])
    assert parts(ARITH256, [], 7) == []


def test_a_part_survives_its_bytes_and_others_are_refused() -> None:
    (part,) = parts(ARITH256, [NUMBERS], 7)
    found = Part.from_bytes(part.to_bytes())
    assert found.circuit == part.circuit
    assert np.array_equal(found.publics, part.publics) and np.array_equal(found.inputs, part.inputs)
    cut = {"inputs": NUMBERS[:1, :31]}
    for change in ({"inputs": NUMBERS[:0]}, cut, {"circuit": "none"}):
        with pytest.raises(MalformedStatement):
            Part.from_bytes(replace(part, **change).to_bytes())
    with pytest.raises(ArtifactError):
        Part.from_bytes(part.to_bytes()[:-1])


def test_a_part_that_ends_elsewhere_is_not_proven() -> None:
    (part,) = parts(ARITH256, [NUMBERS], 7)
    other = replace(part, publics=part.publics + np.uint64(1))
    with pytest.raises(InvalidInput, match="do not lead"):
        stages.prove_requests(other.to_bytes(), profile=PROFILE)


def test_a_kept_proof_is_compared_with_its_part() -> None:
    made = batch()
    basic = place(Round.BASIC, 0, ARITH256.name)
    proof, part = made.proofs[basic], made.witnesses[basic]
    assert proves_requests(proof, part, profile=PROFILE)
    (other,) = parts(ARITH256, [NUMBERS], 7)
    assert not proves_requests(proof, other.to_bytes(), profile=PROFILE)
    assert not proves_requests(made.proofs[place(Round.LEAF, 0, ARITH256.name)], part, profile=PROFILE)
