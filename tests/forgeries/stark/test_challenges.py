"""The out-of-domain point must lie outside every domain; a base field element is inside one of them or is fine."""

from __future__ import annotations

import numpy as np
import pytest

from proving.backend.interface import coset_shift
from proving.field import extension
from proving.field.goldilocks import PRIME, root_of_unity
from proving.stark.errors import ChallengeRefused
from proving.stark.integers import IntegerArithmetic
from proving.stark.verifier import point_powers
from tests.proving.stark import toy

INTEGERS = IntegerArithmetic()
SHAPE = toy.key().layout.shape((8, 6, 7))


def point(value: int) -> np.ndarray:  # type: ignore[type-arg]
    return extension.constant(value)


@pytest.mark.parametrize("log_height", [6, 7, 8])
def test_a_point_in_the_trace_domain_of_any_height_is_refused(log_height: int) -> None:
    for exponent in (0, 1, 2**log_height - 1):
        with pytest.raises(ChallengeRefused):
            point_powers(INTEGERS, SHAPE, point(pow(root_of_unity(log_height), exponent, PRIME)))


def test_a_point_that_some_table_would_see_in_its_trace_domain_is_refused() -> None:
    """z^4 lies in the domain of height 2^6 exactly when z lies in the one of height 2^8."""
    z = root_of_unity(8)
    assert pow(z, 4, PRIME) == root_of_unity(6)
    with pytest.raises(ChallengeRefused):
        point_powers(INTEGERS, SHAPE, point(z))


def test_a_point_in_the_evaluation_coset_is_refused() -> None:
    for exponent in (0, 1, 1000):
        z = coset_shift(8) * pow(root_of_unity(10), exponent, PRIME) % PRIME
        with pytest.raises(ChallengeRefused):
            point_powers(INTEGERS, SHAPE, point(z))


def test_other_points_are_lifted_by_squaring() -> None:
    z = np.array([5, 6, 7], dtype=np.uint64)
    powers = point_powers(INTEGERS, SHAPE, z)
    assert powers.on(SHAPE, 8).tolist() == z.tolist()
    assert powers.on(SHAPE, 6).tolist() == extension.power(z, 4).tolist()
