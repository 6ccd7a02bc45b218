"""A proof has one form: every other is refused, and would be accepted by a verifier that did not look."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from proving.snark import points, proof, verifier
from proving.snark import prover as prover_module
from proving.snark.bn254.field import Elements
from proving.snark.errors import (
    SnarkChallenge,
    SnarkLength,
    SnarkMark,
    SnarkNonCanonical,
    SnarkPairing,
    SnarkPoint,
    SnarkPublicInput,
    SnarkRefused,
)
from proving.snark.layout import NEXT_VALUES, POINTS, PRODUCTION, PROOF_BYTES, QUOTIENT, VALUES, WORD, text_word
from proving.snark.points import BASE_MODULUS, SCALAR_MODULUS, Point
from proving.snark.proof import SnarkProof
from proving.snark.prover import prove
from proving.snark.proving_key import commit, make_key
from proving.snark.setup import insecure
from proving.snark.transcript import Transcript
from tests.forgeries.snark.forger import accepts, prover_of
from tests.proving.snark.circuits import Case, every_gate


@pytest.fixture(scope="module")
def case() -> Case:
    return every_gate()


@pytest.fixture(scope="module")
def right(case: Case) -> bytes:
    return prover_of(case).prove()


def test_the_right_proof_is_accepted(case: Case, right: bytes) -> None:
    assert accepts(right, case.public_inputs, case.proving_key.key)
    verifier.verify(right, case.public_inputs, case.proving_key.key)


def test_trailing_and_missing_bytes(case: Case, right: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    for length in (0, 1, WORD, PROOF_BYTES - WORD, PROOF_BYTES - 1):
        with pytest.raises(SnarkLength):
            SnarkProof.from_bytes(right[:length])
    longer = right + bytes(WORD)
    with pytest.raises(SnarkLength):
        verifier.verify(longer, case.public_inputs, case.proving_key.key)
    monkeypatch.setattr(proof, "PROOF_BYTES", len(longer))
    assert accepts(longer, case.public_inputs, case.proving_key.key)


def test_another_mark(case: Case, right: bytes) -> None:
    other = text_word(PRODUCTION) + right[WORD:]
    with pytest.raises(SnarkMark, match=r"expected insecure-test, got production"):
        verifier.verify(other, case.public_inputs, case.proving_key.key)
    unlooked = replace(SnarkProof.from_bytes(other), mark=case.proving_key.key.mark)
    assert accepts(unlooked, case.public_inputs, case.proving_key.key)
    with pytest.raises(SnarkMark):
        SnarkProof.from_bytes(bytes(WORD) + right[WORD:])


class Aliased(Transcript):
    """A forger's transcript, of a proof that names one element by another number."""

    def absorb_points(self, points: Sequence[Point]) -> None:
        (x, y), *rest = points
        super().absorb_points([(x + self.point_alias, y), *rest])

    def absorb_values(self, values: Sequence[int]) -> None:
        first, *rest = values
        super().absorb_values([first + self.value_alias, *rest])

    point_alias = 0
    value_alias = 0


