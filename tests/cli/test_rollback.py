"""`hallmark rollback` on a core, a job store and an L1 of its own, ended at every step.

The contract's verifier compares hashes: proofs are stand-ins, since the point is what is taken back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from eth_hash.auto import keccak
from typer.testing import CliRunner

from broker.artifacts import ArtifactStore, open_artifacts
from broker.jobs import BatchState, JobSpec, JobStore, Stage, open_store, status
from cli import rollback as command
from cli.main import app
from cli.options import NotConfirmed
from core.errors import BatchUnknown
from core.eth_sender.errors import BatchExecuted
from core.eth_sender.executor import Executor, Rules
from core.eth_sender.sender import Expected
from core.process import rollback as core
from core.process.rollback import Rollback, RollbackUnfinished
from core.store import Batch, Transaction, TransactionStatus
from runtime.errors import InvalidInput
from runtime.settings import load_settings
from tests.contracts.deployment import Evm, artifact
from tests.core.chain import CHAIN_ID, WALLETS, node_at, transfer
from tests.core.eth_sender.rollup import ACCOUNT, KEY_SET, Crash, Scene, local_l1


class Compared(Scene):
    """A scene whose contract takes hashes for proofs."""

    def __post_init__(self) -> None:
        self.expected = Expected(CHAIN_ID, Rules(1, bytes.fromhex(self.node.program.commitment), KEY_SET, b""))
        self.start()

    def prove(self, *numbers: int) -> None:
        for number in numbers:
            with self.node.store.session():
                output = Batch.get_by_id(number).expected_output
            words = self.expected.rules.program_commitment + KEY_SET + (1).to_bytes(32, "big") + output
            self.node.snarks.put(number, keccak(words))


def compared_on(evm: Evm, folder: Path) -> Compared:
    """Deploy a contract whose verifier compares hashes."""
    node = node_at(folder, time.time)
    with node.store.session():
        genesis = Batch.get_by_id(0)
    evm.web3.eth.send_transaction({"from": evm.owner, "to": ACCOUNT, "value": 10**20})  # type: ignore[typeddict-item]
    verifier = evm.deploy(artifact("ComparingVerifier", "tests/contracts"), True)
    rules = (verifier.address, 1, bytes.fromhex(node.program.commitment), KEY_SET)
    contract = evm.deploy(
        artifact("InsecureTestExecutor"), evm.owner, ACCOUNT, CHAIN_ID, genesis.new_root, genesis.timestamp, rules, 0
    )
    return Compared(node, evm.web3, contract)


@dataclass
class Rollup:
    """Core with three batches, the first executed on L1 and the others committed, and a prover that has begun."""

    folder: Path
    scene: Scene
    jobs: JobStore
    artifacts: ArtifactStore

    def take_back(self, plan: Rollback) -> list[int]:
        _, removed = command.take_back(
            plan,
            self.scene.node.store,
            self.folder / "core",
            self.scene.sender,
            self.jobs,
            self.artifacts,
            self.folder / "archive",
            pause=self.scene.mine,
        )
        return removed

    def hashes(self) -> list[bytes]:
        """Return the transactions of batches, in order."""
        with self.scene.node.store.session():
            rows = Transaction.select().where(Transaction.batch_number > 0).order_by(Transaction.batch_number)
            return [row.hash for row in rows]

    def restart(self) -> None:
        """Start core and its sender again."""
        self.scene.node.store.close()
        self.scene.node = node_at(self.folder, time.time)
        self.scene.start()


@pytest.fixture
def rollup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rollup]:
    with local_l1(in_process=True) as (evm, _):
        scene = compared_on(evm, tmp_path)
        # The comparing verifier has no key to tell.
        monkeypatch.setattr(Executor, "rules", lambda self, number, block: scene.expected.rules)
        scene.seal(3)
        scene.prove(1)
        scene.run()
        assert scene.state() == (3, 1, 1)
        settings = load_settings(state_dir=tmp_path, chain_id=CHAIN_ID, disk_reserve=0)
        made = Rollup(tmp_path, scene, open_store(settings), open_artifacts(settings))
        for number in (1, 2, 3):
            made.jobs.create_batch(number, protocol_version="1", jobs=[JobSpec(Stage.WITNESS, final=True)])
        yield made
        made.scene.node.store.close()


def assert_taken_back_and_going_on(rollup: Rollup, lost: bytes) -> None:
    """Batch 1 is the newest everywhere; new batches are sealed, proven and executed, and every root agrees."""
    scene = rollup.scene
    assert scene.state() == (1, 1, 1)
    assert [batch.number for batch in status.batches(rollup.jobs)] == [1]
    rollup.restart()
    with scene.node.store.session():
        assert scene.node.tree.root == Batch.get_by_id(1).new_root
        dropped = Transaction.get(Transaction.hash == lost)
        assert dropped.status == TransactionStatus.DROPPED and "rollback of batch 2" in dropped.reason
    scene.node.sequencer.submit(transfer(WALLETS[0], 1, value=7))
    number = scene.node.seal_and_settle()
    assert number == 2 and scene.node.seal_and_settle() is None
    assert len(rollup.hashes()) == 3, "the transaction that was not dropped is in the new batch"
    scene.prove(2)
    scene.run()
    assert scene.state() == (2, 2, 2)
    with scene.node.store.session():
        root = Batch.get_by_id(2).new_root
    assert scene.contract.functions.stateRoot().call() == root == scene.node.tree.root
    _, created = rollup.jobs.create_batch(2, protocol_version="1", jobs=[JobSpec(Stage.WITNESS, final=True)])
    assert created


def test_a_rollback_ends_the_same_wherever_it_was_killed(rollup: Rollup, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = rollup.hashes()[1]
    plan = core.planned(rollup.scene.node.store, 2, [lost])
    assert plan == Rollback(2, 3, 2, (lost.hex(),))

    def dies(step: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
        def stand_in(*arguments: Any) -> Any:
            if after:
                step(*arguments)
            raise Crash

        return stand_in

    steps: list[tuple[Any, str]] = [
        (core, "begin"),
        (rollup.scene.sender, "take_back"),
        (core, "take_back_rows"),
        (core, "take_back_files"),
        (core, "take_back_tree"),
        (command, "_remove"),
        (core, "end"),
    ]
    for place, name in steps:
        for after in (False, True):
            if (name, after) == ("end", True):
                continue
            with monkeypatch.context() as patched:
                patched.setattr(place, name, dies(getattr(place, name), after=after))
                with pytest.raises(Crash):
                    rollup.take_back(plan)
            if (name, after) != ("begin", False):
                assert core.planned(rollup.scene.node.store, 2) == plan
    rollup.take_back(plan)
    assert_taken_back_and_going_on(rollup, lost)


def test_what_l1_was_told_before_is_waited_for(rollup: Rollup) -> None:
    """A commitment is under way when the rollback begins: it is taken back too, and does not come later."""
    rollup.scene.seal(1)
    assert rollup.scene.sender.step()
    lost = rollup.hashes()[1]
    assert rollup.take_back(core.planned(rollup.scene.node.store, 2, [lost])) == [2, 3]
    rollup.scene.run(8)
    assert rollup.scene.state() == (1, 1, 1)


def test_an_executed_batch_is_final_and_what_is_not_there_is_named(rollup: Rollup) -> None:
    store = rollup.scene.node.store
    with pytest.raises(BatchExecuted, match="executed the batches up to 1: batch 1 is final"):
        core.planned(store, 1)
    with pytest.raises(BatchUnknown):
        core.planned(store, 4)
    with pytest.raises(InvalidInput, match="no transaction"):
        core.planned(store, 2, [rollup.hashes()[0]])
    # Executed without this core's having looked again.
    plan = core.planned(store, 2)
    rollup.scene.prove(2)
    while rollup.scene.state()[2] < 2:
        rollup.scene.sender.step()
        rollup.scene.mine()
    before = rollup.hashes()
    with pytest.raises(BatchExecuted):
        rollup.take_back(plan)
    assert rollup.hashes() == before and len(status.batches(rollup.jobs)) == 3
    rollup.restart()


def test_the_command_asks_and_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on with what was begun, before which core does not start. There is no L1; a proof that waits goes too."""
    node = node_at(tmp_path, time.time)
    for nonce in range(2):
        node.sequencer.submit(transfer(WALLETS[0], nonce))
        node.seal_and_settle()
    with node.store.session():
        root = Batch.get_by_id(1).new_root.hex()
    core.begin(node.store, core.planned(node.store, 2))
    node.store.close()
    with pytest.raises(RollbackUnfinished, match="from 2 on has not ended"):
        node_at(tmp_path, time.time)
    for name, value in {"STATE_DIR": str(tmp_path), "CHAIN_ID": str(CHAIN_ID), "DISK_RESERVE": "0"}.items():
        monkeypatch.setenv(f"HALLMARK_{name}", value)
    jobs = open_store(load_settings())
    made, _ = jobs.create_batch(2, protocol_version="1", jobs=[JobSpec(Stage.WITNESS, final=True)])
    jobs.hand_in(made.id, "proof")
    assert status.batch(jobs, 2).state is BatchState.PROVEN
    runner = CliRunner()
    assert isinstance(runner.invoke(app, ["rollback", "2"]).exception, NotConfirmed)
    done = runner.invoke(app, ["rollback", "2", "--yes", "--json"])
    assert done.exit_code == 0, done.output
    assert '"jobs_of": [\n  2\n ]' in done.stdout and root in done.stdout
    assert isinstance(runner.invoke(app, ["rollback", "2", "--yes"]).exception, BatchUnknown)
