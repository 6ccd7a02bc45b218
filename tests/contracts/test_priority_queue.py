"""The priority queue on a real EVM: what L1 asks of the rollup is taken whole, in order, once and in time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.formats import priority
from core.formats.messages import WITHDRAWAL_ADDRESS
from core.formats.witness_input import MAX_REQUESTS
from tests.contracts.deployment import Batch, LocalEvm, Reverted, Rollup, artifact, deploy
from tests.contracts.requests import TO, deposit, force, octets

DAY = 86_400


def rolling(rollup: Rollup, number: int) -> bytes:
    """Return the rolling hash after a request as the formats compute it."""
    found = bytes(32)
    for request in rollup.queue[:number]:
        found = request.rolled(found)
    return found


def later(rollup: Rollup, seconds: int) -> None:
    evm = rollup.evm
    assert isinstance(evm, LocalEvm)
    evm.tester.time_travel(int(evm.web3.eth.get_block("latest")["timestamp"]) + seconds)


def settle(rollup: Rollup, batch: Batch) -> None:
    rollup.send(rollup.commit_data(batch))
    rollup.send(rollup.prove_data(batch.number, [rollup.proof(batch.number)]))
    rollup.send(rollup.execute_data(batch.number))


def test_constants_are_those_of_the_formats(rollup: Rollup) -> None:
    assert octets(rollup.read("WITHDRAWAL_ADDRESS")) == WITHDRAWAL_ADDRESS
    assert rollup.read("MAX_REQUESTS") == MAX_REQUESTS
    assert (rollup.read("DEPOSIT"), rollup.read("WITHDRAWAL")) == tuple(priority.Kind)


def test_requests_are_chained_and_announced(rollup: Rollup) -> None:
    made = [deposit(rollup, 5), force(rollup, 7), deposit(rollup, 10**18)]
    for number in range(4):
        assert rollup.read("request", number)[0] == rolling(rollup, number)
    assert rollup.read("requested") == 3
    assert rollup.evm.web3.eth.get_balance(rollup.executor.address) == 10**18 + 5
    logs = [dict(found["args"]) for found in rollup.executor.events["PriorityRequest"]().get_logs(from_block=0)]
    for log, request in zip(logs, made, strict=True):
        stated = (log["number"], log["kind"], octets(log["from"]), octets(log["to"]), log["amount"])
        assert stated == (request.number, request.kind, request.sender, request.to, request.amount)
        assert log["rollingHash"] == rolling(rollup, request.number)
    with pytest.raises(Reverted, match="RequestUnknown"):
        rollup.evm.call(rollup.executor, rollup.encode("request", 4))


def test_nothing_and_addresses_of_nobody_are_refused(rollup: Rollup) -> None:
    with pytest.raises(Reverted, match="NothingToMove"):
        deposit(rollup, 0)
    with pytest.raises(Reverted, match="NothingToMove"):
        force(rollup, 0)
    for to in ("0x" + "00" * 20, "0x" + WITHDRAWAL_ADDRESS.hex()):
        with pytest.raises(Reverted, match="AddressOfNobody"):
            deposit(rollup, 1, to)
    with pytest.raises(Reverted, match="AddressOfNobody"):
        force(rollup, 1, "0x" + "00" * 20)
    assert rollup.read("requested") == 0


def test_a_batch_takes_the_next_requests(rollup: Rollup) -> None:
    for amount in range(1, 6):
        deposit(rollup, amount)
    settle(rollup, Batch(1, requests=2))
    settle(rollup, Batch(2))
    settle(rollup, Batch(3, requests=3))
    assert [rollup.read("storedBatch", number)[4] for number in range(4)] == [0, 2, 2, 5]
    with pytest.raises(Reverted, match="RequestUnknown"):
        rollup.send(rollup.encode("commitBatch", Batch(4, requests=1).fields(), bytes(32)))


@pytest.mark.parametrize("proven", ["replayed", "reordered", "omitted", "fewer", "changed"])
def test_a_proof_of_other_requests_is_refused(rollup: Rollup, proven: str) -> None:
    """The contract computes the hash from its storage: a proof that took other requests is about another output."""
    for amount in (1, 2, 3):
        deposit(rollup, amount)
    settle(rollup, Batch(1, requests=1))
    right = list(rollup.queue)
    other = {
        "replayed": [right[0], right[0], right[2]],
        "reordered": [right[0], right[2], right[1]],
        "omitted": [right[0], right[2]],
        "fewer": right[:2],
        "changed": [right[0], replace(right[1], amount=20), right[2]],
    }[proven]
    rollup.queue = other
    rollup.commit_data(Batch(2, requests=len(other) - 1))
    proof, stored = rollup.proof(2), rollup.hashes[2]
    rollup.queue = right
    with pytest.raises(Reverted, match="HashMismatch"):
        rollup.send(rollup.encode("commitBatch", Batch(2, requests=2).fields(), stored))
    rollup.send(rollup.commit_data(Batch(2, requests=2)))
    with pytest.raises(Reverted, match="ProofRefused"):
        rollup.send(rollup.prove_data(2, [proof]))
    rollup.send(rollup.prove_data(2, [rollup.proof(2)]))


def test_requests_of_a_batch_that_is_taken_back_are_taken_again(rollup: Rollup) -> None:
    deposit(rollup, 1)
    rollup.send(rollup.commit_data(Batch(1, requests=1)))
    rollup.send(rollup.revert_data(0))
    settle(rollup, Batch(1))
    settle(rollup, Batch(2, requests=1))
    assert rollup.read("storedBatch", 2)[4] == 1


def test_an_overdue_request_is_not_left_out(rollup: Rollup) -> None:
    deposit(rollup, 1)
    later(rollup, DAY // 2)
    deposit(rollup, 2)
    settle(rollup, Batch(1))
    later(rollup, DAY // 2 + 60)
    with pytest.raises(Reverted, match="RequestOverdue"):
        rollup.send(rollup.commit_data(Batch(2)))
    rollup.send(rollup.commit_data(Batch(2, requests=1)))
    later(rollup, DAY // 2)
    with pytest.raises(Reverted, match="RequestOverdue"):
        rollup.send(rollup.commit_data(Batch(3)))
    rollup.send(rollup.commit_data(Batch(3, requests=1)))


def test_more_overdue_requests_than_a_batch_holds_do_not_stop_the_rollup(rollup: Rollup) -> None:
    for _ in range(MAX_REQUESTS + 1):
        deposit(rollup, 1)
    later(rollup, DAY + 60)
    most = MAX_REQUESTS
    with pytest.raises(Reverted, match="RequestOverdue"):
        rollup.send(rollup.commit_data(Batch(1, requests=most - 1)))
    with pytest.raises(Reverted, match="TooManyRequests"):
        rollup.send(rollup.commit_data(Batch(1, requests=most + 1)))
    rollup.send(rollup.commit_data(Batch(1, requests=most)))
    rollup.send(rollup.commit_data(Batch(2, requests=1)))


def test_anybody_continues_an_abandoned_rollup_and_nobody_another(rollup: Rollup) -> None:
    def continued(batch: Batch, proof: bytes | None = None) -> bytes:
        rollup.commit_data(batch)
        return rollup.encode(
            "continueAbandoned", batch.fields(), rollup.hashes[batch.number], proof or rollup.proof(batch.number)
        )

    deposit(rollup, 1)
    settle(rollup, Batch(1))
    rollup.send(rollup.commit_data(Batch(2, requests=1)))
    rollup.send(rollup.prove_data(2, [rollup.proof(2)]))
    batch, stranger = Batch(2, new_root=b"\x66" * 32, requests=1), rollup.evm.stranger
    later(rollup, 8 * DAY - 60)
    assert rollup.read("abandoned") is False
    with pytest.raises(Reverted, match="NotAbandoned"):
        rollup.send(continued(batch), stranger)
    later(rollup, 120)
    assert rollup.read("abandoned") is True
    with pytest.raises(Reverted, match="NotValidator"):
        rollup.send(rollup.encode("revertBatches", 1, rollup.hashes[1]), stranger)
    with pytest.raises(Reverted, match="RequestOverdue"):
        rollup.send(continued(replace(batch, requests=0)), stranger)
    with pytest.raises(Reverted, match="ProofRefused"):
        rollup.send(continued(batch, b"\x99" * 32), stranger)
    with pytest.raises(Reverted, match="UnusualCalldata"):
        rollup.send(continued(batch) + b"\x00", stranger)
    deployed = rollup.evm.deploy(artifact("Forwarder", "tests/contracts"))
    # With the errors of the contract that it calls.
    forwarder = rollup.evm.web3.eth.contract(address=deployed.address, abi=[*deployed.abi, *rollup.executor.abi])
    forwarded = bytes.fromhex(forwarder.encode_abi("forward", [rollup.executor.address, continued(batch)])[2:])
    with pytest.raises(Reverted, match="DataNotInTransaction"):
        rollup.evm.send(forwarder, forwarded, stranger)
    rollup.send(continued(batch), stranger)
    assert (rollup.state(), rollup.read("stateRoot"), rollup.read("abandoned")) == ((2, 2, 2), b"\x66" * 32, False)
    with pytest.raises(Reverted, match="NotAbandoned"):
        rollup.send(continued(Batch(3)), stranger)
    settle(rollup, Batch(3))


def test_an_executor_for_production_has_the_same_queue(rollup: Rollup) -> None:
    second = deploy(rollup.evm, contract="Executor", insecure_verifier=False)
    deposit(second, 3, TO)
    settle(second, Batch(1, requests=1))
