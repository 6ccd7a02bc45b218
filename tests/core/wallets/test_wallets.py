"""The libraries that wallets are built on, each through a whole life with a core that seals by itself.

web3.py always; ethers, viem, web3.js and cast where Node is at hand, installed as ``package-lock.json`` here pins them.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from web3 import AsyncWeb3, HTTPProvider, Web3, WebSocketProvider
from web3.exceptions import Web3RPCError

from cli.node_packages import packages_missing
from core.process.server import Server
from tests.core.chain import ETHER, GWEI, WALLETS, node_at
from tests.processes import started

HERE = Path(__file__).parent
SENDER, RECEIVER = WALLETS[0], WALLETS[1].address

#: Seconds that a script may take; it waits for a dozen batches.
SCRIPT_SECONDS = 240


@pytest.fixture
async def core(tmp_path: Path) -> AsyncIterator[TestServer]:
    node = node_at(tmp_path, core_batch_seconds=0.3)
    async with TestServer(Server(node, started(node.settings, "core")).application()) as served:
        yield served
    node.store.close()


@pytest.mark.parametrize("library", ["ethers", "viem", "web3"])
async def test_a_library_of_node_sends_waits_replaces_and_subscribes(core: TestServer, library: str) -> None:
    if reason := packages_missing(HERE, library):
        pytest.skip(reason)
    url = str(core.make_url("/"))
    script = await asyncio.create_subprocess_exec(
        "node", f"{library}.mjs", url, url.replace("http", "ws", 1), cwd=HERE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(SCRIPT_SECONDS):
            _, errors = await script.communicate()
    finally:
        if script.returncode is None:
            script.kill()
            await script.wait()
    assert script.returncode == 0, errors.decode()[-3000:]


async def test_cast_sends_waits_and_replaces(core: TestServer) -> None:
    if reason := packages_missing(HERE, "@foundry-rs/cast"):
        pytest.skip(reason)
    await asyncio.to_thread(_cast, str(core.make_url("/")))


def _cast(url: str) -> None:
    def run(*arguments: str, fails: str = "") -> str:
        command = ["node", "node_modules/@foundry-rs/cast/bin.mjs", *arguments, "--rpc-url", url]
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=SCRIPT_SECONDS)
        # npm's script around it ends with 0 whatever becomes of cast.
        assert ("Error:" in done.stderr) == bool(fails) and fails in done.stderr, done.stderr[-3000:]
        return done.stdout.strip()

    key = ("--private-key", "0x" + SENDER.key.hex())
    assert (run("chain-id"), run("block-number")) == ("4242", "0")
    assert run("balance", SENDER.address) == str(10_000 * ETHER)
    assert int(run("gas-price")) >= GWEI
    assert run("estimate", RECEIVER, "--value", "1ether", "--from", SENDER.address) == "21000"
    for kind in ((), ("--legacy",), ("--access-list", "[]")):
        sent = json.loads(run("send", RECEIVER, "--value", "1ether", *key, *kind, "--json"))
        assert (sent["status"], sent["to"].lower()) == ("0x1", RECEIVER.lower())
        assert json.loads(run("receipt", sent["transactionHash"], "--json"))["blockHash"] == sent["blockHash"]
        assert json.loads(run("tx", sent["transactionHash"], "--json"))["type"] == sent["type"]
        block = json.loads(run("block", sent["blockNumber"], "--json"))
        assert sent["transactionHash"] in block["transactions"] and block["hash"] == sent["blockHash"]
    assert run("balance", RECEIVER, "--ether").startswith("10003.")
    assert (run("nonce", SENDER.address), run("code", RECEIVER)) == ("3", "0x")
    waiting = ("send", RECEIVER, *key, "--async", "--nonce", "4", "--priority-gas-price", "100000000")
    slow = run(*waiting, "--gas-price", "3gwei")
    run(*waiting, "--gas-price", "3gwei", "--value", "1", fails="replacement transaction underpriced")
    quick = run(*waiting[:-1], "1gwei", "--gas-price", "4gwei")
    run("send", RECEIVER, *key, "--nonce", "3")
    assert json.loads(run("receipt", quick, "--json"))["status"] == "0x1"
    run("receipt", slow, "--async", fails="not found")


async def test_web3_of_python_sends_waits_and_replaces(core: TestServer) -> None:
    await asyncio.to_thread(_web3, str(core.make_url("/")))


def _web3(url: str) -> None:
    web3 = Web3(HTTPProvider(url))
    eth = web3.eth
    assert (web3.is_connected(), eth.chain_id, eth.get_block("latest")["number"]) == (True, 4242, 0)
    assert eth.get_balance(SENDER.address) == 10_000 * ETHER
    assert len(eth.fee_history(1, "latest", [50])["baseFeePerGas"]) == 2
    listed = [{"address": RECEIVER, "storageKeys": ["0x" + "11" * 32]}]
    for nonce, fees in enumerate(
        (
            {"gasPrice": eth.gas_price},
            {"gasPrice": eth.gas_price, "accessList": listed, "type": 1},
            {"maxFeePerGas": 3 * GWEI, "maxPriorityFeePerGas": eth.max_priority_fee, "accessList": listed, "type": 2},
        )
    ):
        fields = {"from": SENDER.address, "to": RECEIVER, "value": ETHER, "nonce": nonce, "chainId": 4242, **fees}
        fields["gas"] = eth.estimate_gas(fields)  # type: ignore[arg-type]
        digest = _send(web3, fields)
        receipt = eth.wait_for_transaction_receipt(digest, timeout=60, poll_latency=0.05)
        assert (receipt["status"], receipt["gasUsed"]) == (1, fields["gas"])
        found = eth.get_transaction(digest)
        assert (found["blockHash"], found["type"]) == (receipt["blockHash"], (0, 1, 2)[nonce])
        assert digest in eth.get_block(receipt["blockNumber"])["transactions"]
        assert eth.get_block(receipt["blockHash"], full_transactions=True)["transactions"][0]["hash"] == digest
    assert eth.get_balance(RECEIVER) == 10_003 * ETHER

    waiting = {"to": RECEIVER, "gas": 21_000, "chainId": 4242, "nonce": 4, "maxPriorityFeePerGas": GWEI // 10}
    slow = _send(web3, {**waiting, "maxFeePerGas": 3 * GWEI})
    with pytest.raises(Web3RPCError, match="replacement transaction underpriced"):
        _send(web3, {**waiting, "maxFeePerGas": 3 * GWEI, "value": 1})
    quick = _send(web3, {**waiting, "maxFeePerGas": 4 * GWEI, "maxPriorityFeePerGas": GWEI})
    _send(web3, {**waiting, "maxFeePerGas": 3 * GWEI, "nonce": 3})
    assert eth.wait_for_transaction_receipt(quick, timeout=60, poll_latency=0.05)["status"] == 1
    with pytest.raises(Web3RPCError, match="nonce too low"):
        _send(web3, {**waiting, "maxFeePerGas": 3 * GWEI, "nonce": 0})
    assert slow not in {entry["transactionHash"] for entry in eth.get_block_receipts("latest")}


def _send(web3: Web3, fields: dict[str, object]) -> Any:
    kept = {name: value for name, value in fields.items() if name != "from"}
    return web3.eth.send_raw_transaction(SENDER.sign_transaction(kept).raw_transaction)


async def test_web3_of_python_subscribes(core: TestServer) -> None:
    async with AsyncWeb3(WebSocketProvider(str(core.make_url("/")).replace("http", "ws", 1))) as web3:
        heads = await web3.eth.subscribe("newHeads")
        pending = await web3.eth.subscribe("newPendingTransactions")
        fields = {"to": RECEIVER, "gas": 21_000, "chainId": 4242, "nonce": 0}
        signed = SENDER.sign_transaction({**fields, "maxFeePerGas": 3 * GWEI, "maxPriorityFeePerGas": 0})
        digest = await web3.eth.send_raw_transaction(signed.raw_transaction)
        told: dict[str, object] = {}
        async with asyncio.timeout(60):
            async for message in web3.socket.process_subscriptions():
                told[message["subscription"]] = message["result"]
                if len(told) == 2:
                    break
    assert told[pending] == digest
    assert told[heads]["number"] == 1  # type: ignore[index]
