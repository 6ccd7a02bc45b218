from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.formats.messages import Message, message_path, message_root
from core.formats.priority import Kind, Request, is_request, queue_hash, read_request, request_section, request_view
from core.formats.transactions import UnreadableTransaction, read_transaction
from runtime.errors import InvalidInput

ADDRESSES = st.binary(min_size=20, max_size=20)
REQUESTS = st.builds(
    Request, st.integers(1, 2**64 - 1), st.sampled_from(Kind), ADDRESSES, ADDRESSES, st.integers(1, 2**256 - 1)
)


@given(REQUESTS)
def test_a_request_is_read_back_from_its_transaction(request: Request) -> None:
    content = request.transaction()
    assert is_request(content) and read_request(content) == request
    view = request_view(content)
    assert (view.sender, view.value, view.nonce, view.gas) == (request.sender, request.amount, request.number, 0)
    with pytest.raises(UnreadableTransaction, match="type 126"):
        read_transaction(content)
    for other in (content[:-1], content + b"\x00", content[:1], content[:1] + b"\xc0"):
        with pytest.raises(InvalidInput):
            read_request(other)


def test_more_requests_than_a_batch_holds_are_refused() -> None:
    one = Request(1, Kind.DEPOSIT, b"\x01" * 20, b"\x02" * 20, 1)
    assert len(request_section(bytes(32), [one] * 256)) == 32 + 256 * 76
    for before, count in ((bytes(32), 257), (bytes(31), 1)):
        with pytest.raises(InvalidInput):
            request_section(before, [one] * count)
    assert queue_hash(b"\x11" * 32, []) == bytes(32)


@given(st.integers(1, 40), st.data())
def test_a_path_has_the_length_of_the_tree(count: int, data: st.DataObject) -> None:
    messages = [Message(bytes([place]) * 20, place) for place in range(count)]
    index = data.draw(st.integers(0, count - 1))
    path = message_path(messages, index)
    assert 1 << len(path) >= count > (1 << len(path)) // 2
    assert message_root(messages) != message_root(messages[:-1])
