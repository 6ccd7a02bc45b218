"""JSON-RPC over HTTP, as a wallet sees it."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import ClientSession
from eth_account import Account
from eth_hash.auto import keccak

from core.process.node import Node
from tests.core.api.calls import call
from tests.core.chain import ETHER, GWEI, WALLETS, transfer

UNKNOWN = "0x" + "77" * 32


async def test_a_wallet_sends_a_transfer_and_follows_it(http: ClientSession, node: Node) -> None:
    sender, receiver = WALLETS[0].address, WALLETS[1].address
    assert await call(http, "eth_chainId") == hex(4242)
    assert await call(http, "net_version") == "4242"
    assert await call(http, "eth_gasPrice") == hex(GWEI)
    assert await call(http, "eth_getBalance", sender, "latest") == hex(10_000 * ETHER)
    digest = await call(http, "eth_sendRawTransaction", "0x" + transfer(WALLETS[0], 0).hex())
    assert await call(http, "eth_getTransactionCount", sender, "latest") == "0x0"
    assert await call(http, "eth_getTransactionCount", sender, "pending") == "0x1"
    assert await call(http, "eth_getTransactionReceipt", digest) is None
    waiting = await call(http, "eth_getTransactionByHash", digest)
    assert (waiting["blockNumber"], waiting["from"]) == (None, sender.lower())
    assert await call(http, "hallmark_sealBatch") == "0x1"
    node.settlement.advance()
    assert await call(http, "eth_blockNumber") == "0x1"
    receipt = await call(http, "eth_getTransactionReceipt", digest)
    assert receipt["status"] == "0x1"
    assert (receipt["blockNumber"], receipt["transactionIndex"], receipt["gasUsed"]) == ("0x1", "0x0", hex(21_000))
    assert receipt["effectiveGasPrice"] == hex(11 * GWEI // 10)
    assert (receipt["from"], receipt["to"]) == (sender.lower(), receiver.lower())
    assert await call(http, "eth_getBalance", receiver) == hex(10_001 * ETHER)
    assert await call(http, "eth_getBalance", receiver, "0x0") == hex(10_000 * ETHER)
    assert await call(http, "eth_getBalance", receiver, "finalized") == hex(10_000 * ETHER)
    block = await call(http, "eth_getBlockByNumber", "latest", True)
    assert (block["hash"], block["transactions"][0]["hash"]) == (receipt["blockHash"], digest)
    assert block["parentHash"] == (await call(http, "eth_getBlockByNumber", "0x0", False))["hash"]
    assert await call(http, "hallmark_batchStatus", "0x1") == {
        "number": "0x1",
        "status": "committed",
        "security": None,
        "l1Status": None,
        "l1Transactions": [],
        "provenBatch": "0x0",
    }


async def test_a_sealed_batch_is_settled_without_being_asked(http: ClientSession) -> None:
    import asyncio

    await call(http, "eth_sendRawTransaction", "0x" + transfer(WALLETS[0], 0).hex())
    await call(http, "hallmark_sealBatch")
    for _ in range(100):
        if await call(http, "eth_blockNumber") == "0x1":
            return
        await asyncio.sleep(0.05)
    pytest.fail("the batch was not settled")


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (transfer(WALLETS[0], 0, chainId=5), "invalid chain id"),
        (transfer(WALLETS[0], (1 << 64) - 1), "nonce has max value"),
        (transfer(Account.from_key(b"\x09" * 32), 0), "insufficient funds"),
        (transfer(WALLETS[0], 0)[:-1], "invalid transaction"),
        (b"", "invalid transaction"),
        (b"\x05", "invalid transaction"),
    ],
)
async def test_refusals_use_the_words_and_the_code_that_wallets_know(
    http: ClientSession, raw: bytes, words: str
) -> None:
    error = await call(http, "eth_sendRawTransaction", "0x" + raw.hex())
    assert error["code"] == -32000
    assert words in error["message"]


async def test_a_second_send_is_known_and_a_used_nonce_too_low(http: ClientSession, node: Node) -> None:
    raw = "0x" + transfer(WALLETS[0], 0).hex()
    await call(http, "eth_sendRawTransaction", raw)
    assert (await call(http, "eth_sendRawTransaction", raw))["message"] == "already known"
    other = "0x" + transfer(WALLETS[0], 0, value=1).hex()
    error = await call(http, "eth_sendRawTransaction", other)
    assert (error["code"], error["message"]) == (-32000, "replacement transaction underpriced")
    node.seal_and_settle()
    error = await call(http, "eth_sendRawTransaction", other)
    assert (error["message"], error["data"]) == ("nonce too low", {"status": "NONCE_TOO_LOW"})


async def test_a_waiting_transaction_is_sped_up_and_cancelled(http: ClientSession, node: Node) -> None:
    fees = {"maxFeePerGas": 20 * GWEI, "maxPriorityFeePerGas": GWEI}
    slow, quick = transfer(WALLETS[0], 0), transfer(WALLETS[0], 0, **fees)
    await call(http, "eth_sendRawTransaction", "0x" + slow.hex())
    assert await call(http, "eth_maxPriorityFeePerGas") == "0x0"
    digest = await call(http, "eth_sendRawTransaction", "0x" + quick.hex())
    assert await call(http, "eth_getTransactionByHash", "0x" + keccak(slow).hex()) is None
    assert await call(http, "eth_getTransactionCount", WALLETS[0].address, "pending") == "0x1"
    node.seal_and_settle()
    assert (await call(http, "eth_getTransactionReceipt", digest))["effectiveGasPrice"] == hex(2 * GWEI)
    assert await call(http, "eth_getTransactionReceipt", "0x" + keccak(slow).hex()) is None


async def test_the_tip_asked_for_is_what_the_next_batch_takes(
    http: ClientSession, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node.sequencer, "due", lambda: False)  # or the full batch would be sealed before the question
    for nonce in range(16):
        node.sequencer.submit(transfer(WALLETS[0], nonce, maxPriorityFeePerGas=GWEI // 2))
    assert await call(http, "eth_maxPriorityFeePerGas") == hex(GWEI // 2 + 1)
    assert await call(http, "eth_gasPrice") == hex(GWEI + GWEI // 2 + 1)


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("eth_getBalance", []),
        ("eth_getBalance", ["0x12"]),
        ("eth_getBalance", ["latest"]),
        ("eth_getBalance", [5]),
        ("eth_getBalance", ["0x" + "11" * 20, "0x5"]),
        ("eth_getBalance", ["0x" + "11" * 20, "tomorrow"]),
        ("eth_getBalance", ["0x" + "11" * 20, "0x01"]),
        ("eth_getBalance", ["0x" + "11" * 20, {"blockHash": "0x"}]),
        ("eth_getTransactionReceipt", ["0x" + "11" * 31]),
        ("eth_sendRawTransaction", ["f86b"]),
        ("eth_sendRawTransaction", ["0xabc"]),
        ("eth_sendRawTransaction", [None]),
    ],
)
async def test_wrong_parameters_are_invalid_params(http: ClientSession, method: str, parameters: list[Any]) -> None:
    assert (await call(http, method, *parameters))["code"] == -32602


async def test_what_does_not_exist_is_null(http: ClientSession) -> None:
    assert await call(http, "eth_getTransactionReceipt", UNKNOWN) is None
    assert await call(http, "eth_getTransactionByHash", UNKNOWN) is None
    assert await call(http, "eth_getBalance", "0x" + "99" * 20) == "0x0"
    assert await call(http, "eth_getCode", "0x" + "99" * 20, "latest") == "0x"


async def test_a_body_over_the_limit_is_refused(http: ClientSession) -> None:
    async with http.post("/", data=b" " * (5 << 20)) as answer:
        assert answer.status == 413
        assert (await answer.json())["error"]["code"] == "too_large"


async def test_health_readiness_and_metrics(http: ClientSession, node: Node) -> None:
    async with http.get("/health") as answer:
        assert answer.status == 200
    async with http.get("/ready") as answer:
        assert answer.status == 200
        body = await answer.json()
        assert body["key_digest"] == node.identity.key_digest
        assert body["program_commitment"] == node.program.commitment
    async with http.get("/metrics") as answer:
        text = await answer.text()
        assert 'hallmark_core_batches{cluster="local",status="proven"} 1.0' in text
        assert "hallmark_core_proven_batch" in text
    async with http.get("/nothing") as answer:
        assert answer.status == 404
        assert (await answer.json())["error"]["code"] == "invalid_input"
