from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from core.json_rpc import MAX_CALLS, RpcError, respond
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
        (b"[" * 1_000, -32700),
        (b"[" * 1_000_000, -32005),
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
        ([{"jsonrpc": "2.0", "id": 1, "method": "echo"}] * (MAX_CALLS + 1), -32005),
    ],
)
async def test_errors_have_the_codes_that_wallets_expect(body: object, code: int) -> None:
    assert (await _ask(body))["error"]["code"] == code


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
