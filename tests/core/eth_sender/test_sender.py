"""Core's transactions to L1, on a real EVM."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from eth_account import Account

from core.eth_sender.errors import L1Diverged, L1Mismatch, L1TransactionRefused
from core.eth_sender.status import L1Status, l1_status, mined_transactions
from core.store import Batch, L1Attempt, L1Transaction, L1TransactionStatus
from runtime.telemetry import trace_id_of
from tests.contracts.deployment import Evm
from tests.contracts.node import install_packages
from tests.core.eth_sender.rollup import ACCOUNT, GWEI, KEY, TERMS, Crash, Scene, Wire, local_l1, scene_on
from tests.spans import recorded


@pytest.fixture
def l1() -> Iterator[tuple[Evm, Wire]]:
    with local_l1() as found:
        yield found


@pytest.fixture
def wire(l1: tuple[Evm, Wire]) -> Wire:
    return l1[1]


@pytest.fixture
def scene(l1: tuple[Evm, Wire], tmp_path: Path) -> Iterator[Scene]:
    scene = scene_on(l1[0], tmp_path)
    yield scene
    scene.node.store.close()


def rows(scene: Scene) -> list[tuple[str, int, str, bool | None]]:
    with scene.node.store.session():
        return [
            (row.action, row.last_batch, row.status, row.succeeded)
            for row in L1Transaction.select().order_by(L1Transaction.nonce)
        ]


def status(scene: Scene, number: int) -> L1Status | None:
    with scene.node.store.session():
        return l1_status(scene.node.store, number)


def test_a_batchs_trace_goes_on_to_l1(scene: Scene) -> None:
    with recorded() as spans:
        scene.seal(1)
        scene.run()
        scene.prove(1)
        scene.run()
    with scene.node.store.session():
        trace = trace_id_of(Batch.get_by_id(1).traceparent or "")
    found = [span for span in spans.get_finished_spans() if format(span.context.trace_id, "032x") == trace]
    assert found[0].name == "seal batch"
    told = [(span.name, dict(span.attributes or {})) for span in found if span.name.startswith("l1 ")]
    assert {(name, each["hallmark.l1.status"], each["hallmark.batch"]) for name, each in told} == {
        (f"l1 {action}", status, 1)
        for action in ("commit", "prove", "execute")
        for status in ("pending", "mined", "confirmed")
    }
    assert all(each["hallmark.l1.transaction"] for _, each in told if each["hallmark.l1.status"] == "confirmed")


def test_a_batch_is_committed_proven_and_executed(scene: Scene) -> None:
    scene.seal(2)
    assert status(scene, 1) is None
    scene.run()
    assert (scene.state(), status(scene, 1)) == ((2, 0, 0), L1Status.COMMITTED)
    scene.prove(1)
    scene.run()
    assert scene.state() == (2, 1, 1)
    assert (status(scene, 1), status(scene, 2), status(scene, 3)) == (L1Status.EXECUTED, L1Status.COMMITTED, None)
    scene.prove(2)
    scene.run()
    with scene.node.store.session():
        assert scene.contract.functions.stateRoot().call() == Batch.get_by_id(2).new_root
    assert rows(scene) == [
        (action, number, L1TransactionStatus.CONFIRMED, True)
        for action, number in (
            ("commit", 1),
            ("commit", 2),
            ("prove", 1),
            ("execute", 1),
            ("prove", 2),
            ("execute", 2),
        )
    ]
    with scene.node.store.session():
        told = [(row.action, row.hash) for row in mined_transactions(1)]
    assert [action for action, _ in told] == ["commit", "prove", "execute"]
    for _, digest in told:
        assert scene.web3.eth.get_transaction(digest)["to"] == scene.contract.address


def test_a_machine_without_node_has_an_l1_in_process(tmp_path: Path) -> None:
    with local_l1(in_process=True) as (evm, _):
        scene = scene_on(evm, tmp_path)
        scene.seal(1)
        scene.node.snarks.put(1, b"no proof")
        with pytest.raises(L1TransactionRefused, match="prove batch 1: ProofLength"):
            scene.run()
        scene.prove(1)
        scene.run()
        assert scene.state() == (1, 1, 1)
        scene.node.store.close()


@pytest.mark.parametrize("step", [19, pytest.param(5, marks=pytest.mark.long)])
def test_an_end_at_any_request_loses_nothing_and_sends_nothing_twice(scene: Scene, wire: Wire, step: int) -> None:
    """The process ends before or after requests all along a batch's way, once on each of many batches."""
    scene.terms = replace(TERMS, confirmations=1)
    scene.start()
    for number in (1, 2):
        scene.seal(1)
        scene.prove(number)
        before = wire.count
        scene.run()
        requests = wire.count - before
    for at in range(1, requests, step):
        number += 1
        scene.seal(1)
        scene.prove(number)
        point = wire.count + at
        wire.crash_before, wire.crash_after = (point, 0) if at % 2 else (0, point)
        with pytest.raises(Crash):
            scene.run()
        scene.start()
        scene.run()
        assert scene.state() == (number, number, number), at
    assert scene.transactions() == 3 * number > 150 // step
    assert [row[3] for row in rows(scene)] == [True] * 3 * number


