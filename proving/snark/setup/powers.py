"""A setup as the prover uses it: powers of a secret in G1, and the secret in G2."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import numpy as np

from proving.snark.bn254 import curve
from proving.snark.bn254.curve import Points
from proving.snark.bn254.field import FR
from proving.snark.errors import InsecureSetup
from proving.snark.layout import PRODUCTION
from proving.snark.points import GENERATOR_1, Point2, in_group_2, multiply_2, pairings_agree
from proving.snark.setup.errors import SetupInconsistent, SetupPoint, SetupPower


@dataclass(frozen=True)
class Setup:
    """Powers of a secret.

    Attributes
    ----------
    mark
        ``production`` or ``insecure-test``.
    source
        BLAKE2b-512 of the ceremony's file in hexadecimal, empty when there is none.
    powers
        ``(count, 8) uint64``: the generator of G1 times the secret's powers from 0 on.
    point
        The generator of G2 times the secret.
    """

    mark: str
    source: str
    powers: Points
    point: Point2

    def first(self, rows: int) -> Points:
        """Return as many powers as a circuit has rows.

        Raises
        ------
        SetupPower
            There are fewer.
        """
        if rows > len(self.powers):
            raise SetupPower(f"The circuit needs {rows} powers, the setup has {len(self.powers)}.")
        return self.powers[:rows]

    def require_production(self) -> None:
        """Refuse a setup that is not a pinned ceremony's.

        Raises
        ------
        InsecureSetup
            It is marked ``insecure-test``.
        """
        if self.mark != PRODUCTION:
            raise InsecureSetup(mark=self.mark)


class Consistency:
    """Checks powers as they are read, piece by piece.

    Every point must be on the curve and not at infinity; in the end a random combination, with factors of 128 bits,
    must show each one to be the secret times the one before it.

    Parameters
    ----------
    point
        The secret in G2.

    Raises
    ------
    SetupPoint
        `point` is not of the group's order.
    SetupInconsistent
        The secret is 1: nobody has contributed.
    """

    def __init__(self, point: Point2) -> None:
        if not in_group_2(point):
            raise SetupPoint("The setup's point of G2 is not of the group's order.")
        if point == multiply_2(1):
            raise SetupInconsistent("The setup's secret is 1: nobody has contributed to it.")
        self._point = point
        self._last: Points | None = None
        self._lower = np.zeros((1, 8), dtype=np.uint64)
        self._upper = self._lower

    def add(self, powers: Points) -> None:
        """Check the next powers, ``(count, 8)`` with canonical coordinates.

        Raises
        ------
        SetupPoint
            A point is not on the curve or at infinity.
        SetupInconsistent
            The first of all is not the generator.
        """
        if curve.is_infinity(powers).any():
            raise SetupPoint("A power of the setup is the point at infinity.")
        try:
            curve.check(powers)
        except curve.NotOnCurve as error:
            raise SetupPoint(f"A power of the setup is not on the curve: {error.message}.") from error
        if self._last is None:
            if curve.decode(powers[:1]) != [GENERATOR_1]:
                raise SetupInconsistent("The setup does not begin with the generator of G1.")
        else:
            powers = np.concatenate([self._last, powers])
        self._last = powers[-1:]
        factors = np.zeros((len(powers) - 1, 4), dtype=np.uint64)
        factors[:, :2] = np.frombuffer(secrets.token_bytes(16 * len(factors)), dtype=np.uint64).reshape(-1, 2)
        factors = FR.from_limbs(factors)
        self._lower = curve.add(self._lower, curve.multiply_sum(powers[:-1], factors)[None])
        self._upper = curve.add(self._upper, curve.multiply_sum(powers[1:], factors)[None])

    def finish(self) -> None:
        """Check that what was added are the powers of the one secret.

        Raises
        ------
        SetupInconsistent
            They are not.
        """
        [lower], [upper] = curve.decode(self._lower), curve.decode(self._upper)
        if not pairings_agree(lower, self._point, upper):
            raise SetupInconsistent
