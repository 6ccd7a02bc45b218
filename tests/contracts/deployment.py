"""A rollup on a real EVM in this process, and what a validator sends to it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eth.vm.forks.cancun import CancunVM
from eth_hash.auto import keccak
from eth_tester import EthereumTester, PyEVMBackend
from eth_tester.exceptions import TransactionFailed
from web3 import EthereumTesterProvider, Web3
from web3.contract import Contract
from web3.types import RPCEndpoint, TxReceipt

from cli.evm_node import returned_by
from core.formats.commitments import output_commitment
from core.formats.priority import Request, queue_hash

ROOT = Path(__file__).resolve().parents[2]
CHAIN_ID = 270
GENESIS_ROOT = b"\x11" * 32
GENESIS_TIMESTAMP = 1_700_000_000
PROGRAM = b"\x22" * 32
KEY_SET = b"\x33" * 32
PROTOCOL = 7
#: Gas of every call and transaction; more than any of them needs.
GAS = 10_000_000


def artifact(name: str, folder: str = "contracts") -> dict[str, Any]:
    """Return a committed contract: ABI and creation bytecode."""
    content: dict[str, Any] = json.loads((ROOT / folder / "artifacts" / f"{name}.json").read_text())
    return content


class Reverted(Exception):
    """A call that the contract refused: the name of its custom error, or what else it says."""


class Evm:
    """A chain with funded accounts: in this process, with py-evm, or a node that web3 reaches."""

    def __init__(self, web3: Web3) -> None:
        self.web3 = web3
        self.owner, self.validator, self.stranger = web3.eth.accounts[:3]

    def deploy(self, compiled: dict[str, Any], *arguments: object) -> Contract:
        """Deploy a contract; raises :class:`Reverted` when its constructor does."""
        made = self.web3.eth.contract(abi=compiled["abi"], bytecode=compiled["bytecode"])
        data = made.constructor(*arguments).data_in_transaction
        receipt = self._transact({"from": self.owner, "data": data}, compiled["abi"])
        return self.web3.eth.contract(address=receipt["contractAddress"], abi=compiled["abi"])

    def send(self, contract: Contract, data: bytes, sender: str | None = None, value: int = 0) -> TxReceipt:
        """Send calldata in a transaction of its own; raises :class:`Reverted` when it is refused."""
        return self._transact(self._fields(contract, data, sender) | ({"value": value} if value else {}), contract.abi)

    def call(self, contract: Contract, data: bytes, sender: str | None = None) -> bytes:
        """Send calldata without a transaction."""
        return self._call(self._fields(contract, data, sender), contract.abi)

    def _fields(self, contract: Contract, data: bytes, sender: str | None) -> dict[str, Any]:
        return {"from": sender or self.validator, "to": contract.address, "data": "0x" + data.hex()}

    def _transact(self, fields: dict[str, Any], abi: Sequence[Any]) -> TxReceipt:
        sent = self.web3.eth.send_transaction({**fields, "gas": GAS})  # type: ignore[typeddict-item]
        receipt = self.web3.eth.wait_for_transaction_receipt(sent)
        if not receipt["status"]:
            self._call(fields, abi)
            raise Reverted("in the transaction and not in the call after it")
        return receipt

    def _call(self, fields: dict[str, Any], abi: Sequence[Any]) -> bytes:
        gas = GAS if isinstance(self.web3.provider, EthereumTesterProvider) else hex(GAS)
        answer = self.web3.provider.make_request(RPCEndpoint("eth_call"), [{**fields, "gas": gas}, "latest"])
        if "error" in answer:
            returned = bytes.fromhex(str(answer["error"].get("data") or "0x")[2:])
            raise Reverted(_error_name(returned, abi) or answer["error"]["message"])
        return bytes.fromhex(answer["result"][2:])


class LocalEvm(Evm):
    """The chain in this process.

    Parameters
    ----------
    chain_id
        L1's; None is eth-tester's own.
    """

    def __init__(self, chain_id: int | None = None) -> None:
        backend = PyEVMBackend(vm_configuration=((0, CancunVM),))
        if chain_id is not None:
            type(backend.chain).chain_id = chain_id  # a class of this backend's own
        self.tester = EthereumTester(backend)
        super().__init__(Web3(EthereumTesterProvider(self.tester)))

    def _call(self, fields: dict[str, Any], abi: Sequence[Any]) -> bytes:
        try:
            return bytes.fromhex(self.tester.call({**fields, "gas": GAS})[2:])
        except TransactionFailed as error:
            raise Reverted(_error_name(returned_by(error), abi) or str(error)) from None


def _error_name(returned: bytes, abi: Sequence[Any]) -> str:
    for entry in abi:
        if entry["type"] == "error":
            types = ",".join(given["type"] for given in entry["inputs"])
            if returned[:4] == keccak(f"{entry['name']}({types})".encode())[:4]:
                return str(entry["name"])
    return ""


@dataclass(frozen=True)
class Batch:
    """A batch as a validator states it."""

    number: int
    timestamp: int = GENESIS_TIMESTAMP + 1
    new_root: bytes = b"\x44" * 32
    content: bytes = b"\x55" * 32
    requests: int = 0
    messages: bytes = bytes(32)
    state_diffs: bytes = b"\x66" * 70

    def fields(self) -> tuple[object, ...]:
        stated = (self.content, self.requests, self.messages)
        return (self.number, self.timestamp, self.new_root, *stated, self.state_diffs)

    def data_hash(self) -> bytes:
        return keccak(self.content + keccak(self.state_diffs))


@dataclass
class Rollup:
    """An Executor with its history as its validator knows it.

    Attributes
    ----------
    hashes, outputs, roots, taken
        Of every batch that was made, genesis first; `taken` counts the requests that it and those before it took.
    queue
        Every request that was made.
    """

    evm: Evm
    executor: Contract
    verifier: Contract
    chain_id: int = CHAIN_ID
    protocol: int = PROTOCOL
    program: bytes = PROGRAM
    key_set: bytes = KEY_SET
    hashes: list[bytes] = field(default_factory=list)
    outputs: list[bytes] = field(default_factory=list)
    roots: list[bytes] = field(default_factory=list)
    taken: list[int] = field(default_factory=lambda: [0])
    queue: list[Request] = field(default_factory=list)

    def commit_data(self, batch: Batch) -> bytes:
        """Return the calldata that commits to `batch` after what is known, and remember the batch."""
        del self.hashes[batch.number :], self.outputs[batch.number :], self.roots[batch.number :]
        del self.taken[batch.number :]
        first = self.taken[-1]
        before = bytes(32)
        for request in self.queue[:first]:
            before = request.rolled(before)
        output = output_commitment(
            chain_id=self.chain_id,
            batch_number=batch.number,
            timestamp=batch.timestamp,
            old_root=self.roots[-1],
            new_root=batch.new_root,
            data=batch.data_hash(),
            priority_queue=queue_hash(before, self.queue[first : first + batch.requests]),
            messages=batch.messages,
        )
        self.outputs.append(output)
        self.hashes.append(keccak(self.hashes[-1] + output))
        self.roots.append(batch.new_root)
        self.taken.append(first + batch.requests)
        return self.encode("commitBatch", batch.fields(), self.hashes[-1])

    def prove_data(self, last: int, proofs: Sequence[bytes]) -> bytes:
        return self.encode("proveBatches", last, self.hashes[last], list(proofs))

    def execute_data(self, last: int) -> bytes:
        return self.encode("executeBatches", last, self.hashes[last])

    def revert_data(self, last: int) -> bytes:
        return self.encode("revertBatches", last, self.hashes[last])

    def proof(self, number: int) -> bytes:
        """Return what the comparing verifier accepts for a batch."""
        words = self.program + self.key_set + self.protocol.to_bytes(32, "big") + self.outputs[number]
        return keccak(words)

    def encode(self, function: str, *arguments: object) -> bytes:
        return bytes.fromhex(self.executor.encode_abi(function, list(arguments))[2:])

    def send(self, data: bytes, sender: str | None = None, value: int = 0) -> TxReceipt:
        return self.evm.send(self.executor, data, sender, value)

    def read(self, name: str, *arguments: object) -> Any:
        return self.executor.functions[name](*arguments).call()

    def state(self) -> tuple[int, int, int]:
        """Return the numbers of the newest committed, proven and executed batch."""
        return self.read("committed"), self.read("proven"), self.read("executed")


def deploy(
    evm: Evm,
    *,
    contract: str = "InsecureTestExecutor",
    insecure_verifier: bool = True,
    verifier: Contract | None = None,
    chain_id: int = CHAIN_ID,
    genesis_root: bytes = GENESIS_ROOT,
    least_notice: int = 0,
) -> Rollup:
    """Deploy an Executor; its verifier compares hashes unless another one is given."""
    if verifier is None:
        verifier = evm.deploy(artifact("ComparingVerifier", "tests/contracts"), insecure_verifier)
    rules = (verifier.address, PROTOCOL, PROGRAM, KEY_SET)
    executor = evm.deploy(
        artifact(contract), evm.owner, evm.validator, chain_id, genesis_root, GENESIS_TIMESTAMP, rules, least_notice
    )
    rollup = Rollup(evm, executor, verifier, chain_id)
    rollup.hashes.append(rollup.read("storedBatch", 0)[0])
    rollup.outputs.append(bytes(32))
    rollup.roots.append(genesis_root)
    return rollup
