"""Rules that change at a batch named ahead: which one a batch is held against, whatever happens in between."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.contracts.deployment import KEY_SET, PROGRAM, PROTOCOL, Batch, Evm, Reverted, Rollup, artifact
from tests.contracts.requests import deposit

DAY = 86_400
NEXT_PROGRAM, NEXT_KEYS = b"\x99" * 32, b"\x88" * 32


def announce(
    rollup: Rollup, first_batch: int, version: int = PROTOCOL + 1, program: bytes = NEXT_PROGRAM, sender: str = ""
) -> None:
    rules = (rollup.verifier.address, version, program, NEXT_KEYS)
    rollup.send(rollup.encode("setRules", rules, first_batch), sender or rollup.evm.owner)


def rules_of(rollup: Rollup, *numbers: int) -> list[tuple[int, bytes, bytes]]:
    return [tuple(rollup.read("rulesOf", number))[1:] for number in numbers]


OLD = (PROTOCOL, PROGRAM, KEY_SET)
NEW = (PROTOCOL + 1, NEXT_PROGRAM, NEXT_KEYS)


def proof(rollup: Rollup, number: int, rules: tuple[int, bytes, bytes]) -> bytes:
    """Return what the comparing verifier accepts for a batch under rules."""
    rollup.protocol, rollup.program, rollup.key_set = rules
    return rollup.proof(number)


def commit(rollup: Rollup, *numbers: int) -> None:
    for number in numbers:
        rollup.send(rollup.commit_data(Batch(number)))


def test_the_batch_that_is_named_is_the_first_under_the_new_rules(rollup: Rollup) -> None:
    commit(rollup, 1)
    announce(rollup, 3)
    commit(rollup, 2, 3)
    old = [proof(rollup, number, OLD) for number in (1, 2, 3)]
    new = [proof(rollup, number, NEW) for number in (1, 2, 3)]
    for proofs in (old, new, [old[0], new[1], new[2]], [*new[:2], old[2]]):
        with pytest.raises(Reverted, match="ProofRefused"):
            rollup.send(rollup.prove_data(3, proofs))
    rollup.send(rollup.prove_data(3, [*old[:2], new[2]]))
    assert rules_of(rollup, 0, 1, 2, 3, 4, 2**64 - 1) == [OLD, OLD, OLD, NEW, NEW, NEW]


def test_old_batches_are_proven_however_late(rollup: Rollup) -> None:
    """The new rules begin while batches before them have no proof, and after others were executed."""
    commit(rollup, 1, 2)
    announce(rollup, 3)
    commit(rollup, 3, 4)
    with pytest.raises(Reverted, match="UnexpectedBatch"):
        rollup.send(rollup.prove_data(3, [proof(rollup, 3, NEW)]))
    for number, rules in ((1, OLD), (2, OLD), (3, NEW), (4, NEW)):
        other = NEW if rules == OLD else OLD
        with pytest.raises(Reverted, match="ProofRefused"):
            rollup.send(rollup.prove_data(number, [proof(rollup, number, other)]))
        rollup.send(rollup.prove_data(number, [proof(rollup, number, rules)]))
        rollup.send(rollup.execute_data(number))


@pytest.mark.parametrize("part", range(3))
def test_each_of_the_rules_counts_in_a_proof(rollup: Rollup, part: int) -> None:
    announce(rollup, 1)
    commit(rollup, 1)
    wrong = tuple(OLD[at] if at == part else NEW[at] for at in range(3))
    with pytest.raises(Reverted, match="ProofRefused"):
        rollup.send(rollup.prove_data(1, [proof(rollup, 1, wrong)]))  # type: ignore[arg-type]
    rollup.send(rollup.prove_data(1, [proof(rollup, 1, NEW)]))


def test_a_verifier_of_another_key_counts_from_its_batch_on(rollup: Rollup) -> None:
    second = rollup.evm.deploy(artifact("ComparingVerifier", "tests/contracts"), True)
    rules = (second.address, PROTOCOL + 1, PROGRAM, KEY_SET)
    rollup.send(rollup.encode("setRules", rules, 2), rollup.evm.owner)
    assert [rollup.read("rulesOf", number)[0] for number in (1, 2)] == [rollup.verifier.address, second.address]


def test_rules_of_committed_batches_do_not_change(rollup: Rollup) -> None:
    commit(rollup, 1, 2)
    for first_batch in (0, 1, 2):
        with pytest.raises(Reverted, match="FirstBatchNotLater"):
            announce(rollup, first_batch)
    announce(rollup, 3)
    commit(rollup, 3)
    # Neither moved on nor back, nor taken back: batch 3 is committed to under the new rules.
    for version, first_batch in ((PROTOCOL + 1, 4), (PROTOCOL + 2, 3), (PROTOCOL + 2, 2)):
        with pytest.raises(Reverted, match=r"ProtocolVersionNotLater|FirstBatchNotLater"):
            announce(rollup, first_batch, version)
    assert rules_of(rollup, 2, 3) == [OLD, NEW]


def test_versions_only_rise(rollup: Rollup) -> None:
    with pytest.raises(Reverted, match="ProtocolVersionNotLater"):
        announce(rollup, 3, PROTOCOL)
    announce(rollup, 3)
    announce(rollup, 5, PROTOCOL + 2)
    assert [version for version, *_ in rules_of(rollup, 1, 3, 4, 5)] == [PROTOCOL + at for at in (0, 1, 1, 2)]
    commit(rollup, 1, 2, 3)
    with pytest.raises(Reverted, match="ProtocolVersionNotLater"):
        announce(rollup, 4, PROTOCOL + 1)
    assert [first for first, *_ in rollup.read("upgrades")] == [1, 3, 5]


def test_a_switch_that_has_not_begun_is_put_off(rollup: Rollup) -> None:
    announce(rollup, 3)
    announce(rollup, 5, PROTOCOL + 2)
    announce(rollup, 4)
    assert [(first, rules[1]) for first, _, rules in rollup.read("upgrades")] == [(1, PROTOCOL), (4, PROTOCOL + 1)]
    commit(rollup, 1, 2, 3)
    announce(rollup, 1_000)
    commit(rollup, 4)
    rollup.send(rollup.prove_data(4, [proof(rollup, number, OLD) for number in (1, 2, 3, 4)]))


def test_rules_that_no_batch_has_yet_are_replaced(rollup: Rollup) -> None:
    announce(rollup, 3)
    announce(rollup, 5, PROTOCOL + 2)
    announce(rollup, 2, program=b"\x77" * 32)
    assert rules_of(rollup, 1, 2, 3, 5, 9) == [OLD, *[(PROTOCOL + 1, b"\x77" * 32, NEXT_KEYS)] * 4]
    announce(rollup, 2**64 - 1, PROTOCOL + 2)
    announce(rollup, 1)
    assert rules_of(rollup, 1, 2**64 - 1) == [NEW, NEW]


def test_a_change_that_is_refused_leaves_what_was_announced(rollup: Rollup) -> None:
    announce(rollup, 3)
    with pytest.raises(Reverted, match="ProtocolVersionNotLater"):
        announce(rollup, 2, PROTOCOL)
    other = rollup.evm.deploy(artifact("ComparingVerifier", "tests/contracts"), False)
    rules = (other.address, PROTOCOL + 1, NEXT_PROGRAM, NEXT_KEYS)
    with pytest.raises(Reverted, match="VerifierOfOtherKind"):
        rollup.send(rollup.encode("setRules", rules, 2), rollup.evm.owner)
    assert rules_of(rollup, 2, 3) == [OLD, NEW]


def test_batches_that_are_taken_back_come_again_under_the_rules_of_their_numbers(rollup: Rollup) -> None:
    announce(rollup, 3)
    commit(rollup, 1, 2, 3, 4)
    rollup.send(rollup.prove_data(3, [*(proof(rollup, number, OLD) for number in (1, 2)), proof(rollup, 3, NEW)]))
    rollup.send(rollup.execute_data(1))
    rollup.send(rollup.revert_data(1))
    assert rules_of(rollup, 1, 2, 3) == [OLD, OLD, NEW]
    commit(rollup, 2, 3)
    for wrong in (proof(rollup, 2, NEW), b"\x55" * 32):
        with pytest.raises(Reverted, match="ProofRefused"):
            rollup.send(rollup.prove_data(2, [wrong]))
    rollup.send(rollup.prove_data(3, [proof(rollup, 2, OLD), proof(rollup, 3, NEW)]))


def test_the_switch_may_move_once_the_batches_under_it_are_taken_back(rollup: Rollup) -> None:
    """The way out when committed batches can never be proven: back, then other rules for them."""
    announce(rollup, 3)
    commit(rollup, 1, 2, 3)
    rollup.send(rollup.prove_data(1, [proof(rollup, 1, OLD)]))
    rollup.send(rollup.execute_data(1))
    with pytest.raises(Reverted, match="FirstBatchNotLater"):
        announce(rollup, 2, PROTOCOL + 2)
    rollup.send(rollup.revert_data(1))
    with pytest.raises(Reverted, match="FirstBatchNotLater"):
        announce(rollup, 1, PROTOCOL + 2)
    announce(rollup, 2)
    commit(rollup, 2, 3)
    rollup.send(rollup.prove_data(3, [proof(rollup, number, NEW) for number in (2, 3)]))


@pytest.mark.parametrize(("first_batch", "rules", "other"), [(2, NEW, OLD), (3, OLD, NEW)])
def test_an_abandoned_rollup_goes_on_under_the_rules_of_the_batchs_number(
    rollup: Rollup, first_batch: int, rules: tuple[int, bytes, bytes], other: tuple[int, bytes, bytes]
) -> None:
    """With batches committed and dropped on both sides of the switch."""
    deposit(rollup, 1)
    commit(rollup, 1)
    rollup.send(rollup.prove_data(1, [proof(rollup, 1, OLD)]))
    rollup.send(rollup.execute_data(1))
    announce(rollup, first_batch)
    commit(rollup, 2, 3)
    tester = rollup.evm.tester  # type: ignore[attr-defined]
    tester.time_travel(tester.get_block_by_number()["timestamp"] + 8 * DAY + 60)
    tester.mine_block()
    batch = replace(Batch(2), new_root=b"\x66" * 32, requests=1)
    rollup.commit_data(batch)

    def continued(given: tuple[int, bytes, bytes]) -> bytes:
        return rollup.encode("continueAbandoned", batch.fields(), rollup.hashes[2], proof(rollup, 2, given))

    with pytest.raises(Reverted, match="ProofRefused"):
        rollup.send(continued(other), rollup.evm.stranger)
    rollup.send(continued(rules), rollup.evm.stranger)
    assert rollup.state() == (2, 2, 2)
    commit(rollup, 3)
    rollup.send(rollup.prove_data(3, [proof(rollup, 3, NEW)]))


def test_forced_inclusion_holds_across_the_switch(rollup: Rollup) -> None:
    deposit(rollup, 1)
    announce(rollup, 1)
    tester = rollup.evm.tester  # type: ignore[attr-defined]
    tester.time_travel(tester.get_block_by_number()["timestamp"] + DAY + 60)
    tester.mine_block()
    with pytest.raises(Reverted, match="RequestOverdue"):
        commit(rollup, 1)
    rollup.send(rollup.commit_data(Batch(1, requests=1)))
    rollup.send(rollup.prove_data(1, [proof(rollup, 1, NEW)]))


def test_only_the_owner_announces_and_everybody_sees_it(rollup: Rollup, kept: Evm) -> None:
    for sender in (kept.stranger, kept.validator):
        with pytest.raises(Reverted, match="NotOwner"):
            announce(rollup, 1, sender=sender)
    announce(rollup, 7)
    told = [dict(found["args"]) for found in rollup.executor.events["RulesChanged"]().get_logs(from_block=0)]
    assert told[-1] == {
        "firstBatch": 7,
        "notBefore": kept.web3.eth.get_block("latest")["timestamp"],
        "verifier": rollup.verifier.address,
        "protocolVersion": PROTOCOL + 1,
        "programCommitment": NEXT_PROGRAM,
        "keySetDigest": NEXT_KEYS,
    }
