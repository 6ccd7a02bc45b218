"""A setup that this machine makes: whoever has seen its secret can prove anything."""

from __future__ import annotations

import secrets

from proving.snark.bn254 import curve
from proving.snark.bn254.field import FR
from proving.snark.layout import INSECURE_TEST
from proving.snark.points import GENERATOR_1, SCALAR_MODULUS, multiply_2
from proving.snark.setup.powers import Setup


def make(rows: int, *, secret: int | None = None) -> Setup:
    """Return an ``insecure-test`` setup.

    Parameters
    ----------
    rows
        How many powers.
    secret
        A number from 2 to ``r - 1``, so that tests can forge; by default a random one that is forgotten.
    """
    if secret is None:
        secret = 2 + secrets.randbelow(SCALAR_MODULUS - 2)
    [generator] = curve.encode([GENERATOR_1])
    powers = curve.multiply_base(generator, FR.powers(FR.scalar(secret), rows))
    return Setup(INSECURE_TEST, "", powers, multiply_2(secret))
