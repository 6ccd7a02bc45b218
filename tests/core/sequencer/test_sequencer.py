"""The mempool and the seal, with the real state-transition program as judge."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from eth_account import Account

from core.formats.transactions import UnreadableTransaction
from core.process.node import Node
from core.program.state_transition import Status
from core.sequencer import Known, MempoolFull, Refused
from core.state import chain
from core.store import Batch, BatchStatus, Transaction, TransactionStatus
from tests.core.chain import ETHER, GWEI, WALLETS, Clock, accounts_at, legacy, node_at, transfer

SENDER = bytes.fromhex(WALLETS[0].address[2:])
RECEIVER = bytes.fromhex(WALLETS[1].address[2:])
HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


def _unprotected() -> bytes:
    return legacy(WALLETS[0], 0, chainId=None)


def _with_s_above_half() -> bytes:
    import rlp

    fields = rlp.decode(legacy(WALLETS[0], 0))
    order = 2 * HALF_ORDER + 1
    fields[6] = int.from_bytes(fields[6], "big") ^ 1 if fields[6][-1] % 2 else int.from_bytes(fields[6], "big") + 1
    fields[6] = int(fields[6]).to_bytes(2, "big")
    fields[8] = (order - int.from_bytes(fields[8], "big")).to_bytes(32, "big")
    return bytes(rlp.encode(fields))


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (transfer(WALLETS[0], 0, chainId=1), Status.WRONG_CHAIN),
        (legacy(WALLETS[0], 0, chainId=1), Status.WRONG_CHAIN),
        (_unprotected(), Status.UNPROTECTED),
        (transfer(WALLETS[0], (1 << 64) - 1), Status.NONCE_OVERFLOW),
        (transfer(WALLETS[0], 0, value=10_001 * ETHER), Status.INSUFFICIENT_BALANCE),
        (transfer(WALLETS[0], 0, value=10_000 * ETHER), Status.INSUFFICIENT_BALANCE),
        (transfer(Account.from_key(b"\x07" * 32), 0), Status.INSUFFICIENT_BALANCE),
        (transfer(WALLETS[0], 0, gas=20_999), Status.INTRINSIC_GAS),
        (transfer(WALLETS[0], 0, gas=30_000_001), Status.BATCH_GAS),
        (transfer(WALLETS[0], 0, maxFeePerGas=GWEI - 1, maxPriorityFeePerGas=0), Status.FEE_BELOW_BASE),
        (transfer(WALLETS[0], 0, maxPriorityFeePerGas=3 * GWEI), Status.PRIORITY_ABOVE_MAX),
        (transfer(WALLETS[0], 0, to="", data=b"\x00", gas=60_000), Status.CREATION_UNSUPPORTED),
    ],
)
def test_an_invalid_transaction_is_refused_with_the_programs_reason(node: Node, raw: bytes, status: Status) -> None:
    with pytest.raises(Refused) as refusal:
        node.sequencer.submit(raw)
    assert refusal.value.status is status
    assert node.sequencer.waiting() == 0


def test_bad_signatures_and_malformed_bytes_are_refused(node: Node) -> None:
    raw = bytearray(transfer(WALLETS[0], 0))
    for bad in (bytes(raw[:-32]) + b"\xff" * 32, bytes(raw[:-1]), bytes(raw) + b"\x00", _with_s_above_half()):
        with pytest.raises((Refused, UnreadableTransaction)):
            node.sequencer.submit(bad)
    raw[-1] ^= 1
    with pytest.raises(Refused) as refusal:
        node.sequencer.submit(bytes(raw))
    assert refusal.value.status in (Status.INSUFFICIENT_BALANCE, Status.BAD_SIGNATURE, Status.NONCE_TOO_HIGH)


def test_a_used_nonce_is_too_low_and_the_same_transaction_is_known(node: Node) -> None:
    node.sequencer.submit(transfer(WALLETS[0], 0))
    with pytest.raises(Known):
        node.sequencer.submit(transfer(WALLETS[0], 0))
    node.seal_and_settle()
    with pytest.raises(Known):
        node.sequencer.submit(transfer(WALLETS[0], 0))
    with pytest.raises(Refused) as refusal:
        node.sequencer.submit(transfer(WALLETS[0], 0, value=1))
    assert refusal.value.status is Status.NONCE_TOO_LOW


def test_several_waiting_transactions_build_on_each_other(node: Node) -> None:
    fresh = Account.from_key(b"\x21" * 32)
    node.sequencer.submit(transfer(WALLETS[0], 0, to=fresh.address, value=5 * ETHER))
    node.sequencer.submit(transfer(WALLETS[0], 1))
    node.sequencer.submit(transfer(fresh, 0, value=4 * ETHER))
    assert node.sequencer.pending_account(SENDER).nonce == 2
    assert node.seal_and_settle() == 1
    with node.store.session():
        assert chain.account_at(bytes.fromhex(fresh.address[2:]), 1).nonce == 1
        assert chain.account_at(RECEIVER, 1).balance == 10_005 * ETHER


def test_a_batch_moves_value_and_fees_and_keeps_the_sum(node: Node) -> None:
    node.sequencer.submit(transfer(WALLETS[0], 0))
    node.sequencer.submit(legacy(WALLETS[0], 1))
    node.seal_and_settle()
    with node.store.session():
        fees = 21_000 * (11 * GWEI // 10) + 21_000 * 2 * GWEI
        assert chain.account_at(SENDER, 1) == chain.Account(2, 9_998 * ETHER - fees)
        assert chain.account_at(RECEIVER, 1) == chain.Account(0, 10_002 * ETHER)
        assert chain.account_at(node.genesis.fee_recipient, 1).balance == fees
        sums = [sum(account.balance for account in accounts_at(number).values()) for number in (0, 1)]
        assert sums[0] == sums[1]
        rows = chain.transactions_of(1)
        assert [(row.batch_index, row.gas_used, row.gas_price) for row in rows] == [
            (0, 21_000, 11 * GWEI // 10),
            (1, 21_000, 2 * GWEI),
        ]


def test_nothing_waiting_seals_nothing(node: Node) -> None:
    assert node.sequencer.seal() is None


@pytest.mark.parametrize("step", [2, 600, 86400])
def test_a_batch_is_due_by_time_after_the_clock_stepped_back(tmp_path: Path, clock: Clock, step: float) -> None:
    node = node_at(tmp_path, clock, core_batch_seconds=10, core_batch_transactions=2)
    node.sequencer.submit(transfer(WALLETS[0], 0))
    clock.now -= step
    waited = 0
    while not node.sequencer.due():
        clock.now += 1
        waited += 1
    assert waited <= 10 and node.sequencer.seal() == 1


def test_a_batch_is_due_by_count_or_by_time(tmp_path: Path, clock: Clock) -> None:
    node = node_at(tmp_path, clock, core_batch_seconds=10, core_batch_transactions=2)
    assert not node.sequencer.due()
    node.sequencer.submit(transfer(WALLETS[0], 0))
    assert not node.sequencer.due()
    clock.now += 10
    assert node.sequencer.due()
    clock.now -= 10
    node.sequencer.submit(transfer(WALLETS[0], 1))
    assert node.sequencer.due()


def test_a_batch_holds_no_more_than_its_count(tmp_path: Path) -> None:
    node = node_at(tmp_path, core_batch_transactions=2)
    for nonce in range(3):
        node.sequencer.submit(transfer(WALLETS[0], nonce))
    node.seal_and_settle()
    assert node.sequencer.waiting() == 1
    assert node.sequencer.pending_account(SENDER).nonce == 3
    node.seal_and_settle()
    with node.store.session():
        assert [row.transactions for row in Batch.select().order_by(Batch.number)] == [0, 2, 1]


def test_what_does_not_fit_into_a_batchs_gas_waits_for_the_next(tmp_path: Path) -> None:
    genesis = tmp_path / "genesis.json"
    text = Path("core/state/development_genesis.json").read_text()
    genesis.write_text(text.replace('"gas_limit": 30000000', '"gas_limit": 50000'))
    node = node_at(tmp_path, core_genesis=genesis)
    for nonce in range(3):
        node.sequencer.submit(transfer(WALLETS[0], nonce))
    assert node.seal_and_settle() == 1
    assert node.sequencer.waiting() == 1
    assert node.seal_and_settle() == 2
    assert node.sequencer.waiting() == 0


def test_the_mempool_has_a_limit(tmp_path: Path) -> None:
    node = node_at(tmp_path, core_mempool_limit=1)
    node.sequencer.submit(transfer(WALLETS[0], 0))
    with pytest.raises(MempoolFull):
        node.sequencer.submit(transfer(WALLETS[0], 1))


def test_the_mempool_survives_a_restart(tmp_path: Path) -> None:
    first = node_at(tmp_path)
    first.sequencer.submit(transfer(WALLETS[0], 0))
    first.sequencer.submit(transfer(WALLETS[0], 1))
    first.store.close()
    second = node_at(tmp_path)
    assert second.sequencer.waiting() == 2
    assert second.sequencer.pending_account(SENDER).nonce == 2
    second.sequencer.submit(transfer(WALLETS[0], 2))
    assert second.seal_and_settle() == 1


@pytest.mark.parametrize("content", [transfer(WALLETS[0], 7), b"\x02\xc0", transfer(WALLETS[1], 0)[:-1]])
def test_a_transaction_that_fails_at_the_seal_is_dropped_alone(node: Node, content: bytes) -> None:
    """Whether the program finds it invalid there, or nobody can read it any more."""
    first = node.sequencer.submit(transfer(WALLETS[0], 0))
    bad = node.sequencer.submit(transfer(WALLETS[1], 0))
    behind = node.sequencer.submit(transfer(WALLETS[1], 1))
    others = [node.sequencer.submit(transfer(WALLETS[2], nonce)) for nonce in range(3)]
    with node.store.session():
        Transaction.update(content=content).where(Transaction.hash == bad).execute()
    while node.seal_and_settle() is not None:
        pass
    with node.store.session():
        rows = {row.hash: row for row in Transaction.select()}
        assert [rows[digest].status for digest in (first, *others)] == [TransactionStatus.SEALED] * 4
        assert rows[bad].status == TransactionStatus.DROPPED and rows[bad].reason
        assert rows[behind].status == TransactionStatus.PENDING
        rows[bad].delete_instance()
    node.sequencer.submit(transfer(WALLETS[1], 0))
    node.seal_and_settle()
    assert node.sequencer.waiting() == 0


def test_timestamps_never_run_backwards(tmp_path: Path, clock: Clock) -> None:
    node = node_at(tmp_path, clock)
    for nonce, now in enumerate((1_900_000_000.0, 1_800_000_000.0)):
        clock.now = now
        node.sequencer.submit(transfer(WALLETS[0], nonce))
        node.seal_and_settle()
    with node.store.session():
        assert [row.timestamp for row in Batch.select().order_by(Batch.number)] == [0, 1_900_000_000, 1_900_000_000]
        assert {row.status for row in Batch.select().where(Batch.number > 0)} == {BatchStatus.COMMITTED}


def test_transactions_are_taken_on_the_sealed_state_while_the_tree_is_brought_up(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = Account.from_key(b"\x21" * 32)
    node.sequencer.submit(transfer(WALLETS[0], 0, to=fresh.address, value=5 * ETHER))
    settle, entered, release = node.settlement.settle_state, threading.Event(), threading.Event()

    def slow() -> int:
        if node.sequencer.waiting() == 0:  # not the look before the seal
            entered.set()
            assert release.wait(20)
        return settle()

    with monkeypatch.context() as patch:
        patch.setattr(node.settlement, "settle_state", slow)
        sealing = threading.Thread(target=node.sequencer.seal)
        sealing.start()
        assert entered.wait(20)
        node.sequencer.submit(transfer(fresh, 0, value=4 * ETHER))
        with pytest.raises(Refused) as refusal:
            node.sequencer.submit(transfer(WALLETS[0], 0))
        assert refusal.value.status is Status.NONCE_TOO_LOW
        assert node.sequencer.pending_account(SENDER).nonce == 1
        release.set()
        sealing.join()
    assert node.seal_and_settle() == 2
    with node.store.session():
        assert chain.account_at(bytes.fromhex(fresh.address[2:]), 2).nonce == 1


def test_a_batch_that_could_not_be_settled_is_not_taken_twice(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    node.sequencer.submit(transfer(WALLETS[0], 0))
    with monkeypatch.context() as patch:
        patch.setattr("core.batches.metadata_calculator._write_versions", lambda *_: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            node.sequencer.seal()
    assert node.sequencer.waiting() == 0
    node.sequencer.submit(transfer(WALLETS[0], 1))
    assert node.seal_and_settle() == 2
    with node.store.session():
        assert [row.transactions for row in Batch.select().order_by(Batch.number)] == [0, 1, 1]
