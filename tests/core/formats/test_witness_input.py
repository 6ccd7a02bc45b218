from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from core.formats import commitments
from core.formats.witness_input import Header, WitnessInput, WitnessInputError, decode, encode
from runtime.errors import InvalidInput

HEADER = Header(1, 270, 7, 1_700_000_000, b"\xfe" * 20, 10**9, 30_000_000)
RAWS = [b"\x01", b"\x02" * 5, b"\x03" * 8]
CONTENT = encode(HEADER, RAWS, bytes(4))

HEADERS = st.builds(
    Header,
    st.integers(0, 2**32 - 1),
    *[st.integers(0, 2**64 - 1)] * 3,
    st.binary(min_size=20, max_size=20),
    *[st.integers(0, 2**64 - 1)] * 2,
)


@given(HEADERS, st.lists(st.binary(min_size=1, max_size=9), max_size=5), st.integers(0, 5), st.integers(0, 3))
def test_what_is_encoded_is_decoded(header: Header, raws: list[bytes], tree: int, requests: int) -> None:
    section = bytes(32 + 76 * requests) if requests else b""
    content = encode(header, raws, bytes(4 * tree), section)
    assert decode(content) == WitnessInput(header, tuple(raws), bytes(4 * tree), section, b"")
    with pytest.raises(WitnessInputError):
        encode(header, raws, bytes(4 * tree), section + bytes(4))
    assert Header.from_json(json.loads(json.dumps(header.as_json()))) == header


@given(st.binary(max_size=200))
def test_other_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(WitnessInputError):
        decode(content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        CONTENT[:-1],
        CONTENT[:-4],
        CONTENT + bytes(4),
        b"HMK2" + CONTENT[4:],
        CONTENT[:92] + b"\x01" + CONTENT[93:],
        CONTENT[:68] + b"\x02" + CONTENT[69:],  # fewer transactions
        CONTENT[:68] + b"\x04" + CONTENT[69:],
        CONTENT[:68] + b"\x01\x10" + CONTENT[70:],
        CONTENT[:96] + b"\x00" + CONTENT[97:],  # an empty transaction
        CONTENT[:103] + b"\x01" + CONTENT[104:],  # padding
    ],
)
def test_a_broken_layout_is_refused(content: bytes) -> None:
    assert len(decode(CONTENT).transactions) == 3
    with pytest.raises(WitnessInputError):
        decode(content)


@pytest.mark.parametrize(
    "header",
    [
        replace(HEADER, protocol_version=2**32),
        replace(HEADER, chain_id=2**64),
        replace(HEADER, base_fee=-1),
        replace(HEADER, fee_recipient=b"\x01" * 19),
    ],
)
def test_values_that_do_not_fit_are_refused(header: Header) -> None:
    with pytest.raises(WitnessInputError):
        encode(header, [], bytes(4))


@pytest.mark.parametrize("raws", [[b""], [bytes(131073)], [b"\x01"] * 4097])
def test_transactions_are_bounded(raws: list[bytes]) -> None:
    with pytest.raises(WitnessInputError):
        encode(HEADER, raws, bytes(4))


@pytest.mark.parametrize("values", [{}, {"protocol_version": 1}, {**HEADER.as_json(), "more": 1}, {"fee_recipient": 3}])
def test_a_header_of_other_json_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(WitnessInputError):
        Header.from_json(values)


def test_commitments_differ_where_their_contents_do() -> None:
    assert commitments.transactions_commitment([b"\x01"]) != commitments.transactions_commitment([b"\x01\x00"])
    assert commitments.transactions_commitment([]) != commitments.transactions_commitment([b"\x01"])
    assert commitments.metadata_commitment(HEADER, 1) != commitments.metadata_commitment(HEADER, 2)
    parts = dict.fromkeys(("transactions", "results", "diffs", "metadata"), bytes(32))
    for name in parts:
        other = {**parts, name: b"\x01" + bytes(31)}
        assert commitments.data_commitment(**other) != commitments.data_commitment(**parts)
        with pytest.raises(InvalidInput):
            commitments.data_commitment(**{**parts, name: b""})


OUTPUT: dict[str, Any] = {
    "chain_id": 1,
    "batch_number": 2,
    "timestamp": 3,
    "old_root": b"\x04" * 32,
    "new_root": b"\x05" * 32,
    "data": b"\x06" * 32,
}


def test_the_output_is_keccak_256_of_eight_abi_words() -> None:
    words = [number.to_bytes(32, "big") for number in (1, 2, 3)] + [bytes([number]) * 32 for number in (4, 5, 6, 0, 0)]
    assert commitments.output_commitment(**OUTPUT) == keccak(b"".join(words))


@pytest.mark.parametrize("name", [*OUTPUT, "priority_queue", "messages"])
def test_the_output_binds_every_field(name: str) -> None:
    value = OUTPUT.get(name, bytes(32))
    other = value + 1 if isinstance(value, int) else bytes([value[0] ^ 1]) + value[1:]
    assert commitments.output_commitment(**{**OUTPUT, name: other}) != commitments.output_commitment(**OUTPUT)
    for wrong in (-1, 1 << 64) if isinstance(value, int) else (value[1:], value + b"\x00"):
        with pytest.raises(InvalidInput):
            commitments.output_commitment(**{**OUTPUT, name: wrong})
