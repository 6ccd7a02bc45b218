from __future__ import annotations

import contextlib

import pytest
import rlp
from hypothesis import given
from hypothesis import strategies as st

from core.formats.transactions import UnreadableTransaction, read_transaction, touched_accounts
from core.formats.witness_input import MAX_TRANSACTION_BYTES
from tests.core.chain import CHAIN_ID, ETHER, GWEI, WALLETS, legacy, transfer


def test_the_three_types_are_read_as_the_wallet_wrote_them() -> None:
    sender = bytes.fromhex(WALLETS[0].address[2:])
    receiver = bytes.fromhex(WALLETS[1].address[2:])
    access = [{"address": WALLETS[2].address, "storageKeys": ["0x" + "11" * 32]}]
    raws = [
        legacy(WALLETS[0], 7),
        legacy(WALLETS[0], 7, type=1, accessList=access, gas=40_000),
        transfer(WALLETS[0], 7, accessList=access, gas=40_000),
    ]
    for kind, raw in enumerate(raws):
        view = read_transaction(raw)
        assert (view.kind, view.sender, view.to, view.nonce) == (kind, sender, receiver, 7)
        assert (view.chain_id, view.value, view.gas_price) == (CHAIN_ID, ETHER, 2 * GWEI)
    assert read_transaction(raws[2]).tip == GWEI // 10


def test_the_hash_is_the_wallets() -> None:
    signed = WALLETS[0].sign_transaction(
        {"chainId": CHAIN_ID, "nonce": 0, "gas": 21_000, "gasPrice": GWEI, "to": WALLETS[1].address, "value": 1}
    )
    assert read_transaction(bytes(signed.raw_transaction)).hash == bytes(signed.hash)


def _longer_length(raw: bytes) -> bytes:
    """The same list with its length in one byte more than needed."""
    assert raw[0] == 0xF8
    return b"\xf9\x00" + raw[1:]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x03" + legacy(WALLETS[0], 0),
        b"\x00" + legacy(WALLETS[0], 0),
        b"\x7f",
        b"\xc0",
        legacy(WALLETS[0], 0) + b"\x00",
        legacy(WALLETS[0], 0)[:-1],
        _longer_length(legacy(WALLETS[0], 0)),
        b"\x02" + legacy(WALLETS[0], 0),
        rlp.encode([b"\x00", b"\x01", b"\x52\x08", b"\x11" * 20, b"", b"", b"\x1b", b"\x01", b"\x01"]),
        rlp.encode([b"", b"\x01", b"\x52\x08", b"\x11" * 19, b"", b"", b"\x1b", b"\x01", b"\x01"]),
        rlp.encode([b"", b"\x01", b"\x52\x08", b"\x11" * 20, b"\x01" * 33, b"", b"\x1b", b"\x01", b"\x01"]),
        rlp.encode([b"", b"\x01", b"\x52\x08", b"\x11" * 20, b"", [], b"\x1b", b"\x01", b"\x01"]),
        bytes(MAX_TRANSACTION_BYTES + 1),
        b"\xc1" * 5000,
    ],
)
def test_what_is_no_transaction_is_refused_with_a_typed_error(raw: bytes) -> None:
    with pytest.raises(UnreadableTransaction):
        read_transaction(raw)


@given(st.integers(0, 200), st.integers(1, 255))
def test_any_changed_byte_is_read_or_refused_but_never_crashes(place: int, flip: int) -> None:
    raw = bytearray(transfer(WALLETS[0], 3))
    raw[place % len(raw)] ^= flip
    with contextlib.suppress(UnreadableTransaction):
        read_transaction(bytes(raw))


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with contextlib.suppress(UnreadableTransaction):
        read_transaction(raw)


def test_deep_nesting_ends_in_an_error_and_not_in_a_crash() -> None:
    nested = b"\xc0"
    while len(nested) < 100_000:
        nested = rlp.codec.length_prefix(len(nested), 0xC0) + nested
    with pytest.raises(UnreadableTransaction):
        read_transaction(nested)


def test_touched_accounts_are_listed_once() -> None:
    views = [read_transaction(transfer(WALLETS[0], nonce)) for nonce in range(3)]
    assert len(touched_accounts(b"\xfe" * 20, views)) == 3
