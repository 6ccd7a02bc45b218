"""What the Executor does with what a validator sends, on a real EVM."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from eth_hash.auto import keccak

from tests.contracts.deployment import (
    CHAIN_ID,
    GENESIS_ROOT,
    GENESIS_TIMESTAMP,
    KEY_SET,
    PROGRAM,
    PROTOCOL,
    Batch,
    Evm,
    LocalEvm,
    Reverted,
    Rollup,
    artifact,
    deploy,
)
from tests.contracts.simulation import Simulator


def events(rollup: Rollup, name: str) -> list[dict[str, object]]:
    return [dict(found["args"]) for found in rollup.executor.events[name]().get_logs(from_block=0)]


def test_a_batch_is_committed_proven_and_executed(rollup: Rollup) -> None:
    rollup.send(rollup.commit_data(Batch(1)))
    assert rollup.state() == (1, 0, 0)
    assert rollup.read("storedBatch", 1)[:3] == (rollup.hashes[1], rollup.outputs[1], rollup.roots[1])
    rollup.send(rollup.prove_data(1, [rollup.proof(1)]))
    assert rollup.state() == (1, 1, 0)
    assert rollup.read("stateRoot") == GENESIS_ROOT
    rollup.send(rollup.execute_data(1))
    assert rollup.state() == (1, 1, 1)
    assert rollup.read("stateRoot") == rollup.roots[1]
    [committed] = events(rollup, "BatchCommitted")
    assert committed == {"number": 1, "hash": rollup.hashes[1], "output": rollup.outputs[1]}
    assert events(rollup, "BatchProven") == [{"number": 1, "hash": rollup.hashes[1]}]
    assert events(rollup, "BatchExecuted")[-1] == {"number": 1, "hash": rollup.hashes[1], "root": rollup.roots[1]}


def test_several_batches_are_proven_and_executed_at_once(rollup: Rollup) -> None:
    for number in range(1, 4):
        rollup.send(rollup.commit_data(Batch(number, new_root=bytes([number]) * 32)))
    rollup.send(rollup.prove_data(2, [rollup.proof(1), rollup.proof(2)]))
    rollup.send(rollup.execute_data(2))
    assert rollup.state() == (3, 2, 2)
    assert [found["number"] for found in events(rollup, "BatchExecuted")] == [0, 1, 2]
    rollup.send(rollup.prove_data(3, [rollup.proof(3)]))
    rollup.send(rollup.execute_data(3))
    assert rollup.state() == (3, 3, 3)


def genesis_hash(rollup: Rollup, chain_id: int) -> bytes:
    words = (chain_id, int(rollup.executor.address, 16), CHAIN_ID)
    numbers = b"".join(word.to_bytes(32, "big") for word in words)
    return keccak(numbers + GENESIS_ROOT + GENESIS_TIMESTAMP.to_bytes(32, "big"))


def test_the_genesis_hash_names_the_deployment(rollup: Rollup) -> None:
    assert rollup.hashes[0] == genesis_hash(rollup, rollup.evm.web3.eth.chain_id)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda b: Batch(2), "UnexpectedBatch"),
        (lambda b: Batch(0), "UnexpectedBatch"),
        (lambda b: Batch(1, timestamp=GENESIS_TIMESTAMP - 1), "TimestampEarlier"),
        (lambda b: Batch(1, timestamp=2**63), "TimestampTooFarAhead"),
    ],
)
def test_a_batch_out_of_order_or_time_is_not_committed(
    rollup: Rollup, change: Callable[[Batch], Batch], error: str
) -> None:
    batch = change(Batch(1))
    data = rollup.encode("commitBatch", batch.fields(), bytes(32))
    with pytest.raises(Reverted, match=error):
        rollup.send(data)


def test_a_batch_is_not_committed_twice(rollup: Rollup) -> None:
    data = rollup.commit_data(Batch(1))
    rollup.send(data)
    with pytest.raises(Reverted, match="UnexpectedBatch"):
        rollup.send(data)


def test_a_commitment_on_another_history_is_refused(rollup: Rollup) -> None:
    """The hash that the sender names covers every batch before: a transaction outlives no fork."""
    rollup.send(rollup.commit_data(Batch(1)))
    data = rollup.commit_data(Batch(2))
    first = rollup.revert_data(0)
    rollup.send(first)
    rollup.send(rollup.commit_data(Batch(1, content=b"\x77" * 32)))
    with pytest.raises(Reverted, match="HashMismatch"):
        rollup.send(data)


def test_steps_come_in_order(rollup: Rollup) -> None:
    for number in (1, 2):
        data = rollup.commit_data(Batch(number))
        if number == 1:
            with pytest.raises(Reverted, match="BatchNotCommitted"):
                rollup.send(rollup.prove_data(1, [rollup.proof(1)]))
            with pytest.raises(Reverted, match="BatchNotProven"):
                rollup.send(rollup.execute_data(1))
        rollup.send(data)
    with pytest.raises(Reverted, match="UnexpectedBatch"):
        rollup.send(rollup.prove_data(2, [rollup.proof(2)]))
    with pytest.raises(Reverted, match="UnexpectedBatch"):
        rollup.send(rollup.prove_data(0, []))
    with pytest.raises(Reverted, match="ProofRefused"):
        rollup.send(rollup.prove_data(2, [rollup.proof(2), rollup.proof(1)]))
    rollup.send(rollup.prove_data(2, [rollup.proof(1), rollup.proof(2)]))
    rollup.send(rollup.execute_data(2))
    with pytest.raises(Reverted, match="BatchExecutedAlready"):
        rollup.send(rollup.execute_data(1))


def test_a_proof_is_not_taken_twice(rollup: Rollup) -> None:
    rollup.send(rollup.commit_data(Batch(1)))
    data = rollup.prove_data(1, [rollup.proof(1)])
    rollup.send(data)
    with pytest.raises(Reverted, match="UnexpectedBatch"):
        rollup.send(data)
    rollup.send(rollup.commit_data(Batch(2)))
    with pytest.raises(Reverted, match="ProofRefused"):
        rollup.send(rollup.prove_data(2, [rollup.proof(1)]))


@pytest.mark.parametrize("other", [{"new_root": b"\x77" * 32}, {"content": b"\x77" * 32}, {"timestamp": 1_700_000_099},
                                   {"messages": b"\x77" * 32}, {"state_diffs": b"\x66" * 69},
                                   {"state_diffs": b"\x66" * 69 + b"\x67"}])  # fmt: skip
def test_a_right_proof_of_another_batch_is_refused(rollup: Rollup, other: dict[str, object]) -> None:
    rollup.commit_data(Batch(1))
    proof = rollup.proof(1)
    rollup.send(rollup.commit_data(Batch(1, **other)))  # type: ignore[arg-type]
    with pytest.raises(Reverted, match="ProofRefused"):
        rollup.send(rollup.prove_data(1, [proof]))
    assert rollup.state() == (1, 0, 0)


@pytest.mark.parametrize("other", [{"chain_id": CHAIN_ID + 1}, {"genesis_root": b"\x77" * 32}])
def test_a_proof_for_another_chain_or_history_is_refused(rollup: Rollup, other: dict[str, object]) -> None:
    rollup.commit_data(Batch(1))
    second = deploy(rollup.evm, **other)  # type: ignore[arg-type]
    second.send(second.commit_data(Batch(1)))
    with pytest.raises(Reverted, match="ProofRefused"):
        second.send(second.prove_data(1, [rollup.proof(1)]))


def test_a_transaction_for_another_deployment_is_refused(rollup: Rollup) -> None:
    second = deploy(rollup.evm)
    commit = rollup.commit_data(Batch(1))
    with pytest.raises(Reverted, match="HashMismatch"):
        second.send(commit)
    second.send(second.commit_data(Batch(1)))
    rollup.send(commit)
    with pytest.raises(Reverted, match="HashMismatch"):
        second.send(rollup.prove_data(1, [rollup.proof(1)]))
    second.send(second.prove_data(1, [second.proof(1)]))
    with pytest.raises(Reverted, match="HashMismatch"):
        second.send(rollup.execute_data(1))
    with pytest.raises(Reverted, match="HashMismatch"):
        second.send(rollup.revert_data(0))


@pytest.mark.parametrize("index", [1, 2, 3])
def test_proofs_are_held_against_the_stored_program_keys_and_version(rollup: Rollup, index: int) -> None:
    """A proof that was right becomes wrong when one of them changes."""
    rules = [rollup.verifier.address, PROTOCOL + 1, PROGRAM, KEY_SET]
    rollup.protocol = PROTOCOL + 1 if index != 1 else PROTOCOL
    if index > 1:
        rules[index] = b"\x99" * 32
    rollup.send(rollup.encode("setRules", tuple(rules), 1), rollup.evm.owner)
    rollup.send(rollup.commit_data(Batch(1)))
    with pytest.raises(Reverted, match="ProofRefused"):
        rollup.send(rollup.prove_data(1, [rollup.proof(1)]))


def test_batches_are_taken_back_until_they_are_executed(rollup: Rollup) -> None:
    for number in range(1, 4):
        rollup.send(rollup.commit_data(Batch(number)))
    rollup.send(rollup.prove_data(2, [rollup.proof(1), rollup.proof(2)]))
    rollup.send(rollup.execute_data(1))
    with pytest.raises(Reverted, match="BatchExecutedAlready"):
        rollup.send(rollup.revert_data(0))
    with pytest.raises(Reverted, match="HashMismatch"):
        rollup.send(rollup.encode("revertBatches", 1, rollup.hashes[2]))
    rollup.send(rollup.revert_data(2))
    assert rollup.state() == (2, 2, 1)
    rollup.send(rollup.revert_data(1))
    assert rollup.state() == (1, 1, 1)
    with pytest.raises(Reverted, match="BatchNotCommitted"):
        rollup.evm.call(rollup.executor, rollup.encode("storedBatch", 2))
    with pytest.raises(Reverted, match="BatchNotCommitted"):
        rollup.send(rollup.encode("revertBatches", 2, rollup.hashes[2]))
    rollup.send(rollup.commit_data(Batch(2, content=b"\x77" * 32)))
    rollup.send(rollup.prove_data(2, [rollup.proof(2)]))
    assert rollup.state() == (2, 2, 1)


def test_only_validators_send_batches(rollup: Rollup) -> None:
    rollup.send(rollup.commit_data(Batch(1)))
    calls = [
        rollup.prove_data(1, [rollup.proof(1)]),
        rollup.execute_data(1),
        rollup.revert_data(0),
        rollup.commit_data(Batch(2)),
    ]
    for data in calls:
        for sender in (rollup.evm.stranger, rollup.evm.owner):
            with pytest.raises(Reverted, match="NotValidator"):
                rollup.send(data, sender)
    rollup.send(rollup.encode("setValidator", rollup.evm.validator, False), rollup.evm.owner)
    with pytest.raises(Reverted, match="NotValidator"):
        rollup.send(calls[0])
    rollup.send(rollup.encode("setValidator", rollup.evm.stranger, True), rollup.evm.owner)
    rollup.send(calls[0], rollup.evm.stranger)


def test_what_a_batch_publishes_is_hashed_by_the_contract(rollup: Rollup) -> None:
    """Other state diffs than those that the stored hash names are not committed: other, fewer, more, none."""
    stated = Batch(1)
    rollup.commit_data(stated)
    for other in (b"", stated.state_diffs[:-1], stated.state_diffs + b"\x00", bytes(70)):
        fields = replace(stated, state_diffs=other).fields()
        with pytest.raises(Reverted, match="HashMismatch"):
            rollup.send(rollup.encode("commitBatch", fields, rollup.hashes[1]))
    receipt = rollup.send(rollup.encode("commitBatch", stated.fields(), rollup.hashes[1]))
    transaction = rollup.evm.web3.eth.get_transaction(receipt["transactionHash"])
    assert stated.state_diffs in bytes(transaction["input"])


def test_a_batch_is_committed_by_its_transaction_itself(rollup: Rollup) -> None:
    """What a contract calls with need not be in any transaction, where `hallmark rebuild-state` reads it."""
    evm = rollup.evm
    deployed = evm.deploy(artifact("Forwarder", "tests/contracts"))
    # With the errors of the contract that it calls.
    forwarder = evm.web3.eth.contract(address=deployed.address, abi=[*deployed.abi, *rollup.executor.abi])
    rollup.send(rollup.encode("setValidator", forwarder.address, True), evm.owner)

    def forwarded(data: bytes) -> bytes:
        return bytes.fromhex(forwarder.encode_abi("forward", [rollup.executor.address, data])[2:])

    commit = rollup.commit_data(Batch(1))
    with pytest.raises(Reverted, match="DataNotInTransaction"):
        evm.send(forwarder, forwarded(commit))
    rollup.send(commit)
    evm.send(forwarder, forwarded(rollup.prove_data(1, [rollup.proof(1)])))
    assert rollup.state() == (1, 1, 0)


def test_only_the_owner_sets_roles_and_rules(rollup: Rollup) -> None:
    rules = (rollup.verifier.address, PROTOCOL + 1, PROGRAM, KEY_SET)
    calls = [
        ("setValidator", rollup.evm.stranger, True),
        ("setRules", rules, 1),
        ("offerOwnership", rollup.evm.stranger),
    ]
    for sender in (rollup.evm.stranger, rollup.evm.validator):
        for name, *arguments in calls:
            with pytest.raises(Reverted, match="NotOwner"):
                rollup.send(rollup.encode(name, *arguments), sender)


def test_ownership_passes_to_whoever_takes_it(rollup: Rollup) -> None:
    evm = rollup.evm
    take = rollup.encode("takeOwnership")
    with pytest.raises(Reverted, match="NotOwner"):
        rollup.send(take, evm.stranger)
    rollup.send(rollup.encode("offerOwnership", evm.stranger), evm.owner)
    assert rollup.read("owner") == evm.owner
    rollup.send(take, evm.stranger)
    assert rollup.read("owner") == evm.stranger
    with pytest.raises(Reverted, match="NotOwner"):
        rollup.send(take, evm.stranger)


def test_verifiers_of_the_other_kind_are_refused(kept: Evm) -> None:
    assert deploy(kept, contract="Executor", insecure_verifier=False).read("insecureTest") is False
    assert deploy(kept).read("insecureTest") is True
    with pytest.raises(Reverted, match="VerifierOfOtherKind"):
        deploy(kept, contract="Executor", insecure_verifier=True)
    with pytest.raises(Reverted, match="VerifierOfOtherKind"):
        deploy(kept, contract="InsecureTestExecutor", insecure_verifier=False)
    rollup = deploy(kept)
    other = kept.deploy(artifact("ComparingVerifier", "tests/contracts"), False)
    with pytest.raises(Reverted, match="VerifierOfOtherKind"):
        rollup.send(rollup.encode("setRules", (other.address, PROTOCOL + 1, PROGRAM, KEY_SET), 1), kept.owner)


@pytest.mark.parametrize("chain_id", [1, 10, 8453, 42161, 2**200])
def test_contracts_of_test_setups_are_for_test_chains_only(chain_id: int) -> None:
    evm = LocalEvm(chain_id)
    production = deploy(evm, contract="Executor", insecure_verifier=False)
    assert production.hashes[0] == genesis_hash(production, chain_id)
    with pytest.raises(Reverted, match="ProductionChain"):
        deploy(evm)
    with pytest.raises(Reverted, match="ProductionChain"):
        evm.deploy(artifact("InsecureTestSnarkVerifier"), Simulator(1).key.to_bytes())


@pytest.mark.parametrize("chain_id", [1337, 31337, 11155111])
def test_an_insecure_test_executor_is_deployed_on_test_chains(chain_id: int) -> None:
    evm = LocalEvm(chain_id)
    verifier = evm.deploy(artifact("InsecureTestSnarkVerifier"), Simulator(1).key.to_bytes())
    assert deploy(evm, verifier=verifier).read("insecureTest") is True
