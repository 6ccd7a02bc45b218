"""Blocks, transactions and receipts against the published schema of Ethereum's execution API."""

from __future__ import annotations

from typing import Any

import pytest
import rlp
from aiohttp import ClientSession
from eth_hash.auto import keccak

from core.process.node import Node
from tests.core.api.calls import call
from tests.core.api.schema import BLOCK, RECEIPT, TRANSACTIONS, check
from tests.core.chain import GWEI, WALLETS, legacy, transfer

KEYS = ["0x" + "11" * 32, "0x" + "22" * 32]
LISTED = [{"address": WALLETS[1].address, "storageKeys": KEYS}, {"address": WALLETS[2].address, "storageKeys": []}]
NOT_SEALED = frozenset({"blockHash", "blockNumber", "blockTimestamp", "transactionIndex"})


def _access_list(nonce: int) -> bytes:
    removed = {"maxFeePerGas": None, "maxPriorityFeePerGas": None}
    return transfer(WALLETS[0], nonce, type=1, gas=60_000, gasPrice=2 * GWEI, accessList=LISTED, **removed)


@pytest.fixture
async def sealed(http: ClientSession, node: Node) -> list[str]:
    """Hashes of a sealed batch of one transaction of every type."""
    raws = [
        legacy(WALLETS[0], 0),
        _access_list(1),
        transfer(WALLETS[0], 2, gas=60_000, accessList=LISTED, data=b"\x01\x00"),
    ]
    hashes = [await call(http, "eth_sendRawTransaction", "0x" + raw.hex()) for raw in raws]
    node.seal_and_settle()
    return hashes


async def test_a_waiting_transaction_has_every_field(http: ClientSession) -> None:
    digest = await call(http, "eth_sendRawTransaction", "0x" + transfer(WALLETS[0], 0).hex())
    waiting = await call(http, "eth_getTransactionByHash", digest)
    check(waiting, TRANSACTIONS[2], without=NOT_SEALED)
    assert waiting["gasPrice"] == waiting["maxFeePerGas"] == hex(2 * GWEI)


async def test_sealed_transactions_of_every_type_have_every_field(http: ClientSession, sealed: list[str]) -> None:
    block = await call(http, "eth_getBlockByNumber", "0x1", True)
    for place, digest in enumerate(sealed):
        found = await call(http, "eth_getTransactionByHash", digest)
        check(found, TRANSACTIONS[place])
        assert found == block["transactions"][place]
        assert found == await call(http, "eth_getTransactionByBlockNumberAndIndex", "latest", hex(place))
        assert found == await call(http, "eth_getTransactionByBlockHashAndIndex", block["hash"], hex(place))
    assert await call(http, "eth_getTransactionByBlockNumberAndIndex", "0x1", "0x3") is None
    assert await call(http, "eth_getTransactionByBlockNumberAndIndex", "0x0", "0x0") is None


async def test_a_transaction_read_back_is_serialised_to_the_same_hash(http: ClientSession, sealed: list[str]) -> None:
    def number(text: str) -> int:
        return int(text, 16)

    for kind, digest in enumerate(sealed[1:], 1):
        found = await call(http, "eth_getTransactionByHash", digest)
        listed = [
            [bytes.fromhex(entry["address"][2:]), [bytes.fromhex(key[2:]) for key in entry["storageKeys"]]]
            for entry in found["accessList"]
        ]
        fees = ["gasPrice"] if kind == 1 else ["maxPriorityFeePerGas", "maxFeePerGas"]
        fields: list[Any] = [number(found[name]) for name in ("chainId", "nonce", *fees, "gas")]
        fields += [bytes.fromhex(found["to"][2:]), number(found["value"]), bytes.fromhex(found["input"][2:]), listed]
        fields += [number(found[name]) for name in ("yParity", "r", "s")]
        assert "0x" + keccak(bytes([kind]) + rlp.encode(fields)).hex() == digest


