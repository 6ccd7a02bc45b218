from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from core.api import json_rpc
from core.api.json_rpc import MAX_CALLS, RpcError, respond
from runtime.errors import Unavailable


async def _echo(parameters: Sequence[Any]) -> Any:
    return list(parameters)


async def _refuse(_: Sequence[Any]) -> Any:
    raise RpcError(-32000, "nonce too low", {"status": "NONCE_TOO_LOW"})


async def _break(_: Sequence[Any]) -> Any:
    raise ZeroDivisionError


async def _away(_: Sequence[Any]) -> Any:
    raise Unavailable("The store is away.", remedy="Wait.")


METHODS = {"echo": _echo, "refuse": _refuse, "break": _break, "away": _away}


async def _ask(body: object) -> Any:
    answer = await respond(body if isinstance(body, bytes) else json.dumps(body).encode(), METHODS)
    return None if answer is None else json.loads(answer)


async def test_a_call_is_answered_with_its_id() -> None:
    answer = await _ask({"jsonrpc": "2.0", "id": "seven", "method": "echo", "params": [1, "x"]})
    assert answer == {"jsonrpc": "2.0", "id": "seven", "result": [1, "x"]}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", -32700),
        (b"", -32700),
        (b"\xff\xfe", -32700),
        (b'{"a":' * 1_000, -32005),
        (b'{"a":' * 100_000, -32005),
        ([], -32600),
        ("text", -32600),
        ({"jsonrpc": "1.0", "id": 1, "method": "echo"}, -32600),
        ({"jsonrpc": "2.0", "id": 1}, -32600),
        ({"jsonrpc": "2.0", "id": {"a": 1}, "method": "echo"}, -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": "unknown"}, -32601),
        ({"jsonrpc": "2.0", "id": 1, "method": "echo", "params": {"named": 1}}, -32602),
        ({"jsonrpc": "2.0", "id": 1, "method": "refuse"}, -32000),
        ({"jsonrpc": "2.0", "id": 1, "method": "break"}, -32603),
        ({"jsonrpc": "2.0", "id": 1, "method": "away"}, -32603),
    ],
)
async def test_errors_have_the_codes_that_wallets_expect(body: object, code: int) -> None:
    assert (await _ask(body))["error"]["code"] == code


async def test_params_that_are_null_are_none() -> None:
    answer = await _ask({"jsonrpc": "2.0", "id": 1, "method": "echo", "params": None})
    assert answer["result"] == []


@pytest.mark.parametrize("body", [b"[" * 40 + b"]" * 40, b"[" * 1_000, b"[" * 1_000_000, b"[]," * 1_000_000])
async def test_what_costs_too_much_to_parse_is_refused_by_a_list_where_a_list_was_sent(body: bytes) -> None:
    answer = await _ask(body)
    assert [entry["error"]["code"] for entry in answer] == [-32005]


async def test_every_call_of_a_list_that_is_too_long_is_refused_under_its_id() -> None:
    calls: list[object] = [{"jsonrpc": "2.0", "id": place, "method": "echo"} for place in range(MAX_CALLS)]
    assert [entry["id"] for entry in await _ask(calls)] == list(range(MAX_CALLS))
    answer = await _ask([*calls, {"jsonrpc": "2.0", "method": "echo"}, 7])
    assert [entry["id"] for entry in answer] == [*range(MAX_CALLS), None]
    assert {entry["error"]["code"] for entry in answer[:-1]} == {-32005}


async def test_calls_after_the_limit_of_the_answers_are_refused_under_their_ids(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(json_rpc, "MAX_ANSWER_BYTES", 1000)
    calls = [{"jsonrpc": "2.0", "id": place, "method": "echo", "params": ["x" * 600]} for place in range(4)]
    answer = await _ask(calls)
    assert [("error" in entry, entry["id"]) for entry in answer] == [(False, 0), (False, 1), (True, 2), (True, 3)]


async def test_a_failed_method_says_nothing_about_the_inside() -> None:
    answer = await _ask({"jsonrpc": "2.0", "id": 1, "method": "break"})
    assert "ZeroDivision" not in json.dumps(answer)


async def test_several_calls_get_several_answers_and_notifications_none() -> None:
    calls = [
        {"jsonrpc": "2.0", "id": 1, "method": "echo", "params": [1]},
        {"jsonrpc": "2.0", "method": "echo", "params": [2]},
        {"jsonrpc": "2.0", "id": 3, "method": "refuse"},
    ]
    answer = await _ask(calls)
    assert [entry["id"] for entry in answer] == [1, 3]
    assert answer[1]["error"]["data"] == {"status": "NONCE_TOO_LOW"}
    assert await _ask(calls[1]) is None
    assert await _ask([calls[1]]) is None
