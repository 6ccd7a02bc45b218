"""A verifying key's bytes, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_hash.auto import keccak

from proving.snark.bn254 import polynomials
from proving.snark.bn254.field import FQ, FR
from proving.snark.errors import InsecureSetup, SnarkKeyRefused
from proving.snark.key import SnarkKey
from proving.snark.layout import KEY_BYTES, PRODUCTION, text_word, words
from proving.snark.points import BASE_MODULUS, GENERATOR, SCALAR_MODULUS, TWO_ADICITY, Point2, multiply_2, root_of_unity
from proving.snark.setup.pinned import SETUP_POINT
from tests.proving.snark.circuits import every_gate
from tests.proving.snark.setup.test_ptau import OUTSIDE


def right() -> SnarkKey:
    return every_gate().proving_key.key


def with_word(place: int, word: bytes) -> bytes:
    data = right().to_bytes()
    return data[: 32 * place] + word + data[32 * place + 32 :]


def test_a_key_is_its_bytes() -> None:
    data = right().to_bytes()
    assert len(data) == KEY_BYTES
    assert SnarkKey.from_bytes(data) == right()
    assert SnarkKey.from_bytes(data).digest == bytes(keccak(data))


def test_a_column_of_zeros_has_the_point_at_infinity() -> None:
    commitments = right().commitments | {"q_cd": (0, 0)}
    key = replace(right(), commitments=commitments)
    assert SnarkKey.from_bytes(key.to_bytes()) == key


@pytest.mark.parametrize(
    ("place", "word"),
    [
        (0, text_word("hallmark-snark-2")),
        (1, text_word("secure")),
        (1, bytes(32)),
        (2, words(63)),
        (2, words(1 << 29)),
        (2, words(0)),
        (3, words(0)),
        (3, words(65)),
        (4, words(BASE_MODULUS)),
        (5, words(1)),
        (38, words(0)),
        (41, words(5)),
    ],
)
def test_a_malformed_key(place: int, word: bytes) -> None:
    with pytest.raises(SnarkKeyRefused):
        SnarkKey.from_bytes(with_word(place, word))


def test_bytes_of_another_length() -> None:
    for data in (b"", right().to_bytes()[:-1], right().to_bytes() + b"\0"):
        with pytest.raises(SnarkKeyRefused):
            SnarkKey.from_bytes(data)


def test_a_setup_point_outside_the_group() -> None:
    x_real, x_imaginary, y_real, y_imaginary = OUTSIDE
    outside: Point2 = (x_imaginary, x_real, y_imaginary, y_real)
    for point in (outside, (0, 0, 0, 0)):
        with pytest.raises(SnarkKeyRefused):
            replace(right(), setup_point=point)
    replace(right(), setup_point=multiply_2(7))


def test_a_production_key_is_asked_for() -> None:
    with pytest.raises(InsecureSetup):
        right().require_production()
    replace(right(), mark=PRODUCTION, setup_point=SETUP_POINT).require_production()


def test_a_production_mark_is_not_believed_where_the_setup_says_otherwise() -> None:
    """Whoever knows a setup's secret can write any mark into its key."""
    with pytest.raises(SnarkKeyRefused, match="not that of the pinned ceremony"):
        SnarkKey.from_bytes(with_word(1, text_word(PRODUCTION)))


def test_the_verifiers_constants_are_those_of_the_kernels() -> None:
    assert (FR.modulus, FQ.modulus) == (SCALAR_MODULUS, BASE_MODULUS)
    assert (GENERATOR, TWO_ADICITY) == (polynomials.GENERATOR, polynomials.TWO_ADICITY)
    assert all(root_of_unity(1 << k) == polynomials.root_of_unity(k) for k in range(TWO_ADICITY + 1))