def test_a_value_that_is_not_reduced(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    forger = prover_of(case)
    forger._transcript = Aliased(case.proving_key.key.digest, case.public_inputs)
    forger._transcript.value_alias = SCALAR_MODULUS
    made = SnarkProof.from_bytes(forger.prove())
    forged = replace(made, values=made.values | {"a": made.values["a"] + SCALAR_MODULUS}).to_bytes()
    with pytest.raises(SnarkNonCanonical, match="value of a"):
        verifier.verify(forged, case.public_inputs, case.proving_key.key)
    monkeypatch.setattr(proof, "SCALAR_MODULUS", 1 << 256)
    assert accepts(forged, case.public_inputs, case.proving_key.key)


def test_a_coordinate_that_is_not_reduced(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    forger = prover_of(case)
    forger._transcript = Aliased(case.proving_key.key.digest, case.public_inputs)
    forger._transcript.point_alias = BASE_MODULUS
    made = SnarkProof.from_bytes(forger.prove())
    aliases = {}
    for name in ("a", "z", "t_0", "W"):
        x, y = made.points[name]
        aliases[name] = (x + BASE_MODULUS, y)
    forged = replace(made, points=made.points | aliases).to_bytes()
    with pytest.raises(SnarkNonCanonical, match=r"coordinate of \[a\]"):
        verifier.verify(forged, case.public_inputs, case.proving_key.key)
    monkeypatch.setattr(proof, "BASE_MODULUS", 1 << 256)
    monkeypatch.setattr(proof, "on_curve", lambda p: points.on_curve((p[0] % BASE_MODULUS, p[1] % BASE_MODULUS)))
    equation = verifier.reduce(SnarkProof.from_bytes(forged), case.public_inputs, case.proving_key.key)
    assert points.pairings_agree(equation.left, case.proving_key.key.setup_point, equation.right)


@pytest.mark.parametrize("row", range(3))
def test_a_public_input_that_is_not_reduced(case: Case, row: int) -> None:
    aliased = list(case.public_inputs)
    aliased[row] += SCALAR_MODULUS
    forger = prover_of(case)
    forger._transcript = Transcript(case.proving_key.key.digest, aliased)
    forged = forger.prove()
    with pytest.raises(SnarkPublicInput, match="not below"):
        verifier.verify(forged, aliased, case.proving_key.key)
    assert _accepts_any_number(forged, aliased, case)


def _accepts_any_number(forged: bytes, publics: list[int], case: Case) -> bool:
    """A verifier that does not look at the range: the transcript has the numbers as they are, sums are modulo r."""

    class Unlooked(Transcript):
        def __init__(self, digest: bytes, _: Sequence[int]) -> None:
            super().__init__(digest, publics)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verifier, "Transcript", Unlooked)
        return accepts(forged, [x % SCALAR_MODULUS for x in publics], case.proving_key.key)


def test_a_negative_public_input(case: Case, right: bytes) -> None:
    with pytest.raises(SnarkPublicInput):
        verifier.verify(right, [-1, *case.public_inputs[1:]], case.proving_key.key)


def test_more_and_fewer_public_inputs(case: Case) -> None:
    key = case.proving_key.key
    for publics in ([*case.public_inputs, 0], case.public_inputs[:-1]):
        forger = prover_of(case)
        forger._transcript = Transcript(key.digest, publics)
        forged = forger.prove()
        with pytest.raises(SnarkPublicInput, match="has 3 public inputs, not"):
            verifier.verify(forged, publics, key)
        if len(publics) > key.public_inputs:
            unlooked = replace(key, public_inputs=len(publics))
            unlooked.__dict__["digest"] = key.digest
            assert accepts(forged, publics, unlooked)


@pytest.mark.parametrize("infinity", [False, True])
def test_a_point_off_the_curve_and_one_at_infinity(infinity: bool) -> None:
    """[t_4] becomes a point that its even factor takes to zero; what it stood for moves into a longer t_3."""
    case = every_gate()
    rows = case.circuit.rows
    longer = insecure.make(2 * rows, secret=2**77 + 1)
    proving_key = replace(make_key(case.circuit, longer), powers=longer.powers)
    key = proving_key.key

    class Forger(prover_module.Prover):
        def _round(self, found: dict[str, Elements]) -> None:  # type: ignore[override]
            if "t_4" not in found:
                super()._round(found)
                return
            joined = np.concatenate([found["t_3"], found["t_4"]])
            zero = np.zeros_like(found["t_4"])
            self._committed.update(found | {"t_3": joined, "t_4": zero})
            self._committed = {n: np.resize(np.r_[c, zero], joined.shape) for n, c in self._committed.items()}
            for name in QUOTIENT:
                self._points[name] = commit(longer.powers, self._committed[name])
            self._points["t_4"] = (0, 0) if infinity else off_curve
            self._transcript.absorb_points([self._points[name] for name in QUOTIENT])

    for x in range(1, 50):
        off_curve = (x, 0)
        forged = Forger(proving_key, case.public_inputs, case.wires()).prove()
        with pytest.raises(SnarkPoint, match=r"\[t_4\]"):
            verifier.verify(forged, case.public_inputs, key)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(proof, "on_curve", lambda _: True)
            try:
                verifier.verify(forged, case.public_inputs, key)
            except (SnarkPairing, ValueError):
                continue  # the factor was odd
        break
    else:
        pytest.fail("no forgery")


def test_every_byte_changed_is_refused(case: Case, right: bytes) -> None:
    generator = random.Random(1)
    for place in range(PROOF_BYTES):
        changed = bytearray(right)
        changed[place] ^= 1 << generator.randrange(8)
        try:
            assert not accepts(bytes(changed), case.public_inputs, case.proving_key.key), place
        except SnarkRefused:
            continue


def test_every_point_negated_or_exchanged_is_refused(case: Case, right: bytes) -> None:
    made = SnarkProof.from_bytes(right)
    for name, other in zip(POINTS, (*POINTS[1:], POINTS[0]), strict=True):
        x, y = made.points[name]
        for point in ((x, BASE_MODULUS - y), made.points[other]):
            changed = replace(made, points=made.points | {name: point})
            assert not accepts(changed, case.public_inputs, case.proving_key.key), name


def test_every_value_changed_is_refused(case: Case, right: bytes) -> None:
    made = SnarkProof.from_bytes(right)
    for name in VALUES:
        changed = replace(made, values=made.values | {name: (made.values[name] + 1) % SCALAR_MODULUS})
        assert not accepts(changed, case.public_inputs, case.proving_key.key), name
    for name in NEXT_VALUES:
        changed = replace(made, next_values=made.next_values | {name: (made.next_values[name] + 1) % SCALAR_MODULUS})
        assert not accepts(changed, case.public_inputs, case.proving_key.key), name


def test_other_public_inputs_are_refused(case: Case, right: bytes) -> None:
    x, y, z = case.public_inputs
    for publics in ([y, x, z], [x, z, y], [z, x, y], [x, y, z + 1], [0, 0, 0]):
        assert not accepts(right, publics, case.proving_key.key)
    with pytest.raises(SnarkPairing):
        verifier.verify(right, [y, x, z], case.proving_key.key)


def test_another_key_refuses(case: Case, right: bytes) -> None:
    key = case.proving_key.key
    commitments = key.commitments | {"q_ab": key.commitments["q_cd"], "q_cd": key.commitments["q_ab"]}
    for other in (replace(key, commitments=commitments), replace(key, rows=2 * key.rows)):
        assert not accepts(right, case.public_inputs, other)
    with pytest.raises(SnarkPairing):
        verifier.verify(right, case.public_inputs, make_key(case.circuit, insecure.make(case.circuit.rows)).key)


def test_a_proof_is_a_function_of_key_and_witness(case: Case, right: bytes) -> None:
    assert prove(case.proving_key, case.public_inputs, case.inputs) == right


@pytest.mark.parametrize("power", [0, 1, 63])
def test_an_evaluation_point_in_the_trace_domain_is_refused(
    case: Case, right: bytes, power: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = points.root_of_unity(case.circuit.rows)
    monkeypatch.setattr(Transcript, "challenge", lambda *_: pow(root, power, SCALAR_MODULUS))
    with pytest.raises(SnarkChallenge):
        verifier.verify(right, case.public_inputs, case.proving_key.key)
