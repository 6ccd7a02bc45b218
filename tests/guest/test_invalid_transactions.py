from __future__ import annotations

from dataclasses import replace

import pytest
import rlp
from eth_keys import keys

from core.program.state_transition import Status
from tests.guest.batches import CHAIN_ID, ETHER, FEE_RECIPIENT, GWEI, HEADER, Value, address, apply, sign, wallet

N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
TO = b"\x11" * 20
STATE = {address(0): Value(5, ETHER), address(1): Value(0, ETHER)}
LEGACY = {"nonce": 5, "gasPrice": GWEI}


def fields_of(raw: bytes) -> list[object]:
    return list(rlp.decode(raw if raw[0] >= 0x80 else raw[1:]))


def with_field(raw: bytes, index: int, value: object) -> bytes:
    fields = fields_of(raw)
    fields[index] = value
    encoded: bytes = rlp.encode(fields)
    return encoded if raw[0] >= 0x80 else raw[:1] + encoded


def number(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def high_s(raw: bytes) -> bytes:
    fields = fields_of(raw)
    raw = with_field(raw, -1, number(N - int.from_bytes(fields[-1], "big")))  # type: ignore[arg-type]
    return with_field(raw, -3, b"" if fields[-3] else b"\x01")


def skipped(raw: bytes, status: Status, header: object = HEADER) -> None:
    """The transaction has this status, changes nothing, and the one behind it is executed."""
    outcome = apply(STATE, [raw, sign(1)], [TO], header)  # type: ignore[arg-type]
    assert outcome.statuses == [status, Status.EXECUTED]
    refused = outcome.run.results[0]
    assert (refused.gas_used, refused.gas_price) == (0, 0)
    assert outcome.accounts[address(0)] == STATE[address(0)]


TYPED = sign(0, nonce=5)
OLD = sign(0, **LEGACY)
LISTED = sign(0, nonce=5, accessList=[{"address": "0x" + "22" * 20, "storageKeys": ["0x" + "33" * 32]}], gas=50_000)


@pytest.mark.parametrize(
    "raw",
    [
        b"\xc0",
        b"\x02",
        b"\x02\xc0",
        b"\x80",
        b"\xff" * 40,
        OLD[:-1],
        TYPED[:-1],
        OLD + b"\x00",
        TYPED + b"\x00",
        with_field(OLD, 0, b"\x00\x05"),  # leading zero
        with_field(OLD, 0, b"\x01" * 9),  # nonce of 72 bits
        with_field(OLD, 2, b"\x01" * 9),  # gas limit of 72 bits
        with_field(OLD, 1, b"\x01" * 33),
        with_field(OLD, 4, b"\x01" * 33),
        with_field(OLD, 3, b"\x11" * 19),
        with_field(OLD, 3, b"\x11" * 21),
        with_field(OLD, 3, []),
        with_field(OLD, 5, []),
        with_field(OLD, 8, b"\x01" * 33),
        with_field(TYPED, 9, b"\x02"),  # y parity
        with_field(TYPED, 9, b"\x00"),
        with_field(TYPED, 8, b""),  # access list is a string
        with_field(TYPED, 8, [b""]),
        with_field(LISTED, 8, [[b"\x22" * 19, []]]),
        with_field(LISTED, 8, [[b"\x22" * 20, [b"\x33" * 31]]]),
        with_field(LISTED, 8, [[b"\x22" * 20, [], b""]]),
        with_field(LISTED, 8, [[b"\x22" * 20]]),
        rlp.encode([*fields_of(OLD), b""]),
        rlp.encode(fields_of(OLD)[:-1]),
        b"\xf9\x00" + bytes([OLD[1]]) + OLD[2:],  # length with a leading zero
        b"\xb8" + OLD[1:],  # a string
        OLD[:2] + b"\x81" + OLD[2:],
    ],
    ids=lambda raw: raw[:8].hex() + f"-{len(raw)}",
)
def test_what_is_not_canonical_is_malformed(raw: bytes) -> None:
    skipped(raw, Status.MALFORMED)


def test_a_long_form_where_the_short_one_fits_is_malformed() -> None:
    fields = [b"\x05", number(GWEI), number(21000), b"", b"", b"", number(35 + 2 * CHAIN_ID), b"\x01", b"\x01"]
    content: bytes = rlp.encode(fields)
    assert len(content) < 56
    skipped(b"\xf8" + bytes([len(content) - 1]) + content[1:], Status.MALFORMED)
    skipped(content, Status.CREATION_UNSUPPORTED)


@pytest.mark.parametrize("kind", [0x00, 0x03, 0x04, 0x7F])
def test_other_types_are_unsupported(kind: int) -> None:
    skipped(bytes([kind]) + TYPED[1:], Status.UNSUPPORTED_TYPE)


def test_a_legacy_transaction_without_replay_protection_is_refused() -> None:
    skipped(sign(0, nonce=5, gasPrice=GWEI, chainId=None), Status.UNPROTECTED)


@pytest.mark.parametrize("fields", [{}, {"gasPrice": GWEI}, {"gasPrice": GWEI, "type": 1, "accessList": []}])
def test_another_chain_is_refused(fields: dict[str, object]) -> None:
    skipped(sign(0, nonce=5, chainId=CHAIN_ID + 1, **fields), Status.WRONG_CHAIN)


@pytest.mark.parametrize("v", [0, 26, 29, 34, 34 + 2 * CHAIN_ID, 37 + 2 * CHAIN_ID, 2**256 - 1])
def test_a_legacy_v_of_no_chain_is_refused(v: int) -> None:
    skipped(with_field(OLD, 6, number(v)), Status.WRONG_CHAIN)


def test_a_chain_id_of_more_than_64_bits_is_another_chain() -> None:
    skipped(with_field(TYPED, 0, number(2**64 + CHAIN_ID)), Status.WRONG_CHAIN)


def test_contract_creation_is_refused() -> None:
    skipped(sign(0, nonce=5, to="", data="0x00", gas=100_000), Status.CREATION_UNSUPPORTED)


@pytest.mark.parametrize("fields", [{"gas": 20_999}, {"data": "0x00", "gas": 21_003}, {"data": "0x01", "gas": 21_015}])
def test_a_gas_limit_below_the_intrinsic_gas_is_refused(fields: dict[str, object]) -> None:
    skipped(sign(0, nonce=5, **fields), Status.INTRINSIC_GAS)


def test_a_priority_fee_above_the_maximum_is_refused() -> None:
    raw = with_field(TYPED, 2, number(4 * GWEI))
    skipped(raw, Status.PRIORITY_ABOVE_MAX)


def test_a_price_below_the_base_fee_is_refused() -> None:
    skipped(sign(0, nonce=5, gasPrice=GWEI - 1), Status.FEE_BELOW_BASE)
    skipped(sign(0, nonce=5, maxFeePerGas=GWEI - 1, maxPriorityFeePerGas=0), Status.FEE_BELOW_BASE)


def test_the_batch_has_a_gas_limit() -> None:
    header = replace(HEADER, gas_limit=65_000)
    outcome = apply(STATE, [sign(1), sign(0, nonce=5, gas=44_001), sign(0, nonce=5, gas=44_000)], [TO], header)
    assert outcome.statuses == [Status.EXECUTED, Status.BATCH_GAS, Status.EXECUTED]
    assert outcome.run.gas_used == 42_000


@pytest.mark.parametrize(
    "raw",
    [
        high_s(TYPED),
        with_field(TYPED, 10, b""),
        with_field(TYPED, 11, b""),
        with_field(TYPED, 10, number(N)),
        with_field(TYPED, 11, number(N)),
        with_field(TYPED, 10, number(5)),  # no point has x = 5
        with_field(OLD, 7, number(2**256 - 1)),
    ],
    ids=["high-s", "r-zero", "s-zero", "r-n", "s-n", "no-point", "r-max"],
)
def test_a_bad_signature_is_refused(raw: bytes) -> None:
    skipped(raw, Status.BAD_SIGNATURE)


def test_a_signature_whose_key_is_the_point_at_infinity_is_refused() -> None:
    """With R = k G and s = e / k the recovered key is r^-1 (s R - e G), infinity."""
    unsigned = fields_of(TYPED)[:9]
    from eth_hash.auto import keccak

    e = int.from_bytes(keccak(b"\x02" + rlp.encode(unsigned)), "big") % N
    for k in range(2, 40):
        point = keys.PrivateKey(k.to_bytes(32, "big")).public_key.to_bytes()
        s = e * pow(k, -1, N) % N
        if s <= N // 2:
            signed = [*unsigned, number(point[-1] & 1), number(int.from_bytes(point[:32], "big")), number(s)]
            skipped(b"\x02" + rlp.encode(signed), Status.BAD_SIGNATURE)
            return
    raise AssertionError("no low s among the candidates")


def test_a_changed_signature_belongs_to_nobody_with_money() -> None:
    fields = fields_of(TYPED)
    raw = with_field(TYPED, 11, number(int.from_bytes(fields[11], "big") ^ 1))  # type: ignore[arg-type]
    sender = bytes.fromhex(wallet(0).address[2:])
    from eth_account import Account

    stranger = bytes.fromhex(Account.recover_transaction(raw)[2:])
    assert stranger != sender
    outcome = apply(STATE, [raw], [TO, stranger])
    assert outcome.statuses == [Status.NONCE_TOO_HIGH]
    assert outcome.run.results[0].sender == stranger


def test_nonces_must_match() -> None:
    skipped(sign(0, nonce=4), Status.NONCE_TOO_LOW)
    skipped(sign(0, nonce=6), Status.NONCE_TOO_HIGH)
    outcome = apply(STATE, [sign(0, nonce=5), sign(0, nonce=5), sign(0, nonce=6)], [TO])
    assert outcome.statuses == [Status.EXECUTED, Status.NONCE_TOO_LOW, Status.EXECUTED]


def test_the_last_nonce_cannot_be_used() -> None:
    state = {address(0): Value(2**64 - 1, ETHER), address(1): Value(2**64 - 2, ETHER)}
    outcome = apply(state, [sign(1, nonce=2**64 - 2), sign(1, nonce=2**64 - 1), sign(0, nonce=2**64 - 1)], [TO])
    assert outcome.statuses == [Status.EXECUTED, Status.NONCE_OVERFLOW, Status.NONCE_OVERFLOW]


def test_the_balance_must_cover_the_most_that_may_be_charged() -> None:
    most = 3 * GWEI * 21_000
    state = {address(0): Value(0, most + 10)}
    assert apply(state, [sign(0, value=11)], [TO]).statuses == [Status.INSUFFICIENT_BALANCE]
    assert apply(state, [sign(0, value=10)], [TO]).statuses == [Status.EXECUTED]
    assert apply({}, [sign(0)], [TO, address(0)]).statuses == [Status.INSUFFICIENT_BALANCE]


def test_a_cost_beyond_256_bits_is_never_covered() -> None:
    state = {address(0): Value(0, 2**256 - 1)}
    huge = sign(0, maxFeePerGas=2**255, maxPriorityFeePerGas=0)
    assert apply(state, [huge], [TO]).statuses == [Status.INSUFFICIENT_BALANCE]
    assert apply(state, [sign(0, value=2**256 - 1)], [TO]).statuses == [Status.INSUFFICIENT_BALANCE]
    assert apply(state, [sign(0, gas=2**64 - 1)], [TO], replace(HEADER, gas_limit=2**64 - 1)).statuses == [
        Status.EXECUTED
    ]


def test_a_balance_cannot_overflow() -> None:
    full = 2**256 - 1
    for state in ({TO: Value(0, full)}, {FEE_RECIPIENT: Value(0, full)}):
        outcome = apply({address(0): Value(0, ETHER), **state}, [sign(0)], [TO])
        assert outcome.statuses == [Status.BALANCE_OVERFLOW]
        assert outcome.run.diffs == ()