def signed_by_hand(scene: Scene, data: str) -> bytes:
    """Somebody else uses core's key."""
    fields = {"to": scene.contract.address, "data": data, "nonce": scene.transactions(), "type": 2, "gas": 100_000}
    fees = {"maxFeePerGas": 10 * GWEI, "maxPriorityFeePerGas": GWEI, "chainId": scene.web3.eth.chain_id}
    return bytes(Account.from_key(KEY).sign_transaction(fields | fees).raw_transaction)


def test_what_was_recorded_and_never_sent_is_sent_at_the_next_start(scene: Scene, wire: Wire) -> None:
    scene.seal(1)
    wire.crash_at = "eth_sendRawTransaction"
    with pytest.raises(Crash):
        scene.run()
    assert (scene.transactions(), rows(scene)) == (0, [("commit", 1, L1TransactionStatus.PENDING, None)])
    wire.crash_at = ""
    scene.start()
    scene.run()
    assert (scene.transactions(), rows(scene)) == (1, [("commit", 1, L1TransactionStatus.CONFIRMED, True)])


def test_a_nonce_that_something_else_took_is_given_up(scene: Scene, wire: Wire) -> None:
    """The key was used by hand while core was down."""
    scene.seal(1)
    wire.crash_at = "eth_sendRawTransaction"
    with pytest.raises(Crash):
        scene.run()
    wire.crash_at = ""
    scene.web3.eth.send_raw_transaction(signed_by_hand(scene, "0x"))
    scene.start()
    scene.run()
    assert [row[2:] for row in rows(scene)] == [
        (L1TransactionStatus.LOST, None),
        (L1TransactionStatus.CONFIRMED, True),
    ]
    assert (scene.transactions(), scene.state()) == (2, (1, 0, 0))


def test_a_waiting_transaction_of_somebody_else_is_not_replaced(scene: Scene, wire: Wire) -> None:
    """Core's record is lost while its transaction waits: it is not sent a second time."""
    install_packages()  # in eth-tester no transaction waits
    scene.seal(1)
    scene.control("evm_setAutomine", False)
    assert scene.sender.step()
    with scene.node.store.session():
        L1Transaction.delete().execute()
    scene.start()
    assert not scene.sender.step()
    assert len(wire.sent) == 1
    scene.run()
    assert (scene.state(), scene.transactions(), len(wire.sent)) == ((1, 0, 0), 1, 1)


def test_a_lost_record_leads_to_no_second_effect(scene: Scene) -> None:
    scene.seal(1)
    scene.run()
    with scene.node.store.session():
        L1Transaction.delete().execute()
    scene.seal(1)
    scene.start()
    scene.run()
    assert (scene.transactions(), scene.state()) == (2, (2, 0, 0))


