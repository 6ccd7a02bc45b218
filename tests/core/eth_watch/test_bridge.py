"""Ether from L1 to the rollup and back, with core between: each step on a real EVM."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_hash.auto import keccak
from web3 import Web3

from core.api.bridge_api import BridgeApi, Terms
from core.api.objects import receipt, transaction
from core.eth_sender.errors import L1Diverged, L1Unavailable
from core.eth_sender.executor import Executor
from core.eth_watch.watcher import Watcher
from core.formats.messages import WITHDRAWAL_ADDRESS
from core.process import rollback
from core.process.server import ethereum_api
from core.proofs.batch_file import batch_file, read_batch_file
from core.state import chain
from core.store import Batch, Claim, PriorityRequest
from tests.contracts.deployment import Evm, Reverted
from tests.contracts.node import install_packages
from tests.core.chain import ETHER, WALLETS, Clock, node_at, transfer
from tests.core.eth_sender.rollup import Scene, Wire, local_l1, scene_on

CONFIRMATIONS = 3
TO = bytes.fromhex("ab" * 20)


class Bridge:
    """A core that watches L1 and sends to it, and its users."""

    def __init__(self, evm: Evm, folder: Path) -> None:
        self.evm = evm
        self.scene: Scene = scene_on(evm, folder)
        self.node = self.scene.node
        executor = Executor(evm.web3, self.scene.contract.address)
        self.watcher = Watcher(self.node.store, evm.web3, executor, CONFIRMATIONS, 0)
        self.api = BridgeApi(self.node.store, Terms(self.scene.contract.address, CONFIRMATIONS))

    def ask(self, function: str, *arguments: object, value: int = 0) -> bytes:
        """Send something to the contract from the account of the third wallet."""
        call = bytes.fromhex(self.scene.contract.encode_abi(function, list(arguments))[2:])
        sent = self.evm.send(self.scene.contract, call, self.evm.stranger, value)
        return bytes(sent["transactionHash"])

    def watch(self, blocks: int = CONFIRMATIONS) -> None:
        for _ in range(blocks):
            self.scene.mine()
        while self.watcher.step():
            pass

    def settle(self) -> int:
        """Seal what waits and take it through L1."""
        number = self.node.seal_and_settle()
        assert number is not None
        self.scene.prove(number)
        self.scene.run()
        assert self.scene.state() == (number,) * 3
        return number

    def call(self, method: str, *parameters: object) -> Any:
        with self.node.store.session():
            return getattr(self.api, method)(parameters)

    def balance(self, address: bytes) -> int:
        with self.node.store.session():
            return chain.newest_account(address).balance

    def claim_data(self, withdrawal: dict[str, Any]) -> bytes:
        numbers = [int(withdrawal[name], 16) for name in ("batch", "index", "amount")]
        to, path = Web3.to_checksum_address(withdrawal["to"]), [bytes.fromhex(node[2:]) for node in withdrawal["path"]]
        arguments = [*numbers[:2], to, numbers[2], path]
        return bytes.fromhex(self.scene.contract.encode_abi("claimWithdrawal", arguments)[2:])


@pytest.fixture
def l1() -> Iterator[tuple[Evm, Wire]]:
    with local_l1() as found:
        yield found


@pytest.fixture
def bridge(l1: tuple[Evm, Wire], tmp_path: Path) -> Iterator[Bridge]:
    made = Bridge(l1[0], tmp_path)
    yield made
    made.node.store.close()


def checksum(address: bytes) -> str:
    return Web3.to_checksum_address(address)


def test_ether_comes_from_l1_and_goes_back(bridge: Bridge) -> None:
    digest = bridge.ask("deposit", checksum(TO), value=5 * ETHER)
    bridge.watch(CONFIRMATIONS - 2)
    assert bridge.call("requests_of", "0x" + digest.hex()) == []
    bridge.watch(1)
    [asked] = bridge.call("requests_of", "0x" + digest.hex())
    assert (asked["number"], asked["kind"], asked["status"], asked["batch"]) == ("0x1", "deposit", "waiting", None)

    leaving = transfer(WALLETS[0], 0, to=WITHDRAWAL_ADDRESS, value=2 * ETHER)
    named = transfer(WALLETS[0], 1, to=WITHDRAWAL_ADDRESS, value=ETHER, data=TO, gas=30_000)
    for raw in (leaving, named, transfer(WALLETS[1], 0)):
        bridge.node.sequencer.submit(raw)
    assert bridge.call("withdrawal", "0x" + keccak(leaving).hex())["status"] == "waiting"
    assert bridge.settle() == 1
    assert bridge.balance(TO) == 5 * ETHER
    asked = bridge.call("request", "0x1")
    assert (asked["status"], asked["batch"]) == ("executed", "0x1")
    with bridge.node.store.session():
        batch, row = Batch.get_by_id(1), chain.transaction(bytes.fromhex(asked["transaction"][2:]))
        assert row is not None and (batch.transactions, batch.requests) == (4, 1)
        shown, receipted = transaction(row, chain.view(row), batch), receipt(batch, row, 0)
        stated = read_batch_file(batch_file(batch, bridge.node.identity))
    assert (shown["type"], shown["to"], int(str(shown["value"]), 16)) == ("0x7e", "0x" + TO.hex(), 5 * ETHER)
    assert (receipted["status"], receipted["gasUsed"], receipted["transactionIndex"]) == ("0x1", "0x0", "0x0")
    assert stated.transactions == 3 and int(stated.priority_queue_hash, 16) and int(stated.message_root, 16)

    first, second = (bridge.call("withdrawal", "0x" + keccak(raw).hex()) for raw in (leaving, named))
    assert (first["to"].lower(), second["to"]) == (WALLETS[0].address.lower(), "0x" + TO.hex())
    assert (first["status"], first["index"], second["index"]) == ("claimable", "0x0", "0x1")
    for each in (first, second):
        bridge.evm.send(bridge.scene.contract, bridge.claim_data(each), bridge.evm.stranger)
        with pytest.raises(Reverted, match="ClaimedAlready"):
            bridge.evm.call(bridge.scene.contract, bridge.claim_data(each))
    assert bridge.evm.web3.eth.get_balance(checksum(TO)) == ETHER
    bridge.watch()
    assert bridge.call("withdrawal", "0x" + keccak(named).hex())["status"] == "claimed"
    assert bridge.call("withdrawal", "0x" + bytes(32).hex()) is None


def test_a_withdrawal_is_forced_from_l1(bridge: Bridge) -> None:
    """With the account's own transactions waiting: the one whose nonce it uses goes."""
    owner = bytes.fromhex(bridge.evm.stranger[2:])
    waiting = transfer(WALLETS[2], 0)
    bridge.node.sequencer.submit(waiting)
    bridge.ask("deposit", checksum(TO), value=9)
    bridge.ask("requestWithdrawal", checksum(TO), 7)
    bridge.ask("requestWithdrawal", checksum(TO), 10**30)
    bridge.watch()
    before = bridge.balance(owner)
    assert bridge.settle() == 1
    assert bridge.balance(owner) == before - 7
    assert bridge.node.sequencer.waiting() == 0
    statuses = [bridge.call("request", hex(number))["status"] for number in (1, 2, 3)]
    assert statuses == ["executed", "executed", "insufficient_balance"]
    forced = bridge.call("withdrawal", bridge.call("request", "0x2")["transaction"])
    bridge.evm.send(bridge.scene.contract, bridge.claim_data(forced))
    assert bridge.evm.web3.eth.get_balance(checksum(TO)) == 7
    assert bridge.call("withdrawal", bridge.call("request", "0x3")["transaction"]) is None


