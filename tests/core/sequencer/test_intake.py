"""Transactions that come together: one run, one durable write, and nobody refused for what others sent."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from eth_account import Account

from core.errors import Busy
from core.process.node import Node
from core.program.state_transition import Program, Status
from core.sequencer import Known, MempoolFull, Refused, intake
from core.sequencer.intake import Intake
from core.store import Transaction, TransactionStatus, transactions
from tests.core.chain import ETHER, GWEI, WALLETS, legacy, node_at, transfer

FRESH, OTHER = Account.from_key(b"\x21" * 32), Account.from_key(b"\x22" * 32)


def test_one_run_judges_a_group_and_what_fails_in_it_is_judged_alone(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = []
    judge = Program.judge

    def counted(program: Program, content: bytes) -> object:
        journal = judge(program, content)
        runs.append(len(journal.results))
        return journal

    monkeypatch.setattr(Program, "judge", counted)
    group = [
        transfer(WALLETS[0], 0),
        transfer(WALLETS[0], 1),
        transfer(WALLETS[2], 3),
        transfer(WALLETS[1], 0, gas=30_000_000),
        b"\x02\xc0",
        transfer(WALLETS[1], 1, gas=20_999),
        transfer(WALLETS[2], 5),
        transfer(WALLETS[0], 0),
    ]
    answers = node.sequencer.submit_all(group)
    assert [type(answer) for answer in answers[:4]] == [bytes] * 4, (
        "a gas limit counts against the block, not the group"
    )
    assert answers[4].code == "transaction_unreadable"  # type: ignore[union-attr]
    assert isinstance(answers[5], Refused) and answers[5].status is Status.INTRINSIC_GAS
    assert isinstance(answers[6], bytes), "a gap waits"
    assert isinstance(answers[7], Known)
    assert runs[0] == 7 and set(runs[1:]) == {1}
    assert node.sequencer.waiting() == 5


def test_a_group_is_judged_as_one_after_the_other_would_be(tmp_path: Path) -> None:
    group = [
        transfer(WALLETS[0], 0, value=9_000 * ETHER),
        transfer(WALLETS[0], 5, value=2_000 * ETHER),
        transfer(WALLETS[0], 1, value=500 * ETHER),
        transfer(WALLETS[1], 0, to=FRESH.address, value=5 * ETHER),
        transfer(FRESH, 0, value=ETHER),
        transfer(WALLETS[1], 1, to=OTHER.address, value=5 * ETHER),
        transfer(OTHER, 0, gas=30_000_000, value=ETHER),
        legacy(WALLETS[2], 0),
        transfer(WALLETS[2], 0, maxFeePerGas=9 * GWEI, maxPriorityFeePerGas=9 * GWEI, value=1),
    ]
    rows: list[dict[bytes, tuple[str, str | None]]] = []

    def close(node: Node) -> None:
        assert node.seal_and_settle() == 1
        with node.store.session():
            rows.append({row.hash: (row.status, row.reason) for row in Transaction.select()})
        node.store.close()

    together = node_at(tmp_path / "together")
    answers = together.sequencer.submit_all(group)
    close(together)
    apart = node_at(tmp_path / "apart")
    for raw, answer in zip(group, answers, strict=True):
        if isinstance(answer, bytes):
            assert apart.sequencer.submit(raw) == answer
        else:
            with pytest.raises(type(answer), match=re.escape(answer.message)):
                apart.sequencer.submit(raw)
    close(apart)
    assert rows[0] == rows[1] and len(rows[0]) == 8


def test_a_group_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = node_at(tmp_path, core_mempool_limit=2)
    cheap = node.sequencer.submit(transfer(WALLETS[0], 0))
    replaced = node.sequencer.submit(legacy(WALLETS[1], 0))
    better = {"maxFeePerGas": 9 * GWEI, "maxPriorityFeePerGas": 5 * GWEI}
    group = [transfer(WALLETS[1], 0, **better), transfer(WALLETS[2], 0, **better)]

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(transactions, "drop", full)
        with pytest.raises(OSError, match="No space"):
            node.sequencer.submit_all(group)
    assert node.sequencer.waiting() == 2
    with node.store.session():
        assert {row.hash: row.status for row in Transaction.select()} == dict.fromkeys((cheap, replaced), "pending")
    assert all(isinstance(answer, bytes) for answer in node.sequencer.submit_all(group))
    with node.store.session():
        dropped = Transaction.select().where(Transaction.status == TransactionStatus.DROPPED)
        assert {row.hash for row in dropped} == {cheap, replaced}


async def test_requests_that_come_together_share_a_group(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    groups = []
    submit_all = node.sequencer.submit_all
    monkeypatch.setattr(node.sequencer, "submit_all", lambda raws: groups.append(len(raws)) or submit_all(raws))
    door = Intake(node.sequencer)
    raws = [transfer(wallet, nonce) for wallet in WALLETS for nonce in range(4)]
    waiting = [asyncio.create_task(door.submit(raw)) for raw in [*raws, transfer(WALLETS[0], 9, chainId=1)]]
    await asyncio.sleep(0)
    waiting[3].cancel()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(answer) for answer in answers] == [bytes] * 3 + [asyncio.CancelledError] + [bytes] * 8 + [Refused]
    assert sum(groups) == 13 and len(groups) <= 2
    assert await door.submit(transfer(WALLETS[0], 4)), "a group after the last one"
    assert node.sequencer.waiting() == 13, "who went away has sent all the same"


async def test_more_than_may_wait_are_refused_and_a_failure_reaches_every_request(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = Intake(node.sequencer)
    monkeypatch.setattr(intake, "WAITING_TRANSACTIONS", 2)
    monkeypatch.setattr(node.sequencer, "submit_all", lambda _: 1 // 0)
    two = [asyncio.create_task(door.submit(transfer(WALLETS[0], nonce))) for nonce in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await door.submit(transfer(WALLETS[0], 2))
    answers = await asyncio.gather(*two, return_exceptions=True)
    assert [type(answer) for answer in answers] == [ZeroDivisionError] * 2
    monkeypatch.undo()
    assert await door.submit(transfer(WALLETS[0], 0))


def test_an_account_limit_holds_within_a_group(tmp_path: Path) -> None:
    node = node_at(tmp_path, core_mempool_account_limit=2)
    answers = node.sequencer.submit_all([transfer(WALLETS[0], nonce) for nonce in range(3)])
    assert [type(answer) for answer in answers] == [bytes, bytes, MempoolFull]
