"""Random traffic: whatever wallets send, sums are kept, roots chain, and core agrees with the program."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from core.state_tree import StateTree
from core.store import Batch, BatchStatus
from runtime.errors import InvalidInput
from tests.core.chain import ETHER, WALLETS, accounts_at, legacy, node_at, transfer

SENDS = st.tuples(
    st.sampled_from(WALLETS),
    st.sampled_from([*(wallet.address for wallet in WALLETS), b"\xfe" * 20, b"\x01" * 20]),
    st.integers(-1, 1),
    st.sampled_from([0, 1, ETHER, 4_000 * ETHER, 9_999 * ETHER, 1 << 255]),
    st.sampled_from([transfer, legacy]),
)


@settings(max_examples=12, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(st.lists(st.lists(SENDS, max_size=5), max_size=3))
def test_random_traffic_keeps_the_sum_and_settles(rounds: list[list[tuple[object, ...]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        node = node_at(Path(folder))
        supply = sum(account.balance for account in node.genesis.accounts.values())
        taken = 0
        for sends in rounds:
            for sender, to, offset, value, make in sends:
                address = bytes.fromhex(sender.address[2:])  # type: ignore[attr-defined]
                nonce = max(0, node.sequencer.pending_account(address).nonce + offset)  # type: ignore[operator]
                try:
                    node.sequencer.submit(make(sender, nonce, to=to, value=value))  # type: ignore[operator]
                    taken += 1
                except InvalidInput:
                    assert offset or value, "a free transfer with the right nonce is valid"
            node.seal_and_settle()
        with node.store.session():
            batches = list(Batch.select().where(Batch.number > 0).order_by(Batch.number))
            assert sum(batch.transactions for batch in batches) + node.sequencer.waiting() == taken
            assert {batch.status for batch in batches} <= {BatchStatus.COMMITTED}
            for batch in batches:
                accounts = accounts_at(batch.number)
                assert sum(account.balance for account in accounts.values()) == supply
                assert StateTree(accounts).root == batch.new_root
                assert batch.expected_output == batch.program_output
        node.store.close()
