"""State diffs as L1 holds them: one form for each list of accounts, and nothing else is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.formats.state_diffs import MOST_BYTES, StateDiff, StateDiffsError, decode, encode

ONE = b"\x01" * 20

numbers = st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([0, 1, 255, 256, 65535, 65536, 2**64 - 1]))
balances = st.one_of(st.integers(0, 2**256 - 1), st.sampled_from([0, 255, 256, 2**256 - 1]))
diffs = st.builds(StateDiff, st.binary(min_size=20, max_size=20), numbers, balances)


@given(st.lists(diffs, max_size=5, unique_by=lambda diff: diff.address))
def test_what_is_written_is_read_back(accounts: list[StateDiff]) -> None:
    content = encode(accounts)
    assert decode(content) == tuple(accounts)
    assert len(content) <= MOST_BYTES * len(accounts)


@given(st.binary(max_size=80))
def test_whatever_is_read_has_one_form(content: bytes) -> None:
    try:
        accounts = decode(content)
    except StateDiffsError:
        return
    assert encode(accounts) == content


@pytest.mark.parametrize(
    ("diff", "written"),
    [
        (StateDiff(ONE, 0, 0), ONE + b"\x00"),
        (StateDiff(ONE, 1, 2), ONE + b"\x41\x01\x02"),
        (StateDiff(ONE, 256, 10**18), ONE + b"\x88\x01\x00" + (10**18).to_bytes(8, "big")),
        (StateDiff(ONE, 65536, 0), ONE + b"\xc0" + (65536).to_bytes(8, "big")),
        (StateDiff(ONE, 2**64 - 1, 2**256 - 1), ONE + b"\xe0" + b"\xff" * 40),
    ],
)
def test_the_form_is_the_documented_one(diff: StateDiff, written: bytes) -> None:
    assert encode([diff]) == written
    assert decode(written) == (diff,)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (ONE[:-1], "end early"),
        (ONE, "end early"),
        (ONE + b"\x41\x01", "end early"),
        (ONE + b"\x41\x01\x02\x03", "end early"),
        (ONE + b"\x21" + b"\x01" * 33, "at most 32"),
        (ONE + b"\x40\x00", "more bytes than it needs"),
        (ONE + b"\x80\x00\x01", "more bytes than it needs"),
        (ONE + b"\xc0" + (65535).to_bytes(8, "big"), "more bytes than it needs"),
        (ONE + b"\x02\x00\x01", "more bytes than it needs"),
        (2 * (ONE + b"\x00"), "twice"),
    ],
)
def test_another_form_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(StateDiffsError, match=says):
        decode(content)
