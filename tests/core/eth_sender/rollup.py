"""A core with batches, an L1 with its contract, and proofs that the contract's verifier checks."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eth_account import Account
from web3 import HTTPProvider, Web3
from web3.contract import Contract
from web3.providers import BaseProvider
from web3.types import RPCEndpoint, RPCResponse

from cli.evm_node import EvmProvider
from cli.local_l1 import packages_missing
from core.eth_sender.executor import Executor, Rules
from core.eth_sender.sender import EthSender, Expected, Terms
from core.eth_sender.signer import Signer
from core.process.node import Node
from core.proofs.verification import key_set
from core.store import Batch
from proving.snark.statement import batch_inputs
from tests.contracts.deployment import Evm, artifact
from tests.contracts.node import anvil
from tests.core.chain import CHAIN_ID, WALLETS, node_at, transfer
from tests.proving.snark.circuits import batch_circuit, batch_snark

KEY = "0x" + "42" * 32
KEY_SET = key_set("proven100")
GWEI = 10**9
TERMS = Terms(confirmations=3, bump_seconds=1e6, most_fee=500 * GWEI)
ACCOUNT = Account.from_key(KEY).address


class Crash(BaseException):
    """The process ends here."""


class Wire(BaseProvider):
    """JSON-RPC to a development node, which can end core before or after any request."""

    count = crash_before = crash_after = 0
    crash_at = ""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.sent: list[str] = []

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        self.count += 1
        if self.count == self.crash_before or method == self.crash_at:
            raise Crash
        if method == "eth_sendRawTransaction":
            self.sent.append(params[0])
        answer = super().make_request(method, params)
        if self.count == self.crash_after:
            raise Crash
        return answer


class AnvilWire(Wire, HTTPProvider):
    """To anvil."""


class InProcessWire(Wire, EvmProvider):
    """To py-evm."""


@contextlib.contextmanager
def local_l1(*options: str, in_process: bool = False) -> Iterator[tuple[Evm, Wire]]:
    """Run a chain of its own: anvil where Node is at hand, else py-evm in this process."""
    if in_process or packages_missing():
        wire: Wire = InProcessWire()
        yield Evm(Web3(wire)), wire
        return
    with anvil(*options) as web3:
        wire = AnvilWire(web3.provider.endpoint_uri)  # type: ignore[attr-defined]
        yield Evm(Web3(wire)), wire


@dataclass
class Scene:
    """Core, L1 and the contract between them."""

    node: Node
    web3: Web3
    contract: Contract
    terms: Terms = TERMS
    clock: Any = time.time
    expected: Expected = field(init=False)
    sender: EthSender = field(init=False)

    def __post_init__(self) -> None:
        self.expected = Expected(
            CHAIN_ID, Rules(1, bytes.fromhex(self.node.program.commitment), KEY_SET, batch_circuit().key.digest)
        )
        self.start()

    def start(self) -> None:
        """Make the sender anew, as a start of the process does."""
        executor = Executor(self.web3, self.contract.address)
        signer = Signer(KEY, "the test")
        self.sender = EthSender(
            self.node.store,
            self.node.snarks,
            self.web3,
            executor,
            signer,
            self.expected,
            self.terms,
            self.clock,
        )

    def seal(self, count: int = 1) -> None:
        """Seal and settle batches of one transfer each."""
        with self.node.store.session():
            done = Batch.select().count() - 1
        for nonce in range(done, done + count):
            self.node.sequencer.submit(transfer(WALLETS[0], nonce))
            assert self.node.seal_and_settle() is not None

    def prove(self, *numbers: int, program: str = "") -> None:
        """Put proofs where core keeps those for L1: of each batch's own program, unless another one is named."""
        for number in numbers:
            with self.node.store.session():
                batch = Batch.get_by_id(number)
            statement = batch_inputs(
                program=bytes.fromhex(program) or batch.program_commitment,
                key_set=KEY_SET,
                protocol_version=batch.protocol_version,
                output=batch.expected_output,
            )
            self.node.snarks.put(number, batch_snark(statement))

    def state(self) -> tuple[int, int, int]:
        """Return the contract's numbers of the newest committed, proven and executed batch."""
        committed, proven, executed = (
            self.contract.functions[name]().call() for name in ("committed", "proven", "executed")
        )
        return committed, proven, executed

    def control(self, method: str, *parameters: object) -> Any:
        """Tell the development node something."""
        answer = self.web3.provider.make_request(RPCEndpoint(method), list(parameters))
        assert "error" not in answer, answer
        return answer["result"]

    def mine(self) -> None:
        self.control("evm_mine")

    def run(self, steps: int = 60) -> None:
        """Step until nothing moves, with a block after each step."""
        idle = 0
        for _ in range(steps):
            idle = 0 if self.sender.step() else idle + 1
            if idle > self.terms.confirmations:
                return
            self.mine()
        raise AssertionError("the sender does not come to rest")

    def transactions(self) -> int:
        """Return how many transactions of core's account L1 has."""
        return self.web3.eth.get_transaction_count(ACCOUNT)


def scene_on(evm: Evm, folder: Path, notice: int = 0, **changes: Any) -> Scene:
    """Deploy this core's contract, with the verifier of :func:`batch_circuit`."""
    node = node_at(folder, time.time)
    with node.store.session():
        genesis = Batch.get_by_id(0)
    evm.web3.eth.send_transaction({"from": evm.owner, "to": ACCOUNT, "value": 10**20})  # type: ignore[typeddict-item]
    verifier = evm.deploy(artifact("InsecureTestSnarkVerifier"), batch_circuit().key.to_bytes())
    rules = (verifier.address, 1, bytes.fromhex(node.program.commitment), KEY_SET)
    start = (CHAIN_ID, genesis.new_root, genesis.timestamp)
    contract = evm.deploy(artifact("InsecureTestExecutor"), evm.owner, ACCOUNT, *start, rules, notice)
    return Scene(node, evm.web3, contract, **changes)
