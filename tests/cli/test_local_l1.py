"""The local L1 of demos: the node in Python answers like a node."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from eth_account import Account
from web3 import HTTPProvider, Web3

from cli import local_l1
from core.eth_sender.deployment import Deployer
from core.eth_sender.signer import Signer
from tests.core.eth_sender.rollup import GWEI
from tests.core.eth_sender.test_deployment import ROLLUP
from tests.proving.snark.circuits import batch_circuit


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with local_l1.running(local_l1.evm_node()) as found:
        yield found


def ask(url: str, body: Any) -> Any:
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode()), timeout=30) as answer:
        return json.load(answer)


def test_contracts_are_deployed_over_http_with_the_key_that_has_ether(url: str) -> None:
    web3 = Web3(HTTPProvider(url))
    signer = Signer(local_l1.KEY, "the test")
    assert signer.address == Account.from_key(local_l1.KEY).address == web3.eth.accounts[0]
    _, executor = Deployer(web3, signer, 100 * GWEI).deploy(
        batch_circuit().key, ROLLUP, owner=signer.address, validator=signer.address
    )
    receipt = web3.eth.get_transaction_receipt(Web3.to_hex(executor.transaction))
    assert (receipt["status"], receipt["contractAddress"]) == (1, executor.address)
    assert web3.eth.get_block("latest")["number"] == receipt["blockNumber"] == 2


def test_requests_that_are_wrong_are_answered_and_end_nothing(url: str) -> None:
    unknown = ask(url, {"jsonrpc": "2.0", "id": 7, "method": "eth_nonsense", "params": []})
    assert (unknown["id"], "error" in unknown) == (7, True)
    known = {"jsonrpc": "2.0", "id": 8, "method": "eth_chainId", "params": []}
    assert [one["id"] for one in ask(url, [known, known])] == [8, 8]
    assert "error" in ask(url, {}) and "error" in ask(url, 7)
    for body in (b"", b"nonsense"):
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(urllib.request.Request(url, body, method="POST"), timeout=30)
    assert int(ask(url, known)["result"], 16) > 1


def test_a_node_that_does_not_start_is_told() -> None:
    with pytest.raises(local_l1.LocalL1Failed), local_l1.running(["false"]):
        pass
