"""Requests from L1 and messages to it: the program against a model of the rules, and what a forger would show."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.formats.messages import WITHDRAWAL_ADDRESS, Message, message_root
from core.formats.priority import Kind, Request, queue_hash, request_section
from core.formats.witness_input import encode
from core.program.state_transition import Status
from core.state_tree import StateTree
from tests.guest.batches import (
    ETHER,
    FEE_RECIPIENT,
    GWEI,
    HEADER,
    Value,
    address,
    apply,
    content_of,
    output_of,
    reason_of,
    sign,
)
from tests.guest.native import Host

TO = b"\x11" * 20
L1 = b"\x77" * 20
RICH = {address(0): Value(0, ETHER), address(1): Value(3, 7)}
DEPOSIT, WITHDRAWAL = Kind
FEE = 21_000 * 2 * GWEI
TOUCHED = [TO, L1, WITHDRAWAL_ADDRESS]
MALFORMED = 7


def deposit(amount: int, to: bytes = TO) -> Request:
    return Request(1, DEPOSIT, L1, to, amount)


def withdrawal(amount: int, sender: bytes = address(0)) -> Request:
    return Request(1, WITHDRAWAL, sender, L1, amount)


def test_deposits_come_before_what_spends_them() -> None:
    outcome = apply(RICH, [sign(2, value=5)], [*TOUCHED, address(2)], requests=[deposit(ETHER, address(2))])
    assert outcome.statuses == [Status.EXECUTED] * 2
    assert outcome.accounts[address(2)] == Value(1, ETHER - 5 - FEE)
    [first, _] = outcome.run.results
    assert (first.sender, first.gas_used, first.gas_price) == (L1, 0, 0)
    assert outcome.messages() == []


def test_a_requested_withdrawal_takes_what_is_there_and_a_nonce() -> None:
    asked = [withdrawal(5), withdrawal(8, address(1)), withdrawal(7, address(1)), withdrawal(1, b"\x99" * 20)]
    outcome = apply(RICH, [sign(0, nonce=1)], [*TOUCHED, b"\x99" * 20], requests=asked, before_requests=b"\x55" * 32)
    missing = Status.INSUFFICIENT_BALANCE
    assert outcome.statuses == [Status.EXECUTED, missing, Status.EXECUTED, missing, Status.EXECUTED]
    assert outcome.accounts[address(1)] == Value(4, 0)
    assert outcome.accounts[WITHDRAWAL_ADDRESS] == Value(0, 12)
    assert b"\x99" * 20 not in outcome.accounts
    assert outcome.messages() == [Message(L1, 5), Message(L1, 7)]


@pytest.mark.parametrize(
    ("data", "to"), [("0x", address(0)), ("0x" + "77" * 20, L1), ("0x" + "77" * 19, address(0)), ("0x00", address(0))]
)
def test_a_transfer_to_the_withdrawal_address_leaves_the_rollup(data: str, to: bytes) -> None:
    raw = sign(0, to=WITHDRAWAL_ADDRESS, value=9, data=data, gas=50_000)
    outcome = apply(RICH, [raw], TOUCHED)
    assert outcome.messages() == [Message(to, 9)]
    assert outcome.accounts[WITHDRAWAL_ADDRESS] == Value(0, 9)


def test_what_does_not_move_leaves_no_message() -> None:
    raws = [sign(0, to=WITHDRAWAL_ADDRESS, value=0), sign(0, nonce=1, to=WITHDRAWAL_ADDRESS, value=ETHER)]
    outcome = apply(RICH, raws, TOUCHED)
    assert outcome.statuses == [Status.EXECUTED, Status.INSUFFICIENT_BALANCE]
    assert outcome.messages() == []


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 8])
def test_the_tree_of_messages_has_any_size(count: int) -> None:
    raws = [sign(0, nonce=nonce, to=WITHDRAWAL_ADDRESS, value=nonce + 1) for nonce in range(count)]
    assert len(apply(RICH, raws, TOUCHED).messages()) == count


def test_limits_of_nonce_and_balance_leave_nothing_behind() -> None:
    most = (1 << 256) - 1
    state = {TO: Value(0, most), address(0): Value((1 << 64) - 1, 5), WITHDRAWAL_ADDRESS: Value(0, most - 3)}
    state[address(1)] = Value(0, 9)
    asked = [deposit(1), withdrawal(1), withdrawal(4, address(1)), withdrawal(3, address(1))]
    outcome = apply({**state, TO: Value(0, most)}, [], TOUCHED, requests=asked)
    overflow = Status.BALANCE_OVERFLOW
    assert outcome.statuses == [overflow, Status.NONCE_OVERFLOW, overflow, Status.EXECUTED]
    assert outcome.accounts[address(1)] == Value(1, 6)


def test_the_withdrawal_address_withdraws_from_itself() -> None:
    outcome = apply({WITHDRAWAL_ADDRESS: Value(0, 9)}, [], TOUCHED, requests=[withdrawal(4, WITHDRAWAL_ADDRESS)])
    assert outcome.accounts[WITHDRAWAL_ADDRESS] == Value(1, 9)
    assert outcome.messages() == [Message(L1, 4)]


def test_every_other_list_of_requests_has_another_output() -> None:
    """What a forger would show: requests replayed, reordered, left out, changed, or started elsewhere."""
    asked = [deposit(1), deposit(2), withdrawal(1)]
    middle = asked[0].rolled(bytes(32))
    shown = [(bytes(32), asked), (bytes(32), [asked[1], asked[0], asked[2]]), (bytes(32), asked[:2]), (middle, asked)]
    shown += [(middle, asked[1:]), (bytes(32), [*asked[:2], *asked[1:]]), (bytes(32), [deposit(3), *asked[1:]])]
    hashes = [queue_hash(*each) for each in shown]
    outputs = [
        output_of(content_of(RICH, [], TOUCHED, requests=each, before_requests=before)) for before, each in shown
    ]
    assert len(set(hashes)) == len(set(outputs)) == len(shown)
    assert queue_hash(b"\x55" * 32, []) == bytes(32)


def test_a_malformed_request_makes_the_input_invalid() -> None:
    content = content_of(RICH, [sign(0)], TOUCHED, requests=[deposit(1)])
    at = len(content) - 76
    for changed in (
        content[:at] + b"\x00" + content[at + 1 :],
        content[:at] + b"\x03" + content[at + 1 :],
        content[: at + 3] + b"\x01" + content[at + 4 :],
        content[: at + 44] + bytes(32),
    ):
        assert reason_of(output_of(changed)) == MALFORMED
    for count in (0, 2, 257, 2**32 - 1):
        changed = content[:88] + count.to_bytes(4, "little") + content[92:]
        assert reason_of(output_of(changed)) == 2


def test_an_account_that_a_request_needs_is_not_left_out() -> None:
    state = {address(number): Value(0, 5) for number in range(8)}
    for asked in (deposit(1, address(3)), withdrawal(1, address(3))):
        content = content_of({}, [], (), HEADER, [asked])
        assert reason_of(output_of(content)) == 0
        section = StateTree(state).partial([address(0)])
        assert reason_of(output_of(encode(HEADER, [], section, request_section(bytes(32), [asked])))) == 5


PLACES = [address(0), address(1), TO, FEE_RECIPIENT, WITHDRAWAL_ADDRESS]
AMOUNTS = st.sampled_from([1, 2, ETHER // 3, ETHER, (1 << 256) - 1])
REQUESTS = st.lists(
    st.builds(Request, st.just(1), st.sampled_from(Kind), st.sampled_from(PLACES), st.sampled_from(PLACES), AMOUNTS),
    max_size=6,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(REQUESTS, st.binary(min_size=32, max_size=32))
def test_random_requests_follow_the_rules_written_down_once_more(asked: list[Request], before: bytes) -> None:
    model = {place: Value() for place in PLACES} | RICH
    expected, told = [], []
    for request in asked:
        if request.kind is DEPOSIT:
            old = model[request.to]
            if old.balance + request.amount >= 1 << 256:
                expected.append(Status.BALANCE_OVERFLOW)
                continue
            model[request.to] = replace(old, balance=old.balance + request.amount)
        elif model[request.sender].balance < request.amount:
            expected.append(Status.INSUFFICIENT_BALANCE)
            continue
        else:
            gone = model[WITHDRAWAL_ADDRESS].balance + request.amount
            if request.sender != WITHDRAWAL_ADDRESS and gone >= 1 << 256:
                expected.append(Status.BALANCE_OVERFLOW)
                continue
            old = model[request.sender]
            model[request.sender] = Value(old.nonce + 1, old.balance - request.amount)
            old = model[WITHDRAWAL_ADDRESS]
            model[WITHDRAWAL_ADDRESS] = replace(old, balance=old.balance + request.amount)
            told.append(Message(request.to, request.amount))
        expected.append(Status.EXECUTED)
    outcome = apply(RICH, [], PLACES, requests=asked, before_requests=before)
    assert outcome.statuses == expected
    assert outcome.accounts == {place: value for place, value in model.items() if value != Value()}
    assert message_root(outcome.messages()) == message_root(told)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_no_bytes_make_it_trap(host: Host, data: st.DataObject) -> None:
    """Under sanitizers: words of a batch with requests, changed anywhere, and what is left of it."""
    content = bytearray(
        content_of(RICH, [sign(0, to=WITHDRAWAL_ADDRESS)], TOUCHED, requests=[deposit(1), withdrawal(2)])
    )
    for _ in range(data.draw(st.integers(0, 4))):
        place = 4 * data.draw(st.integers(0, len(content) // 4 - 1))
        content[place : place + 4] = data.draw(st.sampled_from([0, 1, 2, 3, 255, 256, 257, 2**31, 2**32 - 1])).to_bytes(
            4, "little"
        )
    host.run(bytes(content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content))