@pytest.mark.parametrize("column", ["l1_chain_id", "sender"])
def test_what_was_sent_elsewhere_or_with_another_key_is_let_be(scene: Scene, wire: Wire, column: str) -> None:
    """The node of L1 is another chain's now, or the key was changed: old transactions are not sent there."""
    scene.seal(1)
    wire.crash_at = "eth_sendRawTransaction"
    with pytest.raises(Crash):
        scene.run()
    wire.crash_at = ""
    with scene.node.store.session():
        L1Transaction.update({column: 1 if column == "l1_chain_id" else b"\x01" * 20, "nonce": 7}).execute()
        L1Attempt.update(hash=bytes(32), content=b"old").execute()
    scene.start()
    scene.run()
    assert scene.state() == (1, 0, 0) and b"old" not in wire.sent
    assert sorted(row[2] for row in rows(scene)) == [L1TransactionStatus.CONFIRMED, L1TransactionStatus.PENDING]


def test_a_reorganisation_is_followed(scene: Scene, wire: Wire) -> None:
    """L1 forgets blocks: the same bytes are sent again, and nothing else."""
    scene.seal(1)
    scene.prove(1)
    before = scene.control("evm_snapshot")
    for _ in range(100):  # a step does nothing while the node has not mined yet
        if scene.transactions() < 2:
            scene.sender.step()
    assert (scene.state(), scene.transactions()) == ((1, 1, 0), 2)
    scene.control("evm_revert", before)
    assert scene.state() == (0, 0, 0)
    sent = len(wire.sent)
    scene.sender.step()
    assert status(scene, 1) is None
    scene.run()
    assert wire.sent[sent : sent + 2] == wire.sent[:2]
    assert (scene.state(), scene.transactions()) == ((1, 1, 1), 3)
    assert [row[2:] for row in rows(scene)] == [(L1TransactionStatus.CONFIRMED, True)] * 3


def test_a_reorganisation_deeper_than_the_confirmations_is_followed(scene: Scene, wire: Wire) -> None:
    scene.seal(1)
    before = scene.control("evm_snapshot")
    scene.run()
    assert rows(scene) == [("commit", 1, L1TransactionStatus.CONFIRMED, True)]
    scene.control("evm_revert", before)
    scene.start()
    scene.run()
    assert (scene.state(), wire.sent) == ((1, 0, 0), wire.sent[:1] * 2)
    assert rows(scene) == [("commit", 1, L1TransactionStatus.CONFIRMED, True)]


def test_batches_taken_back_on_l1_are_committed_again(scene: Scene) -> None:
    scene.seal(2)
    scene.run()
    first = scene.contract.functions.storedBatch(1).call()[0]
    data = scene.contract.encode_abi("revertBatches", [1, first])
    scene.web3.eth.send_raw_transaction(signed_by_hand(scene, data))
    assert scene.state() == (1, 0, 0)
    scene.run()
    assert scene.state() == (2, 0, 0)
    assert [row[:2] for row in rows(scene)] == [("commit", 1), ("commit", 2), ("commit", 2)]


