"""The Solidity verifier of SNARKs on a real EVM, against proofs that one of its checks alone refuses."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from web3.contract import Contract

from proving.snark import verifier
from proving.snark.errors import SnarkRefused
from proving.snark.key import SnarkKey
from proving.snark.layout import INSECURE_TEST, NEXT_VALUES, POINTS, PRODUCTION, PROOF_BYTES, VALUES, text_word, words
from proving.snark.points import BASE_MODULUS, pairings_agree
from proving.snark.proof import SnarkProof
from proving.snark.setup.pinned import SETUP_POINT
from proving.snark.statement import batch_inputs
from proving.snark.transcript import Challenges
from tests.contracts.deployment import KEY_SET, PROGRAM, PROTOCOL, Evm, Reverted, artifact
from tests.contracts.simulation import Simulator
from tests.proving.snark.setup.test_ptau import OUTSIDE

OUTPUT = bytes(range(32))
STATEMENT = (PROGRAM, KEY_SET, PROTOCOL, OUTPUT)
CONTRACT = {INSECURE_TEST: "InsecureTestSnarkVerifier", PRODUCTION: "SnarkVerifier"}


def publics(program: bytes, key_set: bytes, protocol_version: int, output: bytes) -> list[int]:
    return batch_inputs(program=program, key_set=key_set, protocol_version=protocol_version, output=output)


def deployed(evm: Evm, key: SnarkKey) -> Contract:
    return evm.deploy(artifact(CONTRACT[key.mark]), key.to_bytes())


def accepts(evm: Evm, contract: Contract, proof: bytes, statement: tuple[object, ...] = STATEMENT) -> bool:
    data = bytes.fromhex(contract.encode_abi("verify", [statement, proof])[2:])
    return evm.call(contract, data)[-1] == 1


@pytest.fixture(scope="module")
def simulator() -> Simulator:
    return Simulator(1)


@pytest.fixture(scope="module")
def contract(evm: Evm, simulator: Simulator) -> Contract:
    return deployed(evm, simulator.key)


@pytest.fixture(scope="module")
def proof(simulator: Simulator) -> bytes:
    return simulator.prove(publics(*STATEMENT))


def test_a_proof_is_accepted_here_and_by_the_verifier_in_python(
    evm: Evm, contract: Contract, simulator: Simulator, proof: bytes
) -> None:
    verifier.verify(proof, publics(*STATEMENT), simulator.key)
    assert accepts(evm, contract, proof)
    assert contract.functions.keyDigest().call() == simulator.key.digest


@pytest.mark.parametrize("position", range(4))
def test_another_statement_is_refused(evm: Evm, contract: Contract, proof: bytes, position: int) -> None:
    statement = list(STATEMENT)
    value = statement[position]
    if isinstance(value, bytes):
        choose = random.Random(position)
        changed = bytearray(value)
        changed[choose.randrange(32)] ^= 1 << choose.randrange(8)
        statement[position] = bytes(changed)
    else:
        statement[position] = PROTOCOL + 1
    assert not accepts(evm, contract, proof, tuple(statement))


def test_halves_of_a_statement_may_not_be_swapped(evm: Evm, contract: Contract, proof: bytes) -> None:
    assert not accepts(evm, contract, proof, (PROGRAM, KEY_SET, PROTOCOL, OUTPUT[16:] + OUTPUT[:16]))


def test_a_proof_under_another_key_is_refused(evm: Evm, contract: Contract) -> None:
    assert not accepts(evm, contract, Simulator(2).prove(publics(*STATEMENT)))


@pytest.mark.parametrize("name", POINTS)
def test_a_point_at_infinity_is_refused(evm: Evm, contract: Contract, simulator: Simulator, name: str) -> None:
    forged = simulator.forge(publics(*STATEMENT), at_infinity=name).to_bytes()
    assert words(0, 0) in forged
    with pytest.raises(Reverted, match="ProofPoint"):
        accepts(evm, contract, forged)


@pytest.mark.parametrize("name", [*VALUES, *(f"{name}'" for name in NEXT_VALUES)])
def test_a_value_that_is_not_reduced_is_refused(evm: Evm, contract: Contract, simulator: Simulator, name: str) -> None:
    forged = simulator.forge(publics(*STATEMENT), unreduced=[name]).to_bytes()
    with pytest.raises(Reverted, match="ProofValue"):
        accepts(evm, contract, forged)


def test_openings_that_were_solved_for_the_last_challenge_are_refused(
    evm: Evm, contract: Contract, simulator: Simulator
) -> None:
    assert not accepts(evm, contract, simulator.forge(publics(*STATEMENT), early_joining=True).to_bytes())


def point_words() -> list[int]:
    """Where the coordinates stand, in words."""
    return [*range(1, 25), *range(41, 45)]


@pytest.mark.parametrize("word", point_words())
def test_a_coordinate_has_one_form_and_points_are_on_the_curve(
    evm: Evm, contract: Contract, proof: bytes, word: int
) -> None:
    at = 32 * word
    coordinate = int.from_bytes(proof[at : at + 32], "big")
    for changed in (coordinate + BASE_MODULUS, coordinate ^ 1, BASE_MODULUS - 1, 2**256 - 1):
        with pytest.raises(Reverted, match="ProofPoint"):
            accepts(evm, contract, proof[:at] + words(changed) + proof[at + 32 :])


def test_a_reflected_point_is_refused(evm: Evm, contract: Contract, proof: bytes) -> None:
    """It is on the curve and canonical."""
    y = int.from_bytes(proof[64:96], "big")
    assert not accepts(evm, contract, proof[:64] + words(BASE_MODULUS - y) + proof[96:])


def test_a_changed_value_is_refused(evm: Evm, contract: Contract, proof: bytes) -> None:
    at = random.Random(0).randrange(25 * 32 + 1, 41 * 32)
    assert not accepts(evm, contract, proof[:at] + bytes([proof[at] ^ 1]) + proof[at + 1 :])


@pytest.mark.parametrize(
    "change", [lambda p: p[:-1], lambda p: p + b"\0", lambda p: p[:-32], lambda p: b"", lambda p: p * 2]
)
def test_a_proof_has_one_length(evm: Evm, contract: Contract, proof: bytes, change: object) -> None:
    changed = change(proof)  # type: ignore[operator]
    assert len(changed) != PROOF_BYTES
    with pytest.raises(Reverted, match="ProofLength"):
        accepts(evm, contract, changed)


def test_marks_are_held_apart(kept: Evm, contract: Contract, proof: bytes, simulator: Simulator) -> None:
    for mark in (PRODUCTION, "insecure-tes"):
        with pytest.raises(Reverted, match="ProofMark"):
            accepts(kept, contract, text_word(mark) + proof[32:])
    with pytest.raises(Reverted, match="KeyMark"):
        kept.deploy(artifact("SnarkVerifier"), simulator.key.to_bytes())
    pinned = replace(simulator.key, mark=PRODUCTION, setup_point=SETUP_POINT)
    with pytest.raises(Reverted, match="KeyMark"):
        kept.deploy(artifact("InsecureTestSnarkVerifier"), pinned.to_bytes())
    production = deployed(kept, pinned)
    assert contract.functions.insecureTest().call() is True
    assert production.functions.insecureTest().call() is False
    with pytest.raises(Reverted, match="ProofMark"):
        accepts(kept, production, proof)


@pytest.mark.parametrize(
    ("word", "value", "error"),
    [
        (0, 0, "KeyTag"),
        (2, 0, "KeyShape"),
        (2, 4, "KeyShape"),
        (2, 24, "KeyShape"),
        (2, 1 << 29, "KeyShape"),
        (3, 6, "KeyShape"),
        (4, 1, "KeyPoint"),
        (37, BASE_MODULUS, "KeyPoint"),
        (38, 1, "KeyPoint"),
        (41, 0, "KeyPoint"),
    ],
)
def test_keys_are_checked_when_they_are_deployed(
    kept: Evm, simulator: Simulator, word: int, value: int, error: str
) -> None:
    key = bytearray(simulator.key.to_bytes())
    key[32 * word : 32 * word + 32] = words(value)
    with pytest.raises(Reverted, match=error):
        kept.deploy(artifact("InsecureTestSnarkVerifier"), bytes(key))
    with pytest.raises(Reverted, match="KeyLength"):
        kept.deploy(artifact("InsecureTestSnarkVerifier"), bytes(key) + bytes(32))


def test_a_setup_point_outside_the_group_is_refused(kept: Evm, simulator: Simulator) -> None:
    """It is on the twist: only its order is wrong."""
    x_real, x_imaginary, y_real, y_imaginary = OUTSIDE
    key = simulator.key.to_bytes()[: 32 * 38] + words(x_imaginary, x_real, y_imaginary, y_real)
    with pytest.raises(Reverted, match="KeyPoint"):
        kept.deploy(artifact("InsecureTestSnarkVerifier"), key)


@pytest.mark.parametrize(
    "forgery",
    [
        *({"at_infinity": name} for name in ("a", "z", "W", "W'")),
        {"unreduced": [*VALUES, "a'"]},
        {"early_joining": True},
    ],
    ids=str,
)
def test_each_forgery_is_one_check_away_from_a_proof(
    simulator: Simulator, forgery: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the checks of form and with an early last challenge, the equations hold."""
    forged = simulator.forge(publics(*STATEMENT), **forgery)
    with pytest.raises(SnarkRefused):
        verifier.verify(forged.to_bytes(), publics(*STATEMENT), simulator.key)
    if "early_joining" in forgery:
        drawn = verifier.draw_challenges

        def early(proof: SnarkProof, *rest: Any) -> tuple[Challenges, int, int]:
            challenges, batching, _ = drawn(proof, *rest)
            return challenges, batching, batching

        monkeypatch.setattr(verifier, "draw_challenges", early)
    equation = verifier.reduce(forged, publics(*STATEMENT), simulator.key)
    assert pairings_agree(equation.left, simulator.key.setup_point, equation.right)