async def test_blocks_have_every_field(http: ClientSession, sealed: list[str]) -> None:
    genesis, block = [await call(http, "eth_getBlockByNumber", number) for number in ("earliest", "latest")]
    for found in (genesis, block):
        check(found, BLOCK)
        assert await call(http, "eth_getBlockByHash", found["hash"], False) == found
    assert block["parentHash"] == genesis["hash"]
    assert block["transactions"] == sealed
    assert (block["gasUsed"], block["gasLimit"]) == (hex(21_000 + 29_600 - 3_800 + 3_800 + 29_620), hex(30_000_000))
    assert await call(http, "eth_getBlockByHash", "0x" + "66" * 32, False) is None
    assert await call(http, "eth_getBlockByNumber", "0x2", False) is None
    assert await call(http, "eth_getBlockByNumber", "0x" + "f" * 40, False) is None
    assert await call(http, "eth_getBlockTransactionCountByNumber", "latest") == "0x3"
    assert await call(http, "eth_getBlockTransactionCountByHash", block["hash"]) == "0x3"
    assert await call(http, "eth_getUncleCountByBlockNumber", "latest") == "0x0"
    assert await call(http, "eth_getUncleCountByBlockHash", block["hash"]) == "0x0"
    assert await call(http, "eth_getBlockTransactionCountByNumber", "0x2") is None


async def test_receipts_have_every_field_and_add_up(http: ClientSession, sealed: list[str]) -> None:
    receipts = await call(http, "eth_getBlockReceipts", "latest")
    total = 0
    for digest, receipt in zip(sealed, receipts, strict=True):
        check(receipt, RECEIPT)
        assert receipt == await call(http, "eth_getTransactionReceipt", digest)
        total += int(receipt["gasUsed"], 16)
        assert int(receipt["cumulativeGasUsed"], 16) == total
    assert total == int((await call(http, "eth_getBlockByNumber", "latest"))["gasUsed"], 16)
    assert await call(http, "eth_getBlockReceipts", "0x0") == []
    assert await call(http, "eth_getBlockReceipts", "0x9") is None


async def test_state_is_read_at_numbers_tags_hashes_and_objects(http: ClientSession, sealed: list[str]) -> None:
    receiver = WALLETS[1].address
    genesis, block = [await call(http, "eth_getBlockByNumber", number) for number in ("0x0", "0x1")]
    before, after = [await call(http, "eth_getBalance", receiver, number) for number in ("0x0", "0x1")]
    assert before != after
    for reference, balance in (
        (genesis["hash"], before),
        ({"blockHash": block["hash"], "requireCanonical": True}, after),
        ({"blockNumber": "0x0"}, before),
        ("earliest", before),
        ("safe", before),
        ("finalized", before),
        (None, after),
    ):
        assert await call(http, "eth_getBalance", receiver, reference) == balance
    for unknown in (
        "0x2",
        "0x" + "66" * 32,
        {"blockHash": "0x" + "66" * 32},
        {},
        {"blockNumber": "0x0"} | {"blockHash": genesis["hash"]},
    ):
        assert (await call(http, "eth_getBalance", receiver, unknown))["code"] == -32602


async def test_accounts_have_neither_code_nor_storage_nor_logs(http: ClientSession, sealed: list[str]) -> None:
    address, block = WALLETS[1].address, await call(http, "eth_getBlockByNumber", "latest")
    assert await call(http, "eth_getCode", address, "latest") == "0x"
    assert await call(http, "eth_getStorageAt", address, "0x0", "latest") == "0x" + "00" * 32
    assert await call(http, "eth_getStorageAt", address, "0x" + "00" * 32, "latest") == "0x" + "00" * 32
    assert await call(http, "eth_call", {"to": address, "data": "0x12345678"}, "latest") == "0x"
    assert (await call(http, "eth_call", {"data": "0x6000"}, "latest"))["code"] == -32000
    assert await call(http, "eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest", "topics": [None]}) == []
    assert await call(http, "eth_getLogs", {"blockHash": block["hash"]}) == []
    assert (await call(http, "eth_getLogs", {"blockHash": "0x" + "66" * 32}))["code"] == -32602
    assert (await call(http, "eth_getLogs", {"fromBlock": "0x1", "toBlock": "0x0"}))["code"] == -32602


async def test_the_small_methods(http: ClientSession) -> None:
    assert (await call(http, "web3_clientVersion")).startswith("Hallmark/v")
    assert await call(http, "web3_sha3", "0x") == "0x" + keccak(b"").hex()
    assert await call(http, "net_peerCount") == "0x0"
    assert await call(http, "net_listening") is True
    assert await call(http, "eth_syncing") is False
    assert await call(http, "eth_accounts") == []