def test_requests_alone_make_a_batch_when_their_time_is_over(l1: tuple[Evm, Wire], tmp_path: Path) -> None:
    install_packages()
    bridge = Bridge(l1[0], tmp_path)
    sequencer = bridge.node.sequencer
    sequencer._settings = sequencer._settings.model_copy(update={"core_batch_seconds": 5.0})
    clock = Clock()
    sequencer._clock = bridge.watcher._clock = clock
    assert not sequencer.due()
    bridge.ask("deposit", checksum(TO), value=9)
    bridge.watch()
    assert not sequencer.due()
    clock.now += 6
    assert sequencer.due()
    assert bridge.node.seal_and_settle() == 1
    assert not sequencer.due()
    assert bridge.node.seal_and_settle() is None
    bridge.node.store.close()


def test_a_block_that_was_not_deep_may_go(bridge: Bridge) -> None:
    install_packages()
    state = bridge.scene.control("evm_snapshot")
    bridge.ask("deposit", checksum(TO), value=1)
    bridge.watch(1)
    bridge.scene.control("evm_revert", state)
    bridge.ask("deposit", checksum(TO), value=2)
    bridge.watch()
    assert [bridge.call("request", hex(number)) is None for number in (1, 2)] == [False, True]
    assert bridge.settle() == 1
    assert bridge.balance(TO) == 2


