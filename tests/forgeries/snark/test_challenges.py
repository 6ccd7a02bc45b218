"""Every message of the transcript is needed: without it, a false statement has a proof.

No forger here knows the setup's secret. Each one proves the same statement: the right one with another first public
input, or a number with more bits than it may have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from eth_hash.auto import keccak

from proving.snark import prover, verifier
from proving.snark.bn254 import curve, polynomials
from proving.snark.bn254.field import FR, Elements
from proving.snark.columns import Column
from proving.snark.equations import COSETS, lagrange, linearisation, openings, product_of_others
from proving.snark.layout import (
    NEXT_VALUES,
    OPENING,
    OPENING_NEXT,
    PERMUTATION,
    PRODUCT,
    QUOTIENT,
    SUM,
    TABLE,
    VALUES,
    WIRES,
)
from proving.snark.points import GENERATOR_1, SCALAR_MODULUS, Point, combine, root_of_unity
from proving.snark.proof import SnarkProof
from proving.snark.transcript import Challenges, Transcript
from tests.forgeries.snark.forger import Forgetful, accepts, false_statement, pairing_accepts, too_many_bits
from tests.proving.snark.circuits import Case, every_gate

PUBLIC_INPUTS, WITNESS, PRODUCTS, QUOTIENTS, VALUES_MESSAGE, OPENINGS = range(6)


@pytest.fixture(scope="module")
def case() -> Case:
    return every_gate()


class Forger(prover.Prover):
    """Knows which message its verifier forgets, and is otherwise a prover of a false statement."""

    forgotten = PUBLIC_INPUTS

    def __init__(self, case: Case, publics: list[int], wires: Mapping[str, Elements]) -> None:
        super().__init__(case.proving_key, publics, wires)
        self._transcript = Forgetful(case.proving_key.key.digest, publics, self.forgotten)


def check(forged: bytes, case: Case, publics: list[int], forgotten: int) -> None:
    """The verifier that forgets a message accepts, the right one does not."""
    key = case.proving_key.key
    assert not accepts(forged, publics, key)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verifier, "Transcript", lambda digest, inputs: Forgetful(digest, inputs, forgotten))
        assert accepts(forged, publics, key)
        assert pairing_accepts(forged, publics, key)


def test_a_verifier_that_forgets_nothing_accepts_no_forgery_of_these(case: Case) -> None:
    publics = false_statement(case)
    forged = Forger(case, publics, case.wires())
    forged._transcript = Transcript(case.proving_key.key.digest, publics)
    assert not accepts(forged.prove(), publics, case.proving_key.key)


def test_public_inputs(case: Case) -> None:
    """Two inputs change so that their polynomial has the same value at the evaluation point."""
    key = case.proving_key.key
    forged = Forger(case, case.public_inputs, case.wires()).prove()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verifier, "Transcript", lambda digest, inputs: Forgetful(digest, inputs, PUBLIC_INPUTS))
        challenges, _, _ = verifier.draw_challenges(SnarkProof.from_bytes(forged), case.public_inputs, key)
    root = root_of_unity(key.rows)
    first, second = (lagrange(key.rows, row, root, challenges.point) for row in range(2))
    x, y, z = case.public_inputs
    check(forged, case, [(x + second) % SCALAR_MODULUS, (y - first) % SCALAR_MODULUS, z], PUBLIC_INPUTS)


def test_commitments_to_wires_and_multiplicities(case: Case) -> None:
    """Who knows the lookup's challenge takes one multiplicity that is no number of times."""

    class Chosen(Forger):
        forgotten = WITNESS

        def _multiplicities(self) -> Elements:
            challenge = Forgetful(case.proving_key.key.digest, publics, WITNESS)
            challenge.absorb_points([])
            alpha, columns = challenge.challenge(2), self._proving_key.columns
            looked_up = [Column(self._wires[name][columns["q_r"].any(axis=1)]) + alpha for name in WIRES]
            total = sum(x for column in looked_up for x in FR.decode(column.inverse().array))
            [listed] = FR.decode(columns[TABLE][:1])
            result = np.zeros((self._rows, 4), dtype=np.uint64)
            result[0] = FR.scalar(total * (alpha + listed) % SCALAR_MODULUS)
            return result

    publics, wires = too_many_bits(case)
    check(Chosen(case, publics, wires).prove(), case, publics, WITNESS)


