"""Connections at their limit: who waits for a request makes room, then who holds most of them."""

from __future__ import annotations

from typing import Any

from runtime.http_server import Connections


class Transport:
    """The part of a transport that is asked."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.aborted = False

    def get_extra_info(self, _: str) -> tuple[str, int]:
        return self.address, 1

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True


def opened(connections: Connections, address: str, *, busy: bool = True) -> Any:
    transport: Any = Transport(address)
    connections.opened(transport)
    if busy:
        connections._waiting.pop(transport, None)
    return transport


def test_who_waits_for_a_request_makes_room_first() -> None:
    connections = Connections(3, 60)
    busy, waiting = opened(connections, "a"), opened(connections, "a", busy=False)
    opened(connections, "a")
    assert not opened(connections, "b").aborted
    assert waiting.aborted and not busy.aborted


def test_who_holds_most_makes_room_for_another_and_not_for_itself() -> None:
    connections = Connections(4, 60)
    many = [opened(connections, "a") for _ in range(3)]
    others = [opened(connections, "b"), opened(connections, "c")]
    assert [each.aborted for each in many] == [True, False, False]
    assert not any(each.aborted for each in others)
    assert opened(connections, "b").aborted, "one less is not many more"
    for each in (*many, *others):
        connections.closed(each)
    assert not connections._open and not connections._of_address


def test_one_address_never_has_every_place() -> None:
    connections = Connections(8, 60)
    busy = [opened(connections, "a") for _ in range(5)]
    waiting = opened(connections, "a", busy=False)
    assert not opened(connections, "a").aborted and waiting.aborted, "its own that waits makes room for it"
    assert opened(connections, "a").aborted, "and its newest goes when none waits"
    others = [opened(connections, "b", busy=False) for _ in range(2)]
    assert not any(each.aborted for each in (*busy, *others)), "there was room for another"


def test_a_single_place_is_kept_by_who_has_it() -> None:
    connections = Connections(1, 60)
    first = opened(connections, "a")
    assert opened(connections, "b").aborted and not first.aborted
