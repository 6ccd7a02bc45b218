"""The verifier as a circuit of the SNARK: it accepts what the verifier accepts, and refuses what it refuses."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from proving.backend.interface import PRIME
from proving.hash import DIGEST
from proving.snark import verifier
from proving.snark.arithmetic import SnarkArithmetic
from proving.snark.bn254.field import FR
from proving.snark.builder import Builder
from proving.snark.circuit import Circuit
from proving.snark.errors import SnarkRefused, WitnessRefused
from proving.snark.hints import RatioStep
from proving.snark.points import SCALAR_MODULUS
from proving.snark.prover import prove
from proving.snark.proving_key import ProvingKey, make_key
from proving.snark.removal import Adversary
from proving.snark.setup import insecure
from proving.snark.statement import batch_inputs
from proving.snark.wrap import CLAIM_WORDS, claim_inputs, require_proof, wrap_inputs, write_wrap
from proving.stark.arithmetic import Words
from proving.stark.errors import ProofRefused
from proving.stark.proof import Proof, assemble, serialize
from proving.stark.verifier import verify
from tests.contracts.deployment import LocalEvm, artifact
from tests.proving.snark.last_layer import TINY, Made, claim, claim_key, everything
from tests.proving.snark.rows import forge


@dataclass(frozen=True)
class Written:
    """The circuit that verifies proofs like one that was made."""

    made: Made
    circuit: Circuit

    def accepts(self, proof: Proof[Words], publics: Words, changed: dict[int, int] | None = None) -> bool:
        """Whether the witness that a proof gives passes, with some variables set to what a forger likes."""
        return forge(self.circuit, FR.decode(wrap_inputs(publics, proof, self.made.parts)), changed or {})

    def native_accepts(self, proof: Proof[Words], publics: Words) -> bool:
        try:
            verify(self.made.key, TINY, publics, serialize(self.made.shape, proof))
        except ProofRefused:
            return False
        return True


@functools.cache
def written() -> Written:
    made = everything()
    builder = Builder()
    builder.public_input()
    arithmetic = SnarkArithmetic(builder)
    require_proof(arithmetic, made.key, made.shape, TINY, arithmetic.given((made.key.publics,)))
    return Written(made, builder.compile())


NAMES = [f"{number} {part.name}" for number, part in enumerate(everything().parts)]


def changed_part(made: Made, number: int, place: int) -> Proof[Words]:
    """The proof with one element or digest of a part replaced by the next one."""
    parts = [part.copy() for part in made.proof.parts()]
    flat = parts[number].reshape(-1, 4 if made.parts[number].digests else 1)
    limbs = flat[place].tolist()
    value = sum(limb << 64 * i for i, limb in enumerate(limbs))
    value = (value + 1) % (SCALAR_MODULUS if made.parts[number].digests else PRIME)
    flat[place] = [value >> 64 * i & (1 << 64) - 1 for i in range(len(limbs))]
    return assemble(made.shape, parts, np.zeros((0, 3), dtype=np.uint64))


def test_a_proof_is_accepted_by_both() -> None:
    made = everything()
    assert written().native_accepts(made.proof, made.publics)
    assert written().accepts(made.proof, made.publics)


@pytest.mark.parametrize("number", range(len(NAMES)), ids=NAMES)
@pytest.mark.parametrize("place", [0, -1])
def test_a_changed_part_is_refused_by_both(number: int, place: int) -> None:
    made = everything()
    if not made.parts[number].words:
        pytest.skip("the part is empty")
    proof = changed_part(made, number, place)
    assert not written().native_accepts(proof, made.publics)
    assert not written().accepts(proof, made.publics)


@pytest.mark.parametrize("place", range(3))
def test_another_public_input_is_refused_by_both(place: int) -> None:
    made = everything()
    publics = made.publics.copy()
    publics[place] = (int(publics[place]) + 1) % PRIME
    assert not written().native_accepts(made.proof, publics)
    assert not written().accepts(made.proof, publics)


@pytest.mark.parametrize("name", ["openings", "final polynomial", "main rows", "query nonce"])
def test_no_word_of_the_proof_has_an_alias(name: str) -> None:
    """The word plus p is the same number to every equation, and not to a hash."""
    made, circuit = everything(), written().circuit
    [number] = [number for number, part in enumerate(made.parts) if part.name == name][:1]
    before = made.key.publics + sum(
        part.words // (4 if part.digests else 1) for part in made.parts[:number]
    )  # fmt: skip
    variable = int(circuit.inputs[before])
    word = int(made.proof.parts()[number].reshape(-1)[0])
    assert written().accepts(made.proof, made.publics, {variable: word})
    assert not written().accepts(made.proof, made.publics, {variable: word + PRIME})


def test_another_key_is_refused() -> None:
    made = everything()
    other = dataclasses.replace(made.key, digest=made.key.digest[::-1].copy())
    builder = Builder()
    builder.public_input()
    arithmetic = SnarkArithmetic(builder)
    require_proof(arithmetic, other, made.shape, TINY, arithmetic.given((made.key.publics,)))
    assert not Written(made, builder.compile()).accepts(made.proof, made.publics)


@pytest.mark.parametrize("count", [8, pytest.param(24, marks=pytest.mark.long)])
def test_hints_of_a_whole_proof_cannot_be_changed(count: int) -> None:
    """Single variables of the witness, everything after them computed from them."""
    made, circuit = everything(), written().circuit
    used = np.unique(circuit.wires[circuit.wires >= 0])
    chosen = np.random.default_rng(20).choice(used, count, replace=False)
    values = circuit.fill(FR.encode([5]), wrap_inputs(made.publics, made.proof, made.parts))
    for variable in chosen.tolist():
        [value] = FR.decode(values[[variable]])
        assert not written().accepts(made.proof, made.publics, {variable: value + 1}), variable


# The batch's statement


PROGRAM, KEY_SET = [5, PRIME - 1, 0, 7], [PRIME - 2, 1, 2, 3]
OUTPUT = [2**32 - 1, 0, 1, 2, 3, 4, 5, 2**32 - 1]
WORDS = [*KEY_SET, *PROGRAM, 1, *OUTPUT]


def statement(words: Sequence[int]) -> list[int]:
    """The public inputs that L1 computes for a claim's words."""
    key_set, program = (np.array(part, dtype="<u8").tobytes() for part in (words[:4], words[4:8]))
    output = np.array(words[9:], dtype="<u4").tobytes()
    return batch_inputs(program=program, key_set=key_set, protocol_version=words[8], output=output)


