"""The least notice: what was announced begins when its time has come, and the rollup goes on as it was until then."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.contracts.deployment import PROTOCOL, Batch, Evm, Reverted, Rollup, deploy
from tests.contracts.requests import deposit
from tests.contracts.test_upgrade import DAY, NEW, OLD, announce, commit, proof, rules_of

NOTICE = 10 * DAY


@pytest.fixture
def slow(kept: Evm) -> Rollup:
    return deploy(kept, least_notice=NOTICE)


def now(rollup: Rollup) -> int:
    return int(rollup.evm.web3.eth.get_block("latest")["timestamp"])


def wait(rollup: Rollup, seconds: int) -> None:
    tester = rollup.evm.tester  # type: ignore[attr-defined]
    tester.time_travel(now(rollup) + seconds)
    tester.mine_block()


def firsts(rollup: Rollup) -> list[int]:
    return [first for first, *_ in rollup.read("upgrades")]


def test_batches_within_the_notice_stay_with_the_rules_that_they_had(slow: Rollup) -> None:
    """Whatever batch was named, and to their end: proven and executed, so that a withdrawal reaches L1."""
    commit(slow, 1)
    announce(slow, 2)
    assert slow.read("upgrades")[-1][1] == now(slow) + NOTICE
    commit(slow, 2, 3)
    assert firsts(slow) == [1, 4]
    with pytest.raises(Reverted, match="ProofRefused"):
        slow.send(slow.prove_data(3, [*(proof(slow, number, OLD) for number in (1, 2)), proof(slow, 3, NEW)]))
    slow.send(slow.prove_data(3, [proof(slow, number, OLD) for number in (1, 2, 3)]))
    slow.send(slow.execute_data(3))
    assert slow.state() == (3, 3, 3)


def test_the_first_batch_after_the_notice_is_under_the_new_rules(slow: Rollup) -> None:
    announce(slow, 2)
    wait(slow, NOTICE - 60)
    commit(slow, 1, 2)
    assert rules_of(slow, 1, 2, 3, 2**64 - 1) == [OLD, OLD, OLD, OLD], "a batch that comes now"
    wait(slow, 60)
    assert rules_of(slow, 1, 2, 3, 2**64 - 1) == [OLD, OLD, NEW, NEW]
    commit(slow, 3)
    for wrong in ((OLD, OLD, OLD), (OLD, NEW, NEW)):
        with pytest.raises(Reverted, match="ProofRefused"):
            slow.send(slow.prove_data(3, [proof(slow, at, rules) for at, rules in enumerate(wrong, 1)]))
    slow.send(slow.prove_data(3, [proof(slow, at, rules) for at, rules in enumerate((OLD, OLD, NEW), 1)]))


def test_a_batch_far_ahead_is_waited_for_when_the_notice_is_over(slow: Rollup) -> None:
    announce(slow, 3)
    wait(slow, NOTICE)
    commit(slow, 1, 2, 3)
    assert rules_of(slow, 2, 3) == [OLD, NEW]
    assert firsts(slow) == [1, 3]


def test_another_announcement_has_a_notice_of_its_own(slow: Rollup) -> None:
    """Rules that were announced in time make no way for others in their place."""
    announce(slow, 2**64 - 1)
    wait(slow, NOTICE)
    announce(slow, 1, program=b"\x77" * 32)
    commit(slow, 1)
    assert rules_of(slow, 1, 2) == [OLD, OLD]
    slow.send(slow.prove_data(1, [proof(slow, 1, OLD)]))
    wait(slow, NOTICE)
    assert rules_of(slow, 1, 2) == [OLD, (NEW[0], b"\x77" * 32, NEW[2])]


def test_announcements_that_are_passed_keep_their_order(slow: Rollup) -> None:
    announce(slow, 1)
    wait(slow, DAY)
    announce(slow, 2, PROTOCOL + 2)
    commit(slow, 1, 2)
    assert firsts(slow) == [1, 3, 3]
    wait(slow, NOTICE - DAY)
    assert [version for version, *_ in rules_of(slow, 2, 3)] == [PROTOCOL, PROTOCOL + 1]
    commit(slow, 3)
    assert firsts(slow) == [1, 3, 4]
    wait(slow, DAY)
    assert [version for version, *_ in rules_of(slow, 3, 4)] == [PROTOCOL + 1, PROTOCOL + 2]


def test_batches_that_are_taken_back_do_not_bring_the_switch_forward(slow: Rollup) -> None:
    announce(slow, 2)
    commit(slow, 1, 2)
    slow.send(slow.revert_data(0))
    wait(slow, NOTICE)
    commit(slow, 1, 2)
    assert rules_of(slow, 2, 3) == [OLD, NEW]


def test_everybody_continues_an_abandoned_rollup_within_the_notice(slow: Rollup) -> None:
    """An owner that announces other rules and stops sending takes nobody's way out: the notice is longer than that."""
    deposit(slow, 1)
    announce(slow, 1)
    wait(slow, 8 * DAY + 60)
    batch = replace(Batch(1), requests=1)
    slow.commit_data(batch)
    data = slow.encode("continueAbandoned", batch.fields(), slow.hashes[1], proof(slow, 1, OLD))
    slow.send(data, slow.evm.stranger)
    assert slow.state() == (1, 1, 1)
    assert firsts(slow) == [1, 2]


def test_without_a_notice_the_batch_alone_counts(rollup: Rollup) -> None:
    announce(rollup, 1)
    commit(rollup, 1)
    assert rules_of(rollup, 1) == [NEW]
    assert rollup.read("leastNotice") == 0


def test_rules_that_never_change(kept: Evm) -> None:
    fixed = deploy(kept, least_notice=2**64 - 1)
    with pytest.raises(Reverted):
        announce(fixed, 2)
    commit(fixed, 1)
    fixed.send(fixed.prove_data(1, [proof(fixed, 1, OLD)]))


def test_the_owner_cannot_announce_so_much_that_committing_fails(slow: Rollup) -> None:
    commit(slow, 1)
    for at in range(8):
        announce(slow, 100 + at, PROTOCOL + 1 + at)
    with pytest.raises(Reverted, match="TooManyAnnounced"):
        announce(slow, 200, PROTOCOL + 100)
    announce(slow, 103, PROTOCOL + 100)
    assert firsts(slow) == [1, 100, 101, 102, 103]
    commit(slow, 2)
