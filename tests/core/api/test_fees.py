"""What wallets ask before they send: gas and fees."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import ClientSession
from eth_account import Account

from core.process.node import Node
from tests.core.api.calls import call
from tests.core.chain import ETHER, GWEI, WALLETS, transfer

SENDER, RECEIVER = WALLETS[0].address, WALLETS[1].address


@pytest.mark.parametrize(
    ("changes", "gas"),
    [
        ({}, 21_000),
        ({"value": hex(ETHER)}, 21_000),
        ({"data": "0x0001"}, 21_020),
        ({"input": "0x0001"}, 21_020),
        ({"input": "0x0001", "data": "0x0001", "gas": hex(21_020)}, 21_020),
        ({"accessList": [{"address": RECEIVER, "storageKeys": ["0x" + "11" * 32]}]}, 25_300),
        ({"from": None, "value": hex(ETHER)}, 21_000),
    ],
)
async def test_the_estimate_is_what_the_program_charges(
    http: ClientSession, node: Node, changes: dict[str, Any], gas: int
) -> None:
    fields = {"from": SENDER, "to": RECEIVER} | changes
    assert await call(http, "eth_estimateGas", {k: v for k, v in fields.items() if v is not None}) == hex(gas)
    content = bytes.fromhex((changes.get("data") or changes.get("input") or "0x")[2:])
    listed = changes.get("accessList", [])
    node.sequencer.submit(transfer(WALLETS[0], 0, gas=gas, data=content, accessList=listed))
    node.seal_and_settle()
    block = await call(http, "eth_getBlockByNumber", "latest")
    assert block["gasUsed"] == hex(gas)


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"value": hex(10_001 * ETHER)}, -32000, "insufficient funds for transfer"),
        ({"from": Account.from_key(b"\x05" * 32).address, "value": "0x1"}, -32000, "insufficient funds for transfer"),
        ({"gas": hex(20_999)}, -32000, "gas required exceeds allowance (20999)"),
        ({"to": None, "data": "0x6000"}, -32000, "contract creation is not supported"),
        ({"data": "0x01", "input": "0x02"}, -32602, "not equal"),
        ({"data": "0x" + "11" * 131_073}, -32602, "byte string"),
        ({"data": "0x" + "11" * 131_072}, -32000, "more than"),
        ({"value": "5"}, -32602, "quantity"),
        ({"accessList": [{"address": RECEIVER, "storageKeys": "0x"}]}, -32602, "storageKeys"),
        ({"accessList": {}}, -32602, "accessList"),
    ],
)
async def test_what_cannot_be_estimated_is_refused_with_the_reason(
    http: ClientSession, changes: dict[str, Any], code: int, words: str
) -> None:
    error = await call(http, "eth_estimateGas", {"from": SENDER, "to": RECEIVER} | changes)
    assert error["code"] == code and words in error["message"]


async def test_the_fee_history_covers_what_was_asked(http: ClientSession, node: Node) -> None:
    for nonce, tip in enumerate((GWEI // 10, GWEI // 2, GWEI)):
        node.sequencer.submit(transfer(WALLETS[0], nonce, maxPriorityFeePerGas=tip))
    node.seal_and_settle()
    answer = await call(http, "eth_feeHistory", "0x2", "latest", [0, 50, 100])
    assert answer["oldestBlock"] == "0x0"
    assert answer["baseFeePerGas"] == [hex(GWEI)] * 3
    assert answer["gasUsedRatio"] == [0.0, 63_000 / 30_000_000]
    assert answer["reward"] == [["0x0"] * 3, [hex(GWEI // 10), hex(GWEI // 2), hex(GWEI)]]
    shorter = await call(http, "eth_feeHistory", 1, "latest")
    assert "reward" not in shorter
    assert (shorter["oldestBlock"], len(shorter["baseFeePerGas"])) == ("0x1", 2)
    everything = await call(http, "eth_feeHistory", "1024", "latest", [])
    assert (everything["oldestBlock"], len(everything["gasUsedRatio"])) == ("0x0", 2)
    assert (await call(http, "eth_feeHistory", "0x0", "latest", []))["baseFeePerGas"] == []


@pytest.mark.parametrize(
    "parameters",
    [
        ["x", "latest"],
        ["0x1", "latest", [50, 10]],
        ["0x1", "latest", [101]],
        ["0x1", "latest", [True]],
        ["0x1", "latest", [1] * 101],
        ["0x1", "0x9", []],
        [-1, "latest"],
    ],
)
async def test_a_wrong_fee_history_is_refused(http: ClientSession, parameters: list[Any]) -> None:
    assert (await call(http, "eth_feeHistory", *parameters))["code"] == -32602
