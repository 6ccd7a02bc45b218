"""An upgrade of the rollup: cores of two protocol versions on one state, and the contract that switches at a batch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from core.batches.witness_store import WitnessStore
from core.errors import ProgramMissing, ProgramNotAnnounced, ProtocolMismatch, UpgradeDue, VersionUnsettled
from core.eth_sender.deployment import Deployer
from core.eth_sender.errors import L1Mismatch, L1NoticeRuns, L1TransactionRefused
from core.eth_sender.executor import Executor
from core.eth_sender.sender import Expected
from core.eth_sender.signer import Signer
from core.process import rollback
from core.process.proof_side import ProofSide, open_proof_side
from core.program.state_transition import Program
from core.proofs.batch_file import batch_file, read_batch_file
from core.settings import load_core_settings
from core.state import versions
from core.state.versions import Announced
from core.store import Batch, BatchStatus
from runtime.settings import load_settings
from tests.contracts.node import install_packages
from tests.core.chain import CHAIN_ID, KEY_DIGEST, WALLETS, node_at, stand_in_proof, stand_in_verifier, transfer
from tests.core.eth_sender.rollup import Scene, local_l1, scene_on
from tests.core.second_program import write_second_program
from tests.proving.snark.circuits import batch_circuit

OWNER = "0x" + "51" * 32


@pytest.fixture
def scene(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Scene]:
    """A scene whose contract asks for as many seconds of notice as the parameter says, none without one."""
    notice = getattr(request, "param", 0)
    if notice:
        install_packages()
    with local_l1() as (evm, _):
        made = scene_on(evm, tmp_path, notice)
        owner = Account.from_key(OWNER).address
        evm.web3.eth.send_transaction({"from": evm.owner, "to": owner, "value": 10**19})  # type: ignore[typeddict-item]
        evm.send(made.contract, bytes.fromhex(made.contract.encode_abi("offerOwnership", [owner])[2:]), evm.owner)
        take = made.contract.functions.takeOwnership().build_transaction({"from": owner, "gas": 200_000, "nonce": 0})
        raw = Account.from_key(OWNER).sign_transaction(take).raw_transaction
        evm.web3.eth.wait_for_transaction_receipt(evm.web3.eth.send_raw_transaction(raw))
        yield made
        made.node.store.close()


def announce(scene: Scene, first_batch: int, version: int = 2, program: str = "") -> None:
    """Announce what `hallmark l1 upgrade` does, with the owner's key; another program where one is named."""
    deployer = Deployer(scene.web3, Signer(OWNER, "the owner's"), scene.terms.most_fee)
    rules = replace(scene.expected.rules, protocol_version=version)
    if program:
        rules = replace(rules, program_commitment=bytes.fromhex(program))
    deployer.upgrade(Executor(scene.web3, scene.contract.address), batch_circuit().key, rules, first_batch)


def upgraded(scene: Scene, folder: Path, version: int = 2, **changes: Any) -> None:
    """End core and start one of another version on the same state."""
    scene.node.store.close()
    scene.node = node_at(folder, time.time, protocol_version=str(version), **changes)
    program = bytes.fromhex(scene.node.program.commitment)
    scene.expected = Expected(
        CHAIN_ID, replace(scene.expected.rules, protocol_version=version, program_commitment=program)
    )
    scene.start()


def proofs_of(scene: Scene, folder: Path, version: int) -> ProofSide:
    """Return what `python -m core.process.proofs` of a release serves."""
    settings, own = (
        load_settings(state_dir=folder, chain_id=CHAIN_ID, protocol_version=str(version)),
        load_core_settings(),
    )
    return open_proof_side(
        settings,
        own,
        scene.node.store,
        versions.open_programs(scene.node.store, own.programs(settings), scene.node.program, 1 << 32, version),
        verifier=stand_in_verifier,
        key_digest=KEY_DIGEST,
        snark_key="",
        incoming=f"incoming-{version}",
    )


def accept(side: ProofSide, folder: Path) -> int:
    """Prove the batch that is offered."""
    issued = side.offers.issue("a prover")
    assert issued is not None
    offer, batch = issued
    proof = folder / "proof"
    proof.write_bytes(stand_in_proof(batch.expected_output))
    assert side.acceptance.may_submit(batch.number, offer.token) is None
    assert side.acceptance.judge(batch.number, offer.token, proof, "")
    return int(batch.number)


