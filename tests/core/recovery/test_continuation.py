"""A rollup whose operator is gone is carried on by a stranger, from L1 and the commands that are documented alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from eth_account import Account
from typer.testing import CliRunner, Result
from web3 import Web3

from cli import exported, files
from cli.exported import BatchWork, ProvenBatch
from cli.main import app
from core.eth_sender.errors import L1Mismatch
from core.eth_sender.executor import Executor
from core.formats.messages import Message, message_path
from core.recovery.continuation import read
from core.recovery.errors import HistoryIncomplete, NothingToContinue
from proving import keys
from proving.machine.program import Program
from proving.stages import delivery, snark_proof
from proving.stages.batch_proof import Claim
from proving.stages.compression import verifying_key
from runtime.errors import HallmarkError, InvalidInput
from tests.contracts.deployment import Evm
from tests.contracts.node import install_packages
from tests.core.chain import ETHER, WALLETS, transfer
from tests.core.eth_sender.rollup import Scene, local_l1, scene_on
from tests.proving.snark.circuits import batch_snark

DAY = 86_400
#: Of nobody that the operator knows.
STRANGER = "0x" + "73" * 32


class Stranger:
    """Somebody with a node of L1, a genesis file and this release."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "rebuilt"
        self.batch, self.proven = folder / "batch", folder / "proven"

    def run(self, *arguments: object) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    def fails(self, error: type[HallmarkError], *arguments: object) -> str:
        result = self.run(*arguments)
        assert isinstance(result.exception, error), result.output
        return result.exception.message

    def passes(self, *arguments: object) -> str:
        result = self.run(*arguments)
        assert result.exit_code == 0, (result.output, result.exception)
        return result.output

    def seal(self, *options: object) -> str:
        return self.passes("continue", "seal", self.folder, "-o", self.batch, *options)

    def prove(self) -> None:
        """Do what `hallmark prove-batch` does, with a proof of the statement that takes no minutes."""
        work, protocol = exported.unpack(files.read(self.batch, limit=exported.MAX_BYTES), BatchWork)
        program = Program.from_elf(work.program).commitment
        claim = Claim(keys.key_set("proven100").digest, program, int(protocol), bytes.fromhex(read(self.folder).output))
        snark = snark_proof.pack(claim, batch_snark(snark_proof.public_inputs(claim)), protocol=protocol)
        done = ProvenBatch(
            chain_id=work.chain_id,
            number=work.number,
            program_commitment=work.program_commitment,
            key_identity=work.key_identity,
            snark_key=work.snark_key,
            result=delivery.pack(b"the batch's proof", snark, protocol=protocol),
        )
        files.write(self.proven, exported.pack(done, protocol=protocol))

    def send(self) -> str:
        return self.passes("continue", "send", self.folder, self.proven, "--yes")


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    install_packages()
    with local_l1() as (evm, _):
        made = scene_on(evm, tmp_path)
        yield made
        made.node.store.close()