def test_a_transaction_that_failed_is_tried_again_later(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """What would be refused is not sent; when it is refused in its block after all, its nonce is spent."""
    now = 1_000_000.0
    scene.clock = lambda: now
    scene.start()
    scene.seal(1)
    gas = scene.sender._gas
    monkeypatch.setattr(scene.sender, "_gas", lambda action: gas(action) // 2)
    scene.run()
    [(action, _, state, succeeded)] = rows(scene)
    assert (action, state, succeeded) == ("commit", L1TransactionStatus.CONFIRMED, False)
    monkeypatch.undo()
    assert scene.state() == (0, 0, 0)
    assert not scene.sender.step()
    now += 61
    scene.run()
    assert scene.state() == (1, 0, 0)
    assert [row[3] for row in rows(scene)] == [False, True]


@pytest.mark.parametrize("executed", [False, True])
def test_other_batches_on_l1_are_noticed(scene: Scene, executed: bool) -> None:
    scene.seal(1)
    if executed:
        scene.prove(1)
    scene.run()
    with scene.node.store.session():
        Batch.update(expected_output=b"\x01" * 32).where(Batch.number == 1).execute()
    with pytest.raises(L1Diverged, match="executed on L1" if executed else "not this core's"):
        scene.sender.step()


def test_a_contract_of_another_rollup_is_refused(scene: Scene) -> None:
    """Before anything is sent: nothing of what the contract says may differ from what this core proves."""
    scene.seal(1)
    right = scene.expected
    for change, name in (
        (replace(right, chain_id=1), "chain id"),
        (replace(right, rules=replace(right.rules, key_set_digest=bytes(32))), "key set"),
        (replace(right, rules=replace(right.rules, snark_key=bytes(32))), "SNARK key"),
    ):
        scene.expected = change
        scene.start()
        with pytest.raises(L1Mismatch, match=name):
            scene.run()
    scene.expected = right
    with scene.node.store.session():
        Batch.update(program_commitment=bytes(32)).where(Batch.number == 1).execute()
    scene.start()
    with pytest.raises(L1Mismatch, match=f"program {right.rules.program_commitment.hex()}, .* is for 1, {'00' * 32}"):
        scene.run()
    with scene.node.store.session():
        Batch.update(new_root=bytes(32)).where(Batch.number == 0).execute()
    scene.start()
    with pytest.raises(L1Mismatch, match="genesis root"):
        scene.run()
    assert scene.transactions() == 0


def test_batches_before_an_upgrade_are_proven_by_the_core_that_made_them(scene: Scene, l1: tuple[Evm, Wire]) -> None:
    """L1 is at the next version already; this core, of the version before, ends what it began and goes no further."""
    scene.seal(1)
    scene.run()
    verifier, _, program, key_set = scene.contract.functions["rulesOf"](1).call()
    upgrade = scene.contract.encode_abi("setRules", [(verifier, 2, program, key_set), 2])
    l1[0].send(scene.contract, bytes.fromhex(upgrade[2:]), l1[0].owner)
    scene.seal(1)
    scene.prove(1)
    with pytest.raises(L1Mismatch, match="batch 2 against protocol version 2"):
        scene.run()
    assert scene.state() == (1, 1, 1)


def test_nothing_is_sent_without_the_role_of_a_validator(scene: Scene, l1: tuple[Evm, Wire]) -> None:
    scene.seal(1)
    evm = l1[0]
    forbid = scene.contract.encode_abi("setValidator", [ACCOUNT, False])
    evm.send(scene.contract, bytes.fromhex(forbid[2:]), evm.owner)
    with pytest.raises(L1Mismatch, match="no validator"):
        scene.run()


def test_what_l1_would_refuse_is_not_sent(scene: Scene) -> None:
    scene.seal(1)
    scene.node.snarks.put(1, b"no proof")
    with pytest.raises(L1TransactionRefused, match="prove batch 1: ProofLength"):
        scene.run()
    assert (scene.transactions(), scene.state()) == (1, (1, 0, 0))


def test_a_transaction_waits_for_its_confirmations(scene: Scene) -> None:
    scene.seal(1)
    scene.sender.step()
    assert rows(scene)[0][2] == L1TransactionStatus.PENDING
    for depth in range(1, TERMS.confirmations):
        scene.sender.step()
        assert rows(scene)[0][2] == L1TransactionStatus.MINED, depth
        scene.mine()
    scene.sender.step()
    assert rows(scene)[0][2] == L1TransactionStatus.CONFIRMED


def test_a_proof_of_another_batch_is_not_sent(scene: Scene) -> None:
    scene.seal(2)
    scene.prove(2)
    scene.node.snarks.put(1, scene.node.snarks.get(2) or b"")
    with pytest.raises(L1TransactionRefused, match="prove batch 1: ProofRefused"):
        scene.run()
    assert (scene.state(), scene.transactions()) == ((1, 0, 0), 1)