def test_commitments_to_product_and_sum(case: Case) -> None:
    """Who knows the joining challenge lets the running sum absorb what other constraints break.

    Row 0 breaks C0 by one. The sum's difference there makes up for it; a changed product in another row, made up for in
    the same way, is chosen so that all differences still add up to zero.
    """
    publics = false_statement(case)

    class Chosen(Forger):
        forgotten = PRODUCTS

        def _product(self, challenges: Challenges) -> Elements:
            joining = Forgetful(case.proving_key.key.digest, publics, PRODUCTS)
            for _ in range(2):
                joining.absorb_points([self._points[name] for name in (*WIRES, "m")])
            e = joining.challenge()
            product = super()._product(challenges)
            columns, labels = self._proving_key.columns, self._proving_key.circuit.labels()
            beta, gamma, alpha = challenges.permutation, challenges.shift, challenges.lookup
            wires = [Column(self._wires[name]) for name in WIRES]
            own = [Column(labels[j * self._rows : (j + 1) * self._rows]) for j in range(len(COSETS))]
            upper, _ = product_of_others([w + x * beta + gamma for w, x in zip(wires, own, strict=True)])
            lower, _ = product_of_others(
                [w + Column(columns[n]) * beta + gamma for w, n in zip(wires, PERMUTATION, strict=True)]
            )
            looked_up, _ = product_of_others([w + alpha for w in wires])
            scale = ((looked_up * (Column(columns[TABLE]) + alpha)).inverse() * pow(-(e**6), -1, SCALAR_MODULUS)).array

            def differences(changed: int) -> tuple[Elements, Elements]:
                tried = product.copy()
                tried[5] = FR.scalar(changed)
                rows = Column(tried) * upper - Column(np.roll(tried, -1, axis=0)) * lower
                broken = (rows * e**4).array
                broken[0] = FR.subtract(broken[0], FR.scalar(1))
                return tried, FR.multiply(broken, scale)

            totals = [sum(FR.decode(differences(changed)[1])) for changed in (0, 1)]
            changed = totals[0] * pow(totals[0] - totals[1], -1, SCALAR_MODULUS) % SCALAR_MODULUS
            tried, self._absorbed = differences(changed)
            return tried

        def _sum(self, challenges: Challenges) -> Elements:
            right = super()._sum(challenges)
            steps = polynomials.coefficients(self._absorbed)
            powers = Column(FR.powers(FR.scalar(root_of_unity(self._rows)), self._rows))
            return (Column(right) + Column(steps) * (powers - 1).inverse()).array

    check(Chosen(case, publics, case.wires()).prove(), case, publics, PRODUCTS)


def test_commitments_to_the_quotient(case: Case) -> None:
    """Who knows the evaluation point takes any quotient with the value that is needed there."""
    publics = false_statement(case)

    class Chosen(Forger):
        forgotten = QUOTIENTS

        def _round(self, found: Mapping[str, Elements]) -> None:
            if "t_0" not in found:
                super()._round(found)
                return
            chosen = {name: FR.encode([0, 1] + [0] * (self._rows - 2)) for name in QUOTIENT}
            point = Forgetful(case.proving_key.key.digest, publics, QUOTIENTS)
            point.absorb_points([self._points[name] for name in (*WIRES, "m")])
            point.absorb_points([self._points[name] for name in (PRODUCT, SUM)])
            e = point.challenge()
            point.absorb_points([])
            y = point.challenge()
            beta, gamma, alpha = self._drawn
            wrong = self._wrong_by(self._committed | chosen, Challenges(beta, gamma, alpha, e, y))
            vanishing = pow(y, self._rows, SCALAR_MODULUS) - 1
            chosen["t_0"][0] = FR.scalar(wrong * pow(vanishing, -1, SCALAR_MODULUS) % SCALAR_MODULUS)
            super()._round(chosen)

        def _product(self, challenges: Challenges) -> Elements:
            self._drawn = challenges.permutation, challenges.shift, challenges.lookup
            return super()._product(challenges)

        def _wrong_by(self, committed: Mapping[str, Elements], challenges: Challenges) -> int:
            """The linearisation's value and constant, which should add up to zero."""
            y, root = challenges.point, root_of_unity(self._rows)
            factors, constant = linearisation(
                {name: polynomials.evaluate(committed[name], y) for name in VALUES},
                {name: polynomials.evaluate(committed[name], root * y) for name in NEXT_VALUES},
                rows=self._rows,
                first=lagrange(self._rows, 0, root, y),
                publics=-sum(x * lagrange(self._rows, row, root, y) for row, x in enumerate(publics)) % SCALAR_MODULUS,
                challenges=challenges,
            )
            return constant + sum(f * polynomials.evaluate(committed[name], y) for name, f in factors.items())

    check(Chosen(case, publics, case.wires()).prove(), case, publics, QUOTIENTS)


