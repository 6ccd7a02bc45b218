"""JSON-RPC over a WebSocket, and what subscribers are told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

from core.api import subscriptions
from core.process.node import Node
from tests.core.api.calls import ask, call
from tests.core.api.schema import BLOCK, TRANSACTIONS, check
from tests.core.chain import WALLETS, transfer

HEAD = {name: shape for name, shape in BLOCK.items() if name not in ("size", "transactions", "uncles")}
NOT_SEALED = frozenset({"blockHash", "blockNumber", "blockTimestamp", "transactionIndex"})


async def _told(socket: ClientWebSocketResponse, identity: str) -> Any:
    message = await socket.receive_json(timeout=20)
    assert (message["method"], message["params"]["subscription"]) == ("eth_subscription", identity)
    return message["params"]["result"]


async def test_a_websocket_answers_calls_lists_and_nonsense(http: ClientSession) -> None:
    async with http.ws_connect("/") as socket:
        assert await ask(socket, "eth_chainId") == hex(4242)
        await socket.send_json([{"jsonrpc": "2.0", "id": place, "method": "net_version"} for place in range(3)])
        assert [entry["id"] for entry in await socket.receive_json()] == [0, 1, 2]
        await socket.send_str("{")
        assert (await socket.receive_json())["error"]["code"] == -32700
        await socket.send_bytes(b'{"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}')
        assert (await socket.receive_json())["result"] == hex(4242)


async def test_a_plain_get_is_told_what_to_do(http: ClientSession) -> None:
    async with http.get("/") as answer:
        assert answer.status == 400
        assert "WebSocket" in (await answer.json())["error"]["message"]


async def test_new_heads_are_told_in_order(http: ClientSession, node: Node) -> None:
    async with http.ws_connect("/") as socket:
        identity = await ask(socket, "eth_subscribe", "newHeads")
        for nonce in range(3):
            node.sequencer.submit(transfer(WALLETS[0], nonce))
            await asyncio.to_thread(node.seal_and_settle)
        for number in (1, 2, 3):
            head = await _told(socket, identity)
            check(head, HEAD)
            assert head["number"] == hex(number)
        block = await call(http, "eth_getBlockByNumber", "0x3")
        assert {name: block[name] for name in head} == head


async def test_waiting_transactions_are_told_by_hash_or_whole(http: ClientSession) -> None:
    async with http.ws_connect("/") as hashes, http.ws_connect("/") as whole:
        by_hash = await ask(hashes, "eth_subscribe", "newPendingTransactions")
        full = await ask(whole, "eth_subscribe", "newPendingTransactions", True)
        digest = await call(http, "eth_sendRawTransaction", "0x" + transfer(WALLETS[0], 0).hex())
        assert await _told(hashes, by_hash) == digest
        found = await _told(whole, full)
        check(found, TRANSACTIONS[2], without=NOT_SEALED)
        assert found["hash"] == digest


async def test_nothing_is_told_after_unsubscribing(http: ClientSession, node: Node) -> None:
    async with http.ws_connect("/") as socket:
        identity = await ask(socket, "eth_subscribe", "newHeads")
        assert await ask(socket, "eth_unsubscribe", identity) is True
        assert await ask(socket, "eth_unsubscribe", identity) is False
        node.sequencer.submit(transfer(WALLETS[0], 0))
        await asyncio.to_thread(node.seal_and_settle)
        await asyncio.sleep(0.5)
        assert await ask(socket, "eth_blockNumber") == "0x1"


async def test_logs_and_syncing_are_accepted_and_others_are_not(http: ClientSession) -> None:
    async with http.ws_connect("/") as socket:
        for kind in ("logs", "syncing"):
            assert (await ask(socket, "eth_subscribe", kind, {})).startswith("0x")
        assert (await ask(socket, "eth_subscribe", "weather"))["code"] == -32602
        for _ in range(subscriptions.MAX_SUBSCRIPTIONS - 2):
            await ask(socket, "eth_subscribe", "logs")
        assert (await ask(socket, "eth_subscribe", "logs"))["code"] == -32005


async def test_subscribing_needs_a_websocket(http: ClientSession) -> None:
    assert (await call(http, "eth_subscribe", "newHeads"))["code"] == -32601


async def test_connections_have_a_limit(http: ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "MAX_CONNECTIONS", 1)
    async with http.ws_connect("/") as socket:
        async with http.get(
            "/",
            headers={
                "Connection": "Upgrade",
                "Upgrade": "websocket",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
            },
        ) as answer:
            assert answer.status == 503
        assert await ask(socket, "eth_chainId") == hex(4242)


async def test_a_client_that_does_not_read_is_disconnected_and_the_others_are_told(
    http: ClientSession, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with http.ws_connect("/") as quick:
        identity = await ask(quick, "eth_subscribe", "newHeads")
        monkeypatch.setattr(subscriptions, "MAX_QUEUED", 2)
        async with http.ws_connect("/") as slow:
            await ask(slow, "eth_subscribe", "newHeads")
            for nonce in range(8):  # without giving way to the event loop: all are told in one go
                node.sequencer.submit(transfer(WALLETS[0], nonce))
                node.seal_and_settle()
            assert [(await _told(quick, identity))["number"] for _ in range(8)] == [hex(place) for place in range(1, 9)]
            while (message := await slow.receive(timeout=20)).type is WSMsgType.TEXT:
                pass
            assert (message.type, message.data) == (WSMsgType.CLOSE, 1013)