def test_a_deep_block_that_goes_is_read_again(bridge: Bridge) -> None:
    install_packages()
    state = bridge.scene.control("evm_snapshot")
    for value in (1, 2):
        bridge.ask("deposit", checksum(TO), value=value)
    bridge.watch()
    assert bridge.call("request", "0x2")["amount"] == "0x2"
    bridge.scene.control("evm_revert", state)
    bridge.ask("deposit", checksum(TO), value=3)
    bridge.watch(8)
    assert bridge.call("request", "0x1")["amount"] == "0x3"
    assert bridge.call("request", "0x2") is None
    assert bridge.settle() == 1
    assert bridge.balance(TO) == 3


@pytest.mark.parametrize("after", ["another", "none"])
def test_a_request_in_a_batch_that_goes_is_told(bridge: Bridge, after: str) -> None:
    install_packages()
    state = bridge.scene.control("evm_snapshot")
    bridge.ask("deposit", checksum(TO), value=1)
    bridge.watch()
    assert bridge.node.seal_and_settle() == 1
    bridge.scene.control("evm_revert", state)
    if after == "another":
        bridge.ask("deposit", checksum(TO), value=2)
    with pytest.raises(L1Diverged, match="Request 1 is in a batch"):
        bridge.watch(8)


def test_a_node_that_leaves_events_out_is_not_believed(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    for value in (1, 2, 3):
        bridge.ask("deposit", checksum(TO), value=value)
    whole = Executor.events

    def some(left: slice) -> Any:
        return lambda self, name, first, last: whole(self, name, first, last)[left]

    for left in (slice(1, None), slice(0, 2), slice(None, None, -1), slice(0, 0)):
        monkeypatch.setattr(Executor, "events", some(left))
        with pytest.raises(L1Unavailable):
            bridge.watch()
    monkeypatch.undo()
    bridge.watch()
    with bridge.node.store.session():
        assert PriorityRequest.select().count() == 3
        assert Claim.select().count() == 0


def test_requests_of_a_batch_that_is_rolled_back_wait_again(bridge: Bridge, tmp_path: Path) -> None:
    bridge.ask("deposit", checksum(TO), value=9)
    bridge.watch()
    bridge.node.sequencer.submit(transfer(WALLETS[0], 0))
    assert bridge.node.seal_and_settle() == 1
    store, folder = bridge.node.store, bridge.node.core_settings.folder(bridge.node.settings)
    plan = rollback.planned(store, 1)
    rollback.take_back_rows(store, plan)
    rollback.take_back_files(folder, plan)
    rollback.take_back_tree(store, folder, plan)
    assert bridge.call("request", "0x1")["status"] == "waiting"
    store.close()
    bridge.node = bridge.scene.node = node_at(tmp_path)
    bridge.scene.start()
    assert bridge.settle() == 1
    assert bridge.balance(TO) == 9
    assert bridge.call("request", "0x1")["status"] == "executed"


async def test_the_methods_are_served(bridge: Bridge) -> None:
    methods = ethereum_api(bridge.node).methods()
    assert await methods["hallmark_bridgeTerms"]([]) == {
        "executor": None,
        "withdrawalAddress": "0x" + WITHDRAWAL_ADDRESS.hex(),
        "confirmations": "0x6",
    }
    assert await methods["hallmark_priorityRequest"](["0x1"]) is None
    assert await methods["hallmark_priorityRequestsOf"](["0x" + "00" * 32]) == []
    assert await methods["hallmark_withdrawalProof"](["0x" + "00" * 32]) is None


def test_a_start_anew_goes_on_where_it_was(bridge: Bridge) -> None:
    bridge.ask("deposit", checksum(TO), value=1)
    bridge.watch()
    bridge.watcher = Watcher(
        bridge.node.store, bridge.evm.web3, Executor(bridge.evm.web3, bridge.scene.contract.address), CONFIRMATIONS, 0
    )
    bridge.ask("deposit", checksum(TO), value=2)
    bridge.watch()
    assert bridge.settle() == 1
    assert bridge.balance(TO) == 3