@pytest.fixture
def stranger(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stranger:
    (tmp_path / "key").write_text(STRANGER)
    (tmp_path / "key").chmod(0o600)
    for name, value in {
        "CORE_L1_URL": scene.web3.provider.endpoint_uri,  # type: ignore[attr-defined]
        "CORE_L1_EXECUTOR": scene.contract.address,
        "CORE_L1_KEY_FILE": str(tmp_path / "key"),
        "CORE_SNARK_KEY": str(tmp_path / "snark.key"),
        "CORE_L1_CONFIRMATIONS": "1",
        "STATE_DIR": str(tmp_path / "stranger"),
    }.items():
        monkeypatch.setenv(f"HALLMARK_{name}", value)
    account = Account.from_key(STRANGER).address
    scene.web3.eth.send_transaction({"from": scene.web3.eth.accounts[0], "to": account, "value": 10**19})
    return Stranger(tmp_path)


def ask(scene: Scene, function: str, *arguments: object, value: int = 0) -> None:
    """Ask the contract for something from the third wallet's account."""
    call = bytes.fromhex(scene.contract.encode_abi(function, list(arguments))[2:])
    evm = Evm(scene.web3)
    evm.send(scene.contract, call, evm.stranger, value)


def later(scene: Scene, seconds: int) -> None:
    scene.control("evm_increaseTime", seconds)
    scene.mine()


def test_a_stranger_carries_an_abandoned_rollup_on(scene: Scene, stranger: Stranger) -> None:
    """The operator settles a batch, commits to another one and is gone; a user's ether leaves all the same."""
    scene.seal(1)
    scene.prove(1)
    scene.run()
    user, target = WALLETS[2].address, Web3.to_checksum_address("0x" + "ab" * 20)
    ask(scene, "deposit", target, value=3 * ETHER)
    ask(scene, "requestWithdrawal", target, 2 * ETHER)
    ask(scene, "requestWithdrawal", target, 10**6 * ETHER)  # more than there is: taken, and nothing moves
    scene.seal(1)
    scene.run()
    assert scene.state() == (2, 1, 1)
    scene.node.store.close()

    assert "batch 1, " in stranger.passes("rebuild-state", stranger.folder)
    waits = stranger.seal()
    assert "batch 2 takes 3 requests and 0 transactions" in waits and "until then" in waits
    stranger.prove()
    sending = ("continue", "send", stranger.folder, stranger.proven, "--yes")
    assert "NotAbandoned" in stranger.fails(HallmarkError, *sending)
    later(scene, 8 * DAY + 60)
    assert "until then" not in stranger.seal()
    old = stranger.proven.read_bytes()
    stranger.fails(InvalidInput, *sending)
    stranger.prove()
    assert stranger.proven.read_bytes() != old
    assert "batch 2 is executed" in stranger.send()
    assert scene.state() == (2, 2, 2)

    shown = stranger.passes("rebuild-state", stranger.folder, "--account", target, "--account", user)
    assert f"{target.lower()}: nonce 0, balance {3 * ETHER} wei" in shown
    assert f"{user.lower()}: nonce 2" in shown or f"{user.lower()}: nonce 1" in shown
    path = message_path([Message(bytes.fromhex("ab" * 20), 2 * ETHER)], 0)
    ask(scene, "claimWithdrawal", 2, 0, target, 2 * ETHER, path)
    assert scene.web3.eth.get_balance(target) == 2 * ETHER


def test_the_batch_may_hold_transactions_too_and_another_stranger_goes_on(
    scene: Scene, stranger: Stranger, tmp_path: Path
) -> None:
    target = Web3.to_checksum_address("0x" + "cd" * 20)
    lines = tmp_path / "transactions"
    for number, nonce in ((1, 0), (2, 1)):
        ask(scene, "deposit", target, value=ETHER)
        later(scene, 8 * DAY + 60)
        lines.write_text(transfer(WALLETS[0], 7).hex() + "\n")
        sealing = ("continue", "seal", stranger.folder, "-o", stranger.batch, "--transactions", lines)
        assert "NONCE_TOO_HIGH" in stranger.fails(InvalidInput, *sealing)
        lines.write_text(transfer(WALLETS[0], nonce, to=target).hex() + "\n")
        assert f"batch {number} takes 1 requests and 1 transactions" in stranger.seal("--transactions", lines)
        stranger.prove()
        stranger.send()
    assert scene.state() == (2, 2, 2)
    shown = stranger.passes("rebuild-state", tmp_path / "another", "--account", target)
    assert f"balance {4 * ETHER} wei" in shown


@pytest.mark.long
def test_a_rollup_is_carried_on_with_a_real_proof(scene: Scene, stranger: Stranger, tmp_path: Path) -> None:
    """The commands of docs/bridge.md as they stand there, against the verifier of this machine's key."""
    key, target = tmp_path / "snark.key", Web3.to_checksum_address("0x" + "ef" * 20)
    key.write_bytes(verifying_key("proven100", None).to_bytes())
    address = stranger.passes("l1", "deploy", key).split()[-1].split("=")[1]
    scene.contract = scene.web3.eth.contract(address=address, abi=scene.contract.abi)
    ask(scene, "deposit", target, value=ETHER)
    later(scene, 8 * DAY + 60)
    stranger.passes("rebuild-state", stranger.folder, "--executor", address)
    stranger.seal("--executor", address)
    stranger.passes("prove-batch", stranger.batch, "-o", stranger.proven)
    stranger.passes("continue", "send", stranger.folder, stranger.proven, "--executor", address, "--yes")
    assert scene.state() == (1, 1, 1)
    shown = stranger.passes("rebuild-state", stranger.folder, "--executor", address, "--account", target)
    assert f"{target.lower()}: nonce 0, balance {ETHER} wei" in shown


def test_what_cannot_continue_is_told_before_anything_is_proven(
    scene: Scene, stranger: Stranger, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealing = ("continue", "seal", stranger.folder, "-o", stranger.batch)
    stranger.fails(NothingToContinue, *sealing)
    stranger.fails(NothingToContinue, "continue", "send", stranger.folder, stranger.proven)
    for value in (1, 2):
        ask(scene, "deposit", WALLETS[1].address, value=value)
    with monkeypatch.context() as version:
        version.setenv("HALLMARK_PROTOCOL_VERSION", "2")
        assert "protocol version 1" in stranger.fails(L1Mismatch, *sealing)
    whole = Executor.events
    for left in (slice(1, None), slice(0, 1), slice(0, 0)):
        with monkeypatch.context() as node:
            node.setattr(Executor, "events", lambda *given, left=left: whole(*given)[left])
            stranger.fails(HistoryIncomplete, *sealing)
    assert not stranger.batch.exists()
