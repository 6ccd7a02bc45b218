"""Fees: what core offers L1, and how a transaction that waits is replaced."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import pytest

from core.eth_sender.errors import L1TransactionRefused
from core.eth_sender.fees import Fees, raised
from core.store import L1Attempt, L1Transaction
from tests.contracts.node import install_packages
from tests.core.eth_sender.rollup import GWEI, Scene, local_l1, scene_on


def test_both_fees_rise_by_more_than_nodes_ask_for() -> None:
    old = Fees(100, 10)
    assert raised(old, Fees(0, 0), 1000) == Fees(113, 12)
    assert raised(old, Fees(500, 1), 1000) == Fees(500, 12)
    assert raised(Fees(1, 1), Fees(1, 1), 1000) == Fees(2, 2)


def test_fees_never_pass_the_ceiling() -> None:
    assert raised(Fees(100, 10), Fees(0, 0), 112) is None
    assert raised(Fees(100, 10), Fees(500, 10), 400) is None


def attempts(scene: Scene) -> list[tuple[bytes, int]]:
    with scene.node.store.session():
        return [(row.hash, row.most_fee) for row in L1Attempt.select().order_by(L1Attempt.id)]


def test_a_transaction_that_waits_is_replaced_and_mined_once(tmp_path: Path) -> None:
    install_packages()  # in eth-tester no transaction waits
    with local_l1() as (evm, _):
        now = time.time()
        scene = scene_on(evm, tmp_path, clock=lambda: now)
        scene.terms = type(scene.terms)(confirmations=1, bump_seconds=60, most_fee=100 * GWEI)
        scene.start()
        scene.seal(1)
        scene.control("evm_setAutomine", False)
        assert scene.sender.step()
        assert not scene.sender.step()
        for _ in range(2):
            now += 61
            assert scene.sender.step()
            assert not scene.sender.step()
        scene.start()
        assert not scene.sender.step()
        made = attempts(scene)
        assert len(made) == 3
        assert all(later >= earlier * 9 // 8 for (_, earlier), (_, later) in itertools.pairwise(made))
        waiting = scene.control("txpool_content")["pending"]
        assert [one["hash"] for sent in waiting.values() for one in sent.values()] == ["0x" + made[-1][0].hex()]
        scene.mine()
        scene.run()
        assert (scene.state(), scene.transactions()) == ((1, 0, 0), 1)
        with scene.node.store.session():
            [row] = L1Transaction.select()
            assert row.succeeded
        scene.node.store.close()


def test_a_transaction_whose_node_forgot_it_is_sent_again(tmp_path: Path) -> None:
    install_packages()  # in eth-tester no transaction waits
    with local_l1() as (evm, _):
        scene = scene_on(evm, tmp_path)
        scene.seal(1)
        scene.control("evm_setAutomine", False)
        assert scene.sender.step()
        [(digest, _)] = attempts(scene)
        scene.control("anvil_dropTransaction", "0x" + digest.hex())
        assert scene.sender.step()
        scene.run()
        assert (scene.state(), scene.transactions(), len(attempts(scene))) == ((1, 0, 0), 1, 1)
        scene.node.store.close()


def test_the_ceiling_is_kept_where_the_sender_starts(tmp_path: Path) -> None:
    install_packages()
    with local_l1("--base-fee", str(50 * GWEI)) as (evm, _):
        scene = scene_on(evm, tmp_path)
        scene.terms = type(scene.terms)(confirmations=1, bump_seconds=60, most_fee=60 * GWEI)
        scene.start()
        scene.seal(1)
        assert scene.sender.step()
        assert [fee for _, fee in attempts(scene)] == [60 * GWEI]
        scene.node.store.close()


def test_while_l1_asks_for_more_than_the_ceiling_a_transaction_waits(tmp_path: Path) -> None:
    install_packages()
    with local_l1("--base-fee", str(100 * GWEI)) as (evm, wire):
        now = time.time()
        scene = scene_on(evm, tmp_path, clock=lambda: now)
        scene.terms = type(scene.terms)(confirmations=1, bump_seconds=60, most_fee=20 * GWEI)
        scene.start()
        scene.seal(1)
        for _ in range(3):
            with pytest.raises(L1TransactionRefused, match="fee"):
                scene.sender.step()
            now += 61
        assert len(attempts(scene)) == 1 and scene.transactions() == 0
        scene.control("anvil_setNextBlockBaseFeePerGas", hex(10 * GWEI))
        scene.mine()
        scene.run()
        assert (scene.state(), scene.transactions(), set(wire.sent)) == ((1, 0, 0), 1, {wire.sent[0]})
        scene.node.store.close()