@functools.cache
def wrap_key() -> ProvingKey:
    circuit = write_wrap(claim_key(), TINY).compile()
    return make_key(circuit, insecure.make(circuit.rows))


def inputs_of(made: Made) -> list[int]:
    return FR.decode(wrap_inputs(made.publics, made.proof, made.parts))


@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.long)])
def test_public_inputs_are_those_that_l1_computes(every: int) -> None:
    made, circuit = claim(WORDS), wrap_key().circuit
    expected = statement(WORDS)
    assert forge(circuit, inputs_of(made), {}, expected)
    for place in range(len(expected)):
        other = [value + (i == place) for i, value in enumerate(expected)]
        assert not forge(circuit, inputs_of(made), {}, other)
    for place in range(0, len(WORDS), every):
        words = [word ^ (i == place) for i, word in enumerate(WORDS)]
        assert not forge(circuit, inputs_of(claim(words)), {}, expected)


def test_every_word_that_the_wrap_is_given_is_shown_to_be_below_the_modulus() -> None:
    """The claim's too. A digest is any element, and has no bound to be shown."""
    made, circuit = claim(WORDS), wrap_key().circuit
    sizes = [CLAIM_WORDS, *(part.words // (DIGEST if part.digests else 1) for part in made.parts)]
    words = np.repeat([True, *(not part.digests for part in made.parts)], sizes)
    shown = np.concatenate([step.value for step in circuit.steps if isinstance(step, RatioStep)])
    assert np.isin(circuit.inputs[words], shown).all() and not np.isin(circuit.inputs[~words], shown).any()
    first = int(circuit.inputs[0])
    adversary = Adversary(circuit, statement(WORDS), inputs_of(made))
    [ratio] = [int(step.out[step.value == first][0]) for step in circuit.steps if isinstance(step, RatioStep)
               if first in step.value]  # fmt: skip
    broken = adversary.broken({first: WORDS[0] + PRIME})
    assert any(ratio in adversary.rules.variables(rule) for rule in broken)


def packed_alone() -> tuple[Circuit, list[int]]:
    builder = Builder()
    publics = builder.public_input(7)
    words = SnarkArithmetic(builder).given((len(WORDS),))
    builder.assert_equal(publics, claim_inputs(builder, words))
    circuit = builder.compile()
    return circuit, circuit.inputs.tolist()


@pytest.mark.parametrize(
    "changed",
    [
        # The output's first word has 2^32 more and its second one less, and so in its second half.
        {9: OUTPUT[0] + 2**32, 10: OUTPUT[1] - 1},
        {14: OUTPUT[5] + 2**32, 15: OUTPUT[6] - 1},
        # A digest's word has 2^64 more, or p more, and the next one what makes up for it.
        {4: PROGRAM[0] + 2**64, 5: PROGRAM[1] - 1},
        {2: KEY_SET[2] + 2**64, 3: KEY_SET[3] - 1},
        {4: PROGRAM[0] + PRIME, 5: PROGRAM[1] - PRIME * pow(2, -64, SCALAR_MODULUS)},
        {16: OUTPUT[7] + SCALAR_MODULUS - 2**32, 15: OUTPUT[6] + 2**64},
    ],
)
def test_a_statement_has_one_form(changed: dict[int, int]) -> None:
    circuit, variables = packed_alone()
    assert forge(circuit, WORDS, {}, statement(WORDS))
    forged = {variables[place]: value % SCALAR_MODULUS for place, value in changed.items()}
    assert not forge(circuit, WORDS, forged, statement(WORDS))


def test_a_wrapped_proof_is_accepted_in_python_and_on_the_evm() -> None:
    made, expected = claim(WORDS), statement(WORDS)
    proof = prove(wrap_key(), expected, wrap_inputs(made.publics, made.proof, made.parts))
    verifier.verify(proof, expected, wrap_key().key)
    other = statement([*WORDS[:9], 1, *WORDS[10:]])
    with pytest.raises(SnarkRefused):
        verifier.verify(proof, other, wrap_key().key)
    with pytest.raises(WitnessRefused):
        prove(wrap_key(), other, wrap_inputs(made.publics, made.proof, made.parts))
    evm = LocalEvm()
    contract = evm.deploy(artifact("InsecureTestSnarkVerifier"), wrap_key().key.to_bytes())
    key_set, program = (np.array(part, dtype="<u8").tobytes() for part in (KEY_SET, PROGRAM))
    answers = []
    for output in (OUTPUT, [1, *OUTPUT[1:]]):
        stated = (program, key_set, WORDS[8], np.array(output, dtype="<u4").tobytes())
        data = bytes.fromhex(contract.encode_abi("verify", [stated, proof])[2:])
        answers.append(evm.call(contract, data)[-1])
    assert answers == [1, 0]
