from __future__ import annotations

import pytest

from proving.snark.points import SCALAR_MODULUS
from proving.snark.statement import PUBLIC_INPUTS, batch_inputs, halves


def test_a_digest_is_two_elements_of_two_words_each() -> None:
    elements = [1, 2, 3, 2**64 - 2**32]
    digest = b"".join(element.to_bytes(8, "little") for element in elements)
    assert halves(digest) == (1 + (2 << 64), 3 + ((2**64 - 2**32) << 64))
    for length in (0, 31, 33):
        with pytest.raises(ValueError, match="32 bytes"):
            halves(bytes(length))


def test_the_inputs_of_a_batch_are_in_the_order_of_the_specification() -> None:
    inputs = batch_inputs(program=b"\x01" * 32, key_set=b"\x02" * 32, protocol_version=3, output=b"\xff" * 32)
    one, two = (int.from_bytes(bytes([byte]) * 16, "little") for byte in (1, 2))
    assert inputs == [one, one, two, two, 3, 2**128 - 1, 2**128 - 1]
    assert len(inputs) == PUBLIC_INPUTS and all(value < SCALAR_MODULUS for value in inputs)
    for version in (-1, 1 << 32):
        with pytest.raises(ValueError, match="protocol version"):
            batch_inputs(program=bytes(32), key_set=bytes(32), protocol_version=version, output=bytes(32))
