from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.program.state_transition import Status
from tests.guest.batches import (
    CHAIN_ID,
    ETHER,
    FEE_RECIPIENT,
    GWEI,
    HEADER,
    Value,
    address,
    apply,
    content_of,
    output_of,
    sign,
)

RICH = {address(i): Value(0, ETHER) for i in range(4)}
TO = b"\x11" * 20


@pytest.mark.parametrize(
    ("fields", "gas", "price"),
    [
        ({"gasPrice": 2 * GWEI}, 21_000, 2 * GWEI),
        ({"gasPrice": 2 * GWEI, "type": 1, "accessList": []}, 21_000, 2 * GWEI),
        ({}, 21_000, 2 * GWEI),
        ({"maxFeePerGas": 2 * GWEI, "maxPriorityFeePerGas": 2 * GWEI}, 21_000, 2 * GWEI),
        ({"maxFeePerGas": GWEI, "maxPriorityFeePerGas": 0}, 21_000, GWEI),
        ({"data": "0x00ff0001", "gas": 50_000}, 21_000 + 2 * 16 + 2 * 4, 2 * GWEI),
        (
            {"accessList": [{"address": "0x" + "22" * 20, "storageKeys": ["0x" + "33" * 32] * 2}], "gas": 50_000},
            21_000 + 2400 + 2 * 1900,
            2 * GWEI,
        ),
    ],
)
def test_a_transfer_of_each_type_moves_value_and_fee(fields: dict[str, object], gas: int, price: int) -> None:
    outcome = apply(RICH, [sign(0, value=5, **fields)], [TO])
    (result,) = outcome.run.results
    assert (result.status, result.gas_used, result.gas_price) == (Status.EXECUTED, gas, price)
    assert result.sender == address(0)
    assert outcome.accounts[address(0)] == Value(1, ETHER - 5 - gas * price)
    assert outcome.accounts[TO] == Value(0, 5)
    assert outcome.accounts[FEE_RECIPIENT] == Value(0, gas * price)
    assert outcome.run.gas_used == gas


def test_changed_accounts_come_in_the_order_of_their_first_change() -> None:
    raws = [sign(1, to=address(2)), sign(0), sign(2)]
    outcome = apply(RICH, raws, [TO])
    assert [diff.address for diff in outcome.run.diffs] == [address(1), address(2), FEE_RECIPIENT, address(0), TO]


