"""Proofs by somebody who knows the setup's secret: accepted for any statement, and shaped as a test wants them.

Whoever knows the secret knows every commitment's logarithm, so both opening proofs can be solved for, whatever the
values are. This is why a test setup is marked; and it gives proofs that only one check of a verifier stands against.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence

from py_ecc import optimized_bn128 as curve

from proving.snark.equations import lagrange, linearisation, openings
from proving.snark.key import SnarkKey
from proving.snark.layout import (
    INSECURE_TEST,
    NEXT_VALUES,
    OPENING,
    OPENING_NEXT,
    PREPROCESSED,
    ROUNDS,
    SUM,
    VALUES,
)
from proving.snark.points import GENERATOR_1, SCALAR_MODULUS, combine, root_of_unity
from proving.snark.proof import SnarkProof
from proving.snark.statement import PUBLIC_INPUTS
from proving.snark.transcript import Challenges, Transcript

R = SCALAR_MODULUS
ROWS = 16


class Simulator:
    """A key whose setup's secret is known, and proofs under it."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._secret = self._element()
        self._logarithms = {name: self._element() for name in PREPROCESSED}
        x, y = curve.normalize(curve.multiply(curve.G2, self._secret))
        self.key = SnarkKey(
            INSECURE_TEST,
            ROWS,
            PUBLIC_INPUTS,
            {name: self._point(value) for name, value in self._logarithms.items()},
            (int(x.coeffs[1]), int(x.coeffs[0]), int(y.coeffs[1]), int(y.coeffs[0])),
        )

    def prove(self, public_inputs: Sequence[int]) -> bytes:
        """Return the bytes of a proof of a statement, whatever it says."""
        return self.forge(public_inputs).to_bytes()

    def forge(
        self,
        public_inputs: Sequence[int],
        *,
        at_infinity: str = "",
        unreduced: Collection[str] = (),
        early_joining: bool = False,
    ) -> SnarkProof:
        """Return a proof that the equations of verification accept.

        Parameters
        ----------
        at_infinity
            A point of the proof that is to be at infinity.
        unreduced
            Values, those of the next row with a prime, that are written r too large.
        early_joining
            Solve for the openings as if `u` were drawn before they are committed to.
        """
        logarithms, points = dict(self._logarithms), {}
        transcript = Transcript(self.key.digest, public_inputs)
        drawn: list[int] = []
        for names, count in zip(ROUNDS, (3, 1, 1), strict=True):
            for name in names:
                logarithms[name] = 0 if name == at_infinity else self._element()
                points[name] = self._point(logarithms[name])
            transcript.absorb_points([points[name] for name in names])
            drawn += [transcript.challenge(number) for number in range(count)]
        challenges = Challenges(*drawn)
        y, root = challenges.point, root_of_unity(ROWS)
        values = {name: self._element() for name in VALUES}
        next_values = {name: self._element() for name in NEXT_VALUES}
        if at_infinity == OPENING_NEXT:  # the values are the polynomials' when these are constant
            next_values = {name: logarithms[name] for name in NEXT_VALUES}
        if at_infinity == OPENING:
            values = {name: logarithms[name] for name in VALUES}
            left = [
                self._equation(logarithms, values, {**next_values, SUM: p}, public_inputs, challenges) for p in (0, 1)
            ]
            next_values[SUM] = left[0] * pow(left[0] - left[1], -1, R) % R
        factors, constant = self._linearisation(values, next_values, public_inputs, challenges)
        written = [value + R * (name in unreduced) for name, value in values.items()]
        written += [value + R * (f"{name}'" in unreduced) for name, value in next_values.items()]
        transcript.absorb_values(written)
        here, following = openings((factors, constant), values, next_values, transcript.challenge())
        rests = [
            sum(factor * logarithms[name] for name, factor in opened.factors.items()) - opened.value
            for opened in (here, following)
        ]
        distances = [self._secret - y, self._secret - root * y]
        opening, opening_next = (rest * pow(away, -1, R) % R for rest, away in zip(rests, distances, strict=True))
        if early_joining:
            joining = transcript.challenge()  # the round's state is still that of the values
            opening = self._element()
            total = rests[0] + joining * rests[1] - opening * distances[0]
            opening_next = total * pow(joining * distances[1], -1, R) % R
        points |= {OPENING: self._point(opening), OPENING_NEXT: self._point(opening_next)}
        shown = dict(zip(VALUES, written, strict=False)), dict(zip(NEXT_VALUES, written[len(VALUES) :], strict=True))
        return SnarkProof(self.key.mark, points, *shown)

    def _linearisation(
        self,
        values: dict[str, int],
        next_values: dict[str, int],
        public_inputs: Sequence[int],
        challenges: Challenges,
    ) -> tuple[dict[str, int], int]:
        y, root = challenges.point, root_of_unity(ROWS)
        publics = -sum(value * lagrange(ROWS, row, root, y) for row, value in enumerate(public_inputs))
        first = lagrange(ROWS, 0, root, y)
        return linearisation(values, next_values, rows=ROWS, first=first, publics=publics % R, challenges=challenges)

    def _equation(
        self,
        logarithms: dict[str, int],
        values: dict[str, int],
        next_values: dict[str, int],
        public_inputs: Sequence[int],
        challenges: Challenges,
    ) -> int:
        factors, constant = self._linearisation(values, next_values, public_inputs, challenges)
        return sum(factor * logarithms[name] for name, factor in factors.items()) + constant

    def _element(self) -> int:
        return self._random.randrange(1, R)

    def _point(self, logarithm: int) -> tuple[int, int]:
        return combine([(logarithm, GENERATOR_1)])
