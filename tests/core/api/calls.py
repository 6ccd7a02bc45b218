"""Calls over HTTP and WebSocket, for the tests of core's JSON-RPC."""

from __future__ import annotations

from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse


async def call(http: ClientSession, method: str, *parameters: Any) -> Any:
    """The result of a call, or its error."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
    async with http.post("/", json=body) as answer:
        assert answer.status == 200
        content: dict[str, Any] = await answer.json()
    return content["result"] if "result" in content else content["error"]


async def ask(socket: ClientWebSocketResponse, method: str, *parameters: Any) -> Any:
    """As :func:`call`, over a WebSocket on which nothing else is told in between."""
    await socket.send_json({"jsonrpc": "2.0", "id": 7, "method": method, "params": list(parameters)})
    content = await socket.receive_json(timeout=20)
    assert content["id"] == 7
    return content["result"] if "result" in content else content["error"]
