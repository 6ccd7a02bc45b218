"""ethers, viem and web3.py each take ether from L1 over the rollup and back, while core is killed and started again."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak
from web3 import HTTPProvider, Web3
from web3.exceptions import TransactionNotFound, Web3Exception, Web3RPCError

from cli.node_packages import packages_missing
from core.formats.messages import WITHDRAWAL_ADDRESS
from proving.snark.statement import batch_inputs
from runtime.settings import CHECKOUT
from tests.core.chain import ETHER, GWEI, accounts_at, node_at
from tests.core.eth_sender.rollup import KEY_SET, Scene, local_l1, scene_on
from tests.proving.snark.circuits import batch_circuit, batch_snark
from tests.servers import free_port

HERE = Path(__file__).parent
SHARED = "0x" + "ab" * 20
#: Accounts with ether on the local L1 and none on the rollup.
USERS = 3
SECONDS = 400


class Prover:
    """Makes the proofs for L1 of batches that core shows: real ones of the tests' small circuit.

    A block's hash is the output that its proof is about.
    """

    def __init__(self, scene: Scene, url: str) -> None:
        self._program = bytes.fromhex(scene.node.program.commitment)
        self._snarks = scene.node.snarks
        self._web3 = Web3(HTTPProvider(url))
        self._proven = 0

    def step(self) -> None:
        """Prove what is new, where core is there to ask."""
        with contextlib.suppress(OSError, Web3Exception):
            while self._proven < self._web3.eth.block_number:
                output = bytes(self._web3.eth.get_block(self._proven + 1)["hash"])
                statement = batch_inputs(program=self._program, key_set=KEY_SET, protocol_version=1, output=output)
                self._snarks.put(self._proven + 1, batch_snark(statement))
                self._proven += 1


class KilledCore:
    """A core as a process, killed at random instants and started again until it is told to rest."""

    def __init__(self, scene: Scene, folder: Path, l1: str) -> None:
        self.port = free_port()
        self.kills = 0
        self._log = (folder / "core.log").open("ab")
        self._command = [
            *(sys.executable, "-m", "tests.core.eth_watch.core_process"),
            *(str(folder), str(self.port), l1, scene.contract.address, batch_circuit().key.digest.hex()),
        ]
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> KilledCore:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()
        self._log.close()

    def _run(self) -> None:
        choose = random.Random(10)
        while not self._ends.is_set():
            process = subprocess.Popen(self._command, cwd=CHECKOUT, stdout=self._log, stderr=self._log)
            self._ends.wait(choose.uniform(1, 3))
            self.kills += not self._ends.is_set()
            process.kill()
            process.wait()


@pytest.fixture
def l1() -> Iterator[Any]:
    for folder, package in ((HERE, "ethers"), (HERE, "viem")):
        if reason := packages_missing(folder, package):
            pytest.skip(reason)
    with local_l1() as (evm, wire):
        if not hasattr(wire, "endpoint_uri"):
            pytest.skip("anvil is not at hand")
        yield evm, wire.endpoint_uri


@pytest.mark.long
def test_balances_agree_after_everybody_has_crossed_while_core_is_killed(l1: Any, tmp_path: Path) -> None:
    evm, url = l1
    scene = scene_on(evm, tmp_path)
    supply = sum(account.balance for account in scene.node.genesis.accounts.values())
    scene.node.store.close()
    users = [Account.create() for _ in range(USERS)]
    for user in users:
        evm.web3.eth.send_transaction({"from": evm.owner, "to": user.address, "value": 10 * ETHER})
    receivers = [Account.create().address for _ in users]
    stop = threading.Event()
    others = [threading.Thread(target=_repeat, args=(_miner(url), stop))]
    try:
        with KilledCore(scene, tmp_path, url) as core:
            rollup = f"http://127.0.0.1:{core.port}"
            others.append(threading.Thread(target=_repeat, args=(Prover(scene, rollup).step, stop)))
            for other in others:
                other.start()
            given = [url, rollup, scene.contract.address]
            scripts = [
                subprocess.Popen(
                    ["node", f"bridge_{name}.mjs", *given, "0x" + user.key.hex(), receiver],
                    cwd=HERE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
                for name, user, receiver in zip(("ethers", "viem"), users, receivers, strict=False)
            ]
            _web3(*given, users[2], receivers[2])
            for script in scripts:
                _, errors = script.communicate(timeout=SECONDS)
                assert script.returncode == 0, errors[-3000:]
    finally:
        stop.set()
        for other in others:
            other.join()
    assert core.kills >= 2
    node = node_at(tmp_path)
    with node.store.session():
        accounts = accounts_at((1 << 63) - 1)
    assert sum(account.balance for account in accounts.values()) == supply + USERS * 5 * ETHER
    assert accounts[WITHDRAWAL_ADDRESS].balance == USERS * 2 * ETHER
    assert accounts[bytes.fromhex(SHARED[2:])].balance == USERS * ETHER
    node.store.close()
    assert [evm.web3.eth.get_balance(receiver) for receiver in receivers] == [2 * ETHER] * USERS
    assert evm.web3.eth.get_balance(scene.contract.address) == USERS * 3 * ETHER


def _miner(url: str) -> Callable[[], object]:
    web3 = Web3(HTTPProvider(url))
    return lambda: web3.provider.make_request("evm_mine", [])  # type: ignore[arg-type]


def _repeat(step: Callable[[], object], stop: threading.Event) -> None:
    while not stop.wait(0.2):
        step()


def _until(ask: Callable[[], Any], seconds: float = 150) -> Any:
    """Ask until there is something; a core that is away is asked again."""
    end = time.monotonic() + seconds
    while True:
        try:
            if found := ask():
                return found
        except (OSError, Web3Exception) as error:
            if time.monotonic() > end:
                raise AssertionError("core does not come back") from error
        assert time.monotonic() < end
        time.sleep(0.2)


def _web3(l1_url: str, l2_url: str, address: str, user: LocalAccount, receiver: str) -> None:
    l1, l2 = Web3(HTTPProvider(l1_url)), Web3(HTTPProvider(l2_url))
    abi = [
        {"type": "function", "name": "deposit", "stateMutability": "payable", "outputs": [],
         "inputs": [{"name": "to", "type": "address"}]},
        {"type": "function", "name": "claimWithdrawal", "stateMutability": "nonpayable", "outputs": [],
         "inputs": [{"name": "batch", "type": "uint64"}, {"name": "index", "type": "uint64"},
                    {"name": "to", "type": "address"}, {"name": "amount", "type": "uint256"},
                    {"name": "path", "type": "bytes32[]"}]},
    ]  # fmt: skip
    executor = l1.eth.contract(address=Web3.to_checksum_address(address), abi=abi)

    def pay(call: Any, value: int = 0) -> None:
        fields = call.build_transaction(
            {"from": user.address, "value": value, "nonce": l1.eth.get_transaction_count(user.address)}
        )
        digest = l1.eth.send_raw_transaction(user.sign_transaction(fields).raw_transaction)
        assert l1.eth.wait_for_transaction_receipt(digest, poll_latency=0.1)["status"] == 1

    def send(nonce: int, to: str, value: int, data: str = "0x") -> Any:
        fields = {"type": 2, "chainId": 4242, "nonce": nonce, "gas": 30_000, "to": to, "value": value, "data": data}
        signed = user.sign_transaction({**fields, "maxFeePerGas": 3 * GWEI, "maxPriorityFeePerGas": 0}).raw_transaction

        def sent() -> Any:
            try:
                l2.eth.send_raw_transaction(signed)
            except Web3RPCError as error:
                if "already known" not in str(error) and "nonce too low" not in str(error):
                    raise
            try:
                return l2.eth.get_transaction_receipt(Web3.to_hex(keccak(bytes(signed))))
            except TransactionNotFound:
                return None

        return _until(sent)

    pay(executor.functions.deposit(user.address), 5 * ETHER)
    _until(lambda: l2.eth.get_balance(user.address) == 5 * ETHER)
    moved = send(0, Web3.to_checksum_address(SHARED), ETHER)
    left = send(1, Web3.to_checksum_address(WITHDRAWAL_ADDRESS), 2 * ETHER, receiver)
    assert (moved["status"], left["status"]) == (1, 1)
    paid = sum(each["gasUsed"] * each["effectiveGasPrice"] for each in (moved, left))
    assert _until(lambda: l2.eth.get_balance(user.address)) == 2 * ETHER - paid

    def proof() -> Any:
        answer = l2.provider.make_request(
            "hallmark_withdrawalProof",  # type: ignore[arg-type]
            [Web3.to_hex(left["transactionHash"])],
        )
        return answer["result"] if answer["result"]["status"] == "claimable" else None

    found = _until(proof)
    numbers = [int(found[name], 16) for name in ("batch", "index", "amount")]
    path = [bytes.fromhex(node[2:]) for node in found["path"]]
    pay(executor.functions.claimWithdrawal(numbers[0], numbers[1], receiver, numbers[2], path))
    assert l1.eth.get_balance(Web3.to_checksum_address(receiver)) == 2 * ETHER