def test_a_rollup_is_upgraded_at_a_batch_with_proofs_of_the_old_version_still_to_come(
    scene: Scene, tmp_path: Path
) -> None:
    """The drill: announce, let the old core come to its end, start the new one, prove both sides of the switch."""
    scene.seal(1)
    scene.run()
    announce(scene, 3)
    scene.run()
    scene.seal(1)
    scene.run()
    scene.node.sequencer.submit(transfer(WALLETS[0], 2))
    with pytest.raises(UpgradeDue, match="batch 3 against protocol version 2; this core seals version 1"):
        scene.node.seal_and_settle()
    assert scene.node.sequencer.waiting() == 1

    upgraded(scene, tmp_path)
    assert scene.node.seal_and_settle() == 3
    with scene.node.store.session():
        assert [batch.protocol_version for batch in Batch.select().order_by(Batch.number)] == [0, 1, 1, 2]
        files = [
            read_batch_file(batch_file(batch, versions.identity_of(scene.node.store, batch, scene.node.identity)))
            for batch in Batch.select().where(Batch.number > 0).order_by(Batch.number)
        ]
    assert [file.header.protocol_version for file in files] == [1, 1, 2]

    new, old = proofs_of(scene, tmp_path, 2), proofs_of(scene, tmp_path, 1)
    assert accept(new, tmp_path) == 3
    assert new.offers.issue("a prover") is None
    assert [accept(old, tmp_path), accept(old, tmp_path)] == [1, 2]
    assert old.offers.issue("a prover") is None
    scene.prove(1, 2, 3)
    scene.run()
    assert scene.state() == (3, 3, 3)
    with scene.node.store.session():
        assert scene.contract.functions.stateRoot().call() == Batch.get_by_id(3).new_root


def test_a_rollup_is_upgraded_to_another_program_with_batches_of_the_old_one_still_to_be_proven(
    scene: Scene, tmp_path: Path
) -> None:
    """Every batch is executed, lent and held on L1 against the program of the rules that it was sealed under."""
    path = write_second_program(tmp_path)
    old, new = scene.node.program, Program.read(path, 1 << 32)
    announce(scene, 3, program=new.commitment)
    scene.run()
    scene.seal(2)
    scene.run()
    with pytest.raises(UpgradeDue):
        scene.seal(1)

    upgraded(scene, tmp_path, core_program=path)
    assert scene.node.seal_and_settle() == 3
    scene.seal(1)
    with scene.node.store.session():
        batches = list(Batch.select().where(Batch.number > 0).order_by(Batch.number))
    witnesses = WitnessStore(tmp_path / "core" / "witnesses")
    for batch, program in zip(batches, (old, old, new, new), strict=True):
        assert batch.program_commitment.hex() == program.commitment
        assert program.run(witnesses.get(batch.number, "witness")).output == batch.expected_output

    # What is left of the old version is served over the new release's program: by the one that is kept.
    assert scene.node.program.commitment == new.commitment
    left = proofs_of(scene, tmp_path, 1)
    issued = left.offers.issue("a prover")
    assert issued is not None
    offer = left.handler._describe(*issued)
    assert (offer.batch_number, offer.program_commitment) == (1, old.commitment)
    (tmp_path / "core" / "programs" / f"{old.commitment}.elf").unlink()
    with pytest.raises(ProgramMissing, match=f"program {old.commitment}; this core runs {new.commitment}"):
        proofs_of(scene, tmp_path, 1)

    scene.prove(1, program=new.commitment)
    with pytest.raises(L1TransactionRefused, match="ProofRefused"):
        scene.run()
    scene.prove(1, 2)
    scene.prove(3, program=old.commitment)
    with pytest.raises(L1TransactionRefused, match="ProofRefused"):
        scene.run()
    assert scene.state() == (3, 2, 2)
    scene.prove(3, 4)
    scene.run()
    assert scene.state() == (4, 4, 4)
    with scene.node.store.session():
        assert scene.contract.functions.stateRoot().call() == Batch.get_by_id(4).new_root


def test_a_core_with_another_program_than_l1_has_for_its_version_seals_nothing(scene: Scene, tmp_path: Path) -> None:
    scene.seal(1)
    scene.run()
    ours = scene.node.program.commitment
    upgraded(scene, tmp_path, 1, core_program=write_second_program(tmp_path))
    theirs = scene.node.program.commitment
    scene.node.sequencer.submit(transfer(WALLETS[0], 1))
    with pytest.raises(ProgramNotAnnounced, match=f"batch 2 against the program {ours}; .* with {theirs}"):
        scene.node.seal_and_settle()
    scene.prove(1)
    scene.run()
    assert scene.state() == (1, 1, 1), "batches of the program that L1 has go on"


def test_proofs_are_judged_by_the_version_of_their_batch(scene: Scene, tmp_path: Path) -> None:
    """A prover of the old version that hands its proof to the new core is told where it belongs."""
    scene.seal(1)
    issued = proofs_of(scene, tmp_path, 1).offers.issue("a prover")
    assert issued is not None
    upgraded(scene, tmp_path)
    acceptance, proof = scene.node.acceptance, tmp_path / "proof"
    proof.write_bytes(stand_in_proof(issued[1].expected_output))
    with pytest.raises(ProtocolMismatch, match="Batch 1 is of protocol version 1"):
        acceptance.may_submit(1, issued[0].token)
    with pytest.raises(ProtocolMismatch):
        acceptance.judge(1, issued[0].token, proof, "")
    with scene.node.store.session():
        assert Batch.get_by_id(1).status == BatchStatus.COMMITTED


