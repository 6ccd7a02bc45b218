"""Which transactions wait, in which order they are taken, and what ends their waiting."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from core.process.node import Node
from core.program.state_transition import Status
from core.sequencer import Known, MempoolFull, Refused, Underpriced
from core.sequencer.waiting import Bounds, Entry, Waiting
from core.state import chain
from core.store import Batch, Transaction, TransactionStatus
from tests.core.chain import ETHER, GWEI, WALLETS, Clock, legacy, node_at, transfer

SENDER = bytes.fromhex(WALLETS[0].address[2:])
FRESH = Account.from_key(b"\x21" * 32)


def _row(node: Node, digest: bytes) -> Transaction:
    with node.store.session():
        found = chain.transaction(digest)
    assert found is not None
    return found


def _order(node: Node) -> list[bytes]:
    """Hashes of the newest batch, after sealing it."""
    number = node.seal_and_settle()
    assert number is not None
    with node.store.session():
        return [row.hash for row in chain.transactions_of(number)]


def test_a_gap_in_the_nonces_waits_until_it_is_filled(node: Node) -> None:
    third = node.sequencer.submit(transfer(WALLETS[0], 2))
    second = node.sequencer.submit(transfer(WALLETS[0], 1))
    assert node.seal_and_settle() is None
    assert (node.sequencer.waiting(), node.sequencer.pending_account(SENDER).nonce) == (2, 0)
    first = node.sequencer.submit(transfer(WALLETS[0], 0))
    assert node.sequencer.pending_account(SENDER).nonce == 3
    assert _order(node) == [first, second, third]


def test_a_gap_does_not_make_a_batch_due(tmp_path: Path, clock: Clock) -> None:
    node = node_at(tmp_path, clock, core_batch_seconds=1, core_batch_transactions=2)
    node.sequencer.submit(transfer(WALLETS[0], 1))
    node.sequencer.submit(transfer(WALLETS[0], 2))
    clock.now += 5
    assert not node.sequencer.due()
    node.sequencer.submit(transfer(WALLETS[0], 0))
    assert node.sequencer.due()


@pytest.mark.parametrize(
    ("cap", "tip", "replaces"),
    [(22, 11, True), (21, 11, False), (22, 10, False), (20, 10, False), (40, 40, True), (400, 10, False)],
)
def test_a_waiting_transaction_is_replaced_by_one_that_pays_a_tenth_more(
    node: Node, cap: int, tip: int, replaces: bool
) -> None:
    unit = GWEI // 10
    old = node.sequencer.submit(transfer(WALLETS[0], 0, maxFeePerGas=20 * unit, maxPriorityFeePerGas=10 * unit))
    raw = transfer(WALLETS[0], 0, value=1, maxFeePerGas=cap * unit, maxPriorityFeePerGas=tip * unit)
    if not replaces:
        with pytest.raises(Underpriced, match="replacement transaction underpriced"):
            node.sequencer.submit(raw)
        assert _order(node) == [old]
        return
    new = node.sequencer.submit(raw)
    assert _row(node, old).status == TransactionStatus.DROPPED and new.hex() in str(_row(node, old).reason)
    assert _order(node) == [new]


def test_a_replacement_may_spend_what_the_replaced_one_would_have(node: Node) -> None:
    node.sequencer.submit(transfer(WALLETS[0], 0, value=9_000 * ETHER))
    with pytest.raises(Refused) as refusal:
        node.sequencer.submit(transfer(WALLETS[0], 1, value=2_000 * ETHER))
    assert refusal.value.status is Status.INSUFFICIENT_BALANCE
    fees = {"maxFeePerGas": 4 * GWEI, "maxPriorityFeePerGas": GWEI}
    node.sequencer.submit(transfer(WALLETS[0], 0, value=7_000 * ETHER, **fees))
    node.sequencer.submit(transfer(WALLETS[0], 1, value=2_000 * ETHER))
    assert node.sequencer.pending_account(SENDER).balance < 1_000 * ETHER


def test_the_best_paying_come_first_and_each_sender_keeps_its_order(node: Node) -> None:
    def tipped(wallet: int, nonce: int, tip: int) -> bytes:
        return transfer(WALLETS[wallet], nonce, maxFeePerGas=9 * GWEI, maxPriorityFeePerGas=tip * GWEI // 10)

    sent = [(0, 0, 1), (0, 1, 50), (1, 0, 3), (2, 0, 2), (2, 1, 3)]
    hashes = [node.sequencer.submit(tipped(*each)) for each in sent]
    assert _order(node) == [hashes[place] for place in (2, 3, 4, 0, 1)]


def test_who_is_paid_by_a_cheaper_transaction_is_put_off_until_then(node: Node) -> None:
    paid = node.sequencer.submit(transfer(WALLETS[0], 0, to=FRESH.address, value=5 * ETHER))
    spent = node.sequencer.submit(transfer(FRESH, 0, maxFeePerGas=9 * GWEI, maxPriorityFeePerGas=GWEI))
    assert _order(node) == [paid, spent]


def test_who_is_no_longer_paid_waits_and_stops_nobody(node: Node) -> None:
    node.sequencer.submit(transfer(WALLETS[0], 0, to=FRESH.address, value=5 * ETHER))
    node.sequencer.submit(transfer(FRESH, 0, value=ETHER))
    fees = {"maxFeePerGas": 4 * GWEI, "maxPriorityFeePerGas": GWEI}
    other = node.sequencer.submit(transfer(WALLETS[0], 0, value=1, **fees))
    assert _order(node) == [other]
    assert node.seal_and_settle() is None and node.sequencer.waiting() == 1
    node.sequencer.submit(transfer(WALLETS[0], 1, to=FRESH.address, value=5 * ETHER))
    assert len(_order(node)) == 2


def test_a_batch_is_bounded_by_gas_used_and_not_by_gas_limits(node: Node) -> None:
    hashes = [node.sequencer.submit(transfer(WALLETS[0], nonce, gas=30_000_000)) for nonce in range(8)]
    assert _order(node) == hashes


@pytest.mark.parametrize(
    ("changes", "sizes"),
    [
        ({"core_batch_cycles": 1_200_000}, [2, 2, 1]),
        ({"core_batch_cycles": 1}, [1] * 5),
        ({"core_batch_bytes": 1 << 17}, [5]),
    ],
)
def test_a_batch_is_bounded_by_bytes_and_proving_cost(
    tmp_path: Path, changes: dict[str, int], sizes: list[int]
) -> None:
    node = node_at(tmp_path, **changes)
    for nonce in range(5):
        node.sequencer.submit(transfer(WALLETS[0], nonce))
    assert node.sequencer.due() is (len(sizes) > 1)
    while node.seal_and_settle() is not None:
        pass
    with node.store.session():
        assert [row.transactions for row in Batch.select().where(Batch.number > 0).order_by(Batch.number)] == sizes


def test_bytes_bound_a_batch_of_large_transactions(tmp_path: Path) -> None:
    node = node_at(tmp_path, core_batch_bytes=1 << 17)
    for nonce in range(3):
        node.sequencer.submit(transfer(WALLETS[0], nonce, data=bytes(60_000), gas=300_000))
    assert node.sequencer.due()
    assert (len(_order(node)), len(_order(node))) == (2, 1)


def test_many_senders_at_once_and_the_same_transaction_from_many_threads(node: Node) -> None:
    raws = [transfer(wallet, nonce) for wallet in WALLETS for nonce in range(4)] * 3

    def send(raw: bytes) -> bytes | None:
        try:
            return node.sequencer.submit(raw)
        except Known:
            return None

    with ThreadPoolExecutor(8) as pool:
        sent = [digest for digest in pool.map(send, raws) if digest is not None]
    assert len(sent) == len(set(sent)) == node.sequencer.waiting() == 12
    assert set(_order(node)) == set(sent)


def test_an_account_may_queue_so_many(tmp_path: Path) -> None:
    node = node_at(tmp_path, core_mempool_account_limit=2)
    for nonce in (0, 5):
        node.sequencer.submit(transfer(WALLETS[0], nonce))
    with pytest.raises(MempoolFull, match="account limit exceeded"):
        node.sequencer.submit(transfer(WALLETS[0], 1))
    node.sequencer.submit(transfer(WALLETS[1], 0))
    node.sequencer.submit(transfer(WALLETS[0], 0, maxFeePerGas=4 * GWEI, maxPriorityFeePerGas=GWEI))
    assert node.sequencer.waiting() == 3


def test_a_full_mempool_takes_who_pays_more_in_place_of_who_pays_least(tmp_path: Path) -> None:
    node = node_at(tmp_path, core_mempool_limit=2)
    cheap = node.sequencer.submit(transfer(WALLETS[0], 0))
    node.sequencer.submit(legacy(WALLETS[1], 0))
    with pytest.raises(MempoolFull, match="txpool is full"):
        node.sequencer.submit(transfer(WALLETS[2], 0))
    node.sequencer.submit(legacy(WALLETS[2], 0))
    assert _row(node, cheap).status == TransactionStatus.DROPPED
    assert node.sequencer.waiting() == 2
    assert node.sequencer.submit(transfer(WALLETS[0], 0, maxFeePerGas=9 * GWEI, maxPriorityFeePerGas=5 * GWEI))


def test_what_waits_too_long_is_dropped(tmp_path: Path, clock: Clock) -> None:
    node = node_at(tmp_path, clock, core_mempool_seconds=100)
    old = node.sequencer.submit(transfer(WALLETS[0], 1))
    clock.now += 60
    node.sequencer.submit(transfer(WALLETS[0], 0))
    clock.now += 60
    node.sequencer.expire()
    assert _row(node, old).status == TransactionStatus.DROPPED and "expired" in str(_row(node, old).reason)
    assert node.sequencer.waiting() == 1
    assert node.sequencer.submit(transfer(WALLETS[0], 1)) == old, "it may come again"


def test_gaps_and_what_is_known_of_them_survive_a_restart(tmp_path: Path) -> None:
    first = node_at(tmp_path)
    first.sequencer.submit(transfer(WALLETS[0], 1))
    first.sequencer.submit(transfer(WALLETS[1], 0, value=9_000 * ETHER))
    with first.store.session():  # as a release before this one left it
        Transaction.update(gas_price=None, gas_used=0, cycles=0).where(Transaction.nonce == 0).execute()
    balance = first.sequencer.pending_account(bytes.fromhex(WALLETS[1].address[2:])).balance
    first.store.close()
    second = node_at(tmp_path)
    assert second.sequencer.waiting() == 2
    assert second.sequencer.pending_account(bytes.fromhex(WALLETS[1].address[2:])).balance == balance
    second.sequencer.submit(transfer(WALLETS[0], 0))
    assert len(_order(second)) == 3


@pytest.mark.parametrize("nonce", [(1 << 63) - 2, (1 << 63) - 1, 1 << 63, (1 << 64) - 3])
def test_nonces_have_their_full_width(tmp_path: Path, nonce: int) -> None:
    genesis = tmp_path / "genesis.json"
    content = json.loads(Path("core/state/development_genesis.json").read_text())
    content["timestamp"] = str((1 << 63) + 5)
    content["accounts"][WALLETS[0].address]["nonce"] = str(nonce)
    genesis.write_text(json.dumps(content))
    node = node_at(tmp_path, core_genesis=genesis)
    node.sequencer.submit(transfer(WALLETS[0], nonce))
    node.sequencer.submit(transfer(WALLETS[1], 0))
    assert len(_order(node)) == 2
    assert node.sequencer.pending_account(SENDER).nonce == nonce + 1
    node.store.close()
    again = node_at(tmp_path, core_genesis=genesis)
    again.sequencer.submit(transfer(WALLETS[0], nonce + 1))
    assert len(_order(again)) == 1


ENTRIES = st.tuples(
    st.integers(0, 3), st.integers(0, 4), st.integers(0, 3), st.integers(0, 50), st.integers(1, 5), st.booleans()
)


@given(st.lists(ENTRIES, max_size=30), st.integers(1, 8))
def test_what_is_chosen_can_be_executed_in_this_order(
    sent: list[tuple[int, int, int, int, int, bool]], most: int
) -> None:
    """Against a plain model: balances cover what is asked, nonces rise by one, sums are those of the rest."""
    state = {bytes([place]): chain.Account(0, 40 * place) for place in range(4)}
    waiting = Waiting(lambda address: state.get(address, chain.Account()), b"\xfe")
    kept: dict[tuple[bytes, int], Entry] = {}
    for row, (sender, nonce, to, value, price, stays) in enumerate(sent):
        entry = Entry(row, bytes([row]), bytes([sender]), bytes([to]), nonce, value, 1, price, price, value + 2 * price,
                      1, price, 1, 0.0)  # fmt: skip
        waiting.put(entry)
        kept[entry.sender, nonce] = entry
        if not stays:
            waiting.remove([entry, entry])
            del kept[entry.sender, nonce]
    assert set(waiting) == set(kept.values()) and len(waiting) == len(kept)
    ready = list(waiting.ready())
    without_gap = [
        kept[address, nonce]
        for address in state
        for nonce in range(5)
        if all((address, n) in kept for n in range(nonce + 1))
    ]
    assert len(ready) == len(without_gap) and set(ready) == set(without_gap)
    for address in state:
        paid = sum(entry.value for entry in ready if entry.to == address)
        spent = sum(entry.cost for entry in kept.values() if entry.sender == address)
        assert waiting.balance(address) == max(0, state[address].balance + paid - spent)
    chosen = waiting.select(Bounds(most, 100, 100, 100))
    assert len(chosen) <= most
    balances = {address: account.balance for address, account in state.items()} | {b"\xfe": 0}
    nonces = dict.fromkeys(state, 0)
    for entry in chosen:
        assert nonces[entry.sender] == entry.nonce and balances[entry.sender] >= entry.reserve
        nonces[entry.sender] += 1
        balances[entry.sender] -= entry.cost
        balances[entry.to] += entry.value
        balances[b"\xfe"] += entry.fee
    waiting.settle({address: chain.Account(nonces[address], balances[address]) for address in state})
    waiting.remove(chosen)
    assert set(waiting) == set(kept.values()) - set(chosen)