def test_values(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who knows the batching challenge claims a wrong value that makes up for the others in the combination."""
    publics = false_statement(case)

    class Chosen(Forger):
        forgotten = VALUES_MESSAGE

    forger = Chosen(case, publics, case.wires())

    def claimed(values: dict[str, int], next_values: dict[str, int], **named: object) -> tuple[dict[str, int], int]:
        """Solve for the claimed value of s_0, in which the combination is linear."""
        batching = Forgetful(case.proving_key.key.digest, publics, VALUES_MESSAGE)
        for names in prover.ROUNDS:
            batching.absorb_points([forger._points[name] for name in names])
        batching.absorb_values([])
        v, y = batching.challenge(), named["challenges"].point  # type: ignore[attr-defined]
        true = {name: polynomials.evaluate(column, y) for name, column in forger._committed.items()}

        def wrong_by(value: int) -> int:
            values["s_0"] = value
            linear = linearisation(values, next_values, **named)  # type: ignore[arg-type]
            here, _ = openings(linear, values, next_values, v)
            return sum(factor * true[name] for name, factor in here.factors.items()) - here.value

        zero, one = wrong_by(0), wrong_by(1)
        values["s_0"] = zero * pow(zero - one, -1, SCALAR_MODULUS) % SCALAR_MODULUS
        return linearisation(values, next_values, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(prover, "linearisation", claimed)
    check(forger.prove(), case, publics, VALUES_MESSAGE)


def test_opening_commitments(case: Case) -> None:
    """The last challenge attack: who knows what joins the two points solves for the two commitments."""
    key, publics = case.proving_key.key, false_statement(case)

    class Chosen(Forger):
        forgotten = OPENINGS

    forger = Chosen(case, publics, case.wires())
    made = SnarkProof.from_bytes(forger.prove())
    joining = Forgetful(key.digest, publics, OPENINGS)
    for names in prover.ROUNDS:
        joining.absorb_points([made.points[name] for name in names])
    joining.absorb_values([*made.values.values(), *made.next_values.values()])
    joining.absorb_points([])
    u = joining.challenge()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verifier, "Transcript", lambda digest, inputs: Forgetful(digest, inputs, OPENINGS))
        challenges, _, drawn = verifier.draw_challenges(made, publics, key)
        assert drawn == u
        # With both openings G, the right side is what the proof's other parts contribute, and two known terms.
        openings_g = replace(made, points=made.points | {OPENING: GENERATOR_1, OPENING_NEXT: GENERATOR_1})
        right = verifier.reduce(openings_g, publics, key).right
    y, y_next = challenges.point, root_of_unity(key.rows) * challenges.point
    rest: Point = combine([(1, right), (-(y + u * y_next), GENERATOR_1)])
    # Let [W] + u [W'] be G, whose product with the secret is the setup's second power.
    [second] = curve.decode(case.proving_key.powers[1:2])
    scale = pow(u * (y_next - y), -1, SCALAR_MODULUS)
    opening_next = combine([(scale, second), (-y * scale, GENERATOR_1), (-scale, rest)])
    opening = combine([(1, GENERATOR_1), (-u, opening_next)])
    forged = replace(made, points=made.points | {OPENING: opening, OPENING_NEXT: opening_next})
    check(forged.to_bytes(), case, publics, OPENINGS)


def test_the_key_opens_the_transcript(case: Case) -> None:
    """Each word of the key changes every challenge."""
    key = case.proving_key.key
    right = Transcript(key.digest, case.public_inputs).challenge()
    data = key.to_bytes()
    for word in range(0, len(data), 32):
        changed = bytes(keccak(data[:word] + bytes([data[word] ^ 1]) + data[word + 1 :]))
        assert Transcript(changed, case.public_inputs).challenge() != right
    assert key.digest == bytes(keccak(data))