def test_a_core_of_the_new_version_seals_nothing_before_its_batch(scene: Scene, tmp_path: Path) -> None:
    announce(scene, 3)
    scene.run()
    upgraded(scene, tmp_path)
    scene.node.sequencer.submit(transfer(WALLETS[0], 0))
    with pytest.raises(UpgradeDue, match="batch 1 against protocol version 1; this core seals version 2"):
        scene.node.seal_and_settle()


@pytest.mark.parametrize("scene", [1800], indirect=True)
def test_a_batch_of_new_rules_is_committed_to_when_their_notice_has_ended(scene: Scene, tmp_path: Path) -> None:
    announce(scene, 2)
    scene.seal(1)
    scene.run()
    upgraded(scene, tmp_path)
    scene.seal(1)
    with pytest.raises(L1NoticeRuns, match=r"Batch 2 is of protocol version 2, which L1 takes from 20.* UTC on"):
        scene.run()
    assert scene.state() == (1, 0, 0)
    scene.control("evm_increaseTime", 1800)
    scene.mine()
    scene.prove(1, 2)
    scene.run()
    assert scene.state() == (2, 2, 2)


def test_a_replaced_announcement_counts(scene: Scene) -> None:
    announce(scene, 2)
    scene.run()
    announce(scene, 1_000)
    scene.run()
    program = scene.node.program.commitment
    assert versions.noted_schedule(scene.node.store) == [
        Announced(1, 1, program),
        Announced(1_000, 2, program, scene.contract.functions.upgrades().call()[1][1]),
    ]
    scene.seal(3)


@pytest.mark.parametrize("status", [BatchStatus.SEALED, BatchStatus.TREE_UPDATED, BatchStatus.WITNESS_READY])
def test_batches_that_only_the_old_program_can_finish_keep_the_new_core_back(
    scene: Scene, tmp_path: Path, status: BatchStatus
) -> None:
    scene.seal(1)
    with scene.node.store.session():
        Batch.update(status=status).where(Batch.number == 1).execute()
    with pytest.raises(VersionUnsettled, match="Batch 1 is of protocol version 1"):
        upgraded(scene, tmp_path)


def test_an_old_core_does_not_go_on_after_batches_of_a_newer_one(scene: Scene, tmp_path: Path) -> None:
    upgraded(scene, tmp_path)
    scene.seal(1)
    with pytest.raises(VersionUnsettled, match="this release is of version 1"):
        upgraded(scene, tmp_path, 1)


def test_batches_sealed_past_a_switch_are_taken_back_and_sealed_anew(scene: Scene, tmp_path: Path) -> None:
    """The switch was announced for a batch that core had sealed already."""
    scene.seal(3)
    announce(scene, 2)
    with pytest.raises(L1Mismatch, match="batch 2 against protocol version 2"):
        scene.run()
    assert scene.state() == (1, 0, 0)
    scene.node.store.close()
    plan = rollback.planned(scene.node.store, 2)
    rollback.begin(scene.node.store, plan)
    while not scene.sender.take_back(1):
        scene.mine()
    rollback.take_back_rows(scene.node.store, plan)
    rollback.take_back_files(tmp_path / "core", plan)
    rollback.take_back_tree(scene.node.store, tmp_path / "core", plan)
    rollback.end(scene.node.store)
    upgraded(scene, tmp_path)
    assert scene.node.seal_and_settle() == 2
    scene.prove(1, 2)
    scene.run()
    assert scene.state() == (2, 2, 2)


def test_committed_batches_are_taken_back_whatever_the_rules_have_become(scene: Scene) -> None:
    scene.seal(2)
    scene.run()
    scene.expected = Expected(CHAIN_ID, replace(scene.expected.rules, key_set_digest=b"\x44" * 32))
    scene.start()
    while not scene.sender.take_back(0):
        scene.mine()
    assert scene.state() == (0, 0, 0)


@pytest.mark.parametrize(
    ("key", "first_batch", "version"),
    [("0x" + "42" * 32, 2, 2), (OWNER, 1, 2), (OWNER, 2, 1)],
    ids=["not the owner's key", "a committed batch", "no later version"],
)
def test_an_upgrade_that_the_contract_refuses_costs_nothing(
    scene: Scene, key: str, first_batch: int, version: int
) -> None:
    scene.seal(1)
    scene.run()
    sender = Signer(key, "the test")
    before = scene.web3.eth.get_transaction_count(sender.address)
    with pytest.raises(L1TransactionRefused, match=f"change the rules from batch {first_batch} on"):
        Deployer(scene.web3, sender, scene.terms.most_fee).upgrade(
            Executor(scene.web3, scene.contract.address),
            batch_circuit().key,
            replace(scene.expected.rules, protocol_version=version),
            first_batch,
        )
    assert scene.web3.eth.get_transaction_count(sender.address) == before