@pytest.mark.parametrize("nonce", [0, 254, 255, 65_534, 65_535, 2**24 - 1, 2**63, 2**64 - 2])
@pytest.mark.parametrize("balance", [10**17, 2**247 - 1, 2**248, 2**256 - 1])
def test_state_diffs_of_every_width_are_hashed_as_they_are_published(nonce: int, balance: int) -> None:
    """`apply` compares the output with the Python twin of what is published; here at the edges of its lengths."""
    outcome = apply({address(0): Value(nonce, balance)}, [sign(0, nonce=nonce, value=balance // 2)], [TO])
    assert outcome.statuses == [Status.EXECUTED]
    assert outcome.accounts[address(0)].nonce == nonce + 1


def test_an_account_that_ends_with_nothing_is_published() -> None:
    cost = 21_000 * 2 * GWEI
    outcome = apply({address(0): Value(0, ETHER)}, [sign(0, gasPrice=2 * GWEI, value=ETHER - cost)], [TO])
    assert outcome.accounts[address(0)] == Value(1, 0)


def test_a_sender_pays_itself() -> None:
    outcome = apply(RICH, [sign(0, to=address(0), value=ETHER // 2)])
    assert outcome.accounts[address(0)] == Value(1, ETHER - 21_000 * 2 * GWEI)


def test_the_fee_recipient_may_be_sender_and_recipient() -> None:
    header = replace(HEADER, fee_recipient=address(0))
    raws = [sign(0, value=5), sign(1, to=address(0), value=7), sign(0, nonce=1, to=address(0))]
    outcome = apply(RICH, raws, [TO], header)
    assert outcome.statuses == [Status.EXECUTED] * 3
    assert outcome.accounts[address(0)] == Value(2, ETHER - 5 + 7 + 21_000 * 2 * GWEI)


def test_nothing_is_created_for_a_transfer_of_nothing() -> None:
    outcome = apply(RICH, [sign(0, value=0)], [TO])
    assert TO not in outcome.accounts
    free = replace(HEADER, base_fee=0)
    outcome = apply(RICH, [sign(0, gasPrice=0)], [TO], free)
    assert FEE_RECIPIENT not in outcome.accounts


def test_an_absent_account_may_send_when_everything_is_free() -> None:
    outcome = apply({}, [sign(0, gasPrice=0, value=0)], [address(0)], replace(HEADER, base_fee=0))
    assert outcome.accounts == {address(0): Value(1, 0)}


def test_a_recipient_spends_what_it_received_in_the_same_batch() -> None:
    state = {address(0): Value(3, ETHER)}
    raws = [sign(0, nonce=3, to=address(1), value=ETHER // 2), sign(1, value=ETHER // 4)]
    outcome = apply(state, raws, [address(1), TO])
    assert outcome.statuses == [Status.EXECUTED] * 2


def test_an_empty_batch_keeps_the_root() -> None:
    outcome = apply(RICH, [])
    assert outcome.before.root == outcome.after.root
    assert apply({}, []).before.root == bytes(32)


@pytest.mark.parametrize("field", ["protocol_version", "batch_number", "timestamp", "gas_limit"])
def test_the_output_covers_every_field_of_the_header(field: str) -> None:
    raws = [sign(0)]
    changed = replace(HEADER, **{field: getattr(HEADER, field) + 1})
    assert output_of(content_of(RICH, raws, [TO])) != output_of(content_of(RICH, raws, [TO], changed))


def test_more_witness_than_needed_changes_nothing() -> None:
    raws = [sign(0)]
    assert output_of(content_of(RICH, raws, [TO])) == output_of(
        content_of(RICH, raws, [TO, b"\x99" * 20, b"\x98" * 20])
    )


TRANSFERS = st.lists(
    st.tuples(
        st.integers(0, 3),  # sender
        st.integers(0, 5),  # recipient: wallets, then others
        st.sampled_from([0, 1, ETHER // 3, ETHER]),
        st.sampled_from([0, 0, 0, 1]),  # added to the right nonce
        st.sampled_from([CHAIN_ID, CHAIN_ID, CHAIN_ID, 1]),
        st.sampled_from([{}, {"gasPrice": 2 * GWEI}, {"gasPrice": 2 * GWEI, "type": 1, "accessList": []}]),
    ),
    max_size=6,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TRANSFERS)
def test_random_batches_follow_the_rules_written_down_once_more(transfers: list[tuple[int, ...]]) -> None:
    """A model of the rules in a dozen lines, for plain transfers only."""
    places = [address(i) for i in range(4)] + [TO, FEE_RECIPIENT]
    model = {place: Value() for place in places} | RICH
    raws, expected = [], []
    for sender, recipient, value, gap, chain, kind in transfers:
        nonce = model[places[sender]].nonce + gap
        raws.append(sign(sender, nonce=nonce, to=places[recipient], value=value, chainId=chain, **kind))
        most = 3 * GWEI if kind == {} else 2 * GWEI
        if chain != CHAIN_ID:
            expected.append(Status.WRONG_CHAIN)
        elif gap:
            expected.append(Status.NONCE_TOO_HIGH)
        elif model[places[sender]].balance < value + 21_000 * most:
            expected.append(Status.INSUFFICIENT_BALANCE)
        else:
            expected.append(Status.EXECUTED)
            fee = 21_000 * 2 * GWEI
            for place, nonces, amount in ((sender, 1, -value - fee), (recipient, 0, value), (5, 0, fee)):
                before = model[places[place]]
                model[places[place]] = Value(before.nonce + nonces, before.balance + amount)
    outcome = apply(RICH, raws, places)
    assert outcome.statuses == expected
    assert outcome.accounts == {place: value for place, value in model.items() if value != Value()}
