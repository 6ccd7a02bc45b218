"""The price at the door follows L1's, slowly, within its bound, and only where it is told to."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from core.eth_watch.price import PriceWatcher
from core.process.server import Server
from core.sequencer.least_tip import SMOOTHING_SECONDS, LeastTip, TipTooLow
from core.settings import load_core_settings
from runtime.errors import ConfigurationError
from tests.core.api.calls import call
from tests.core.chain import GWEI, WALLETS, Clock, legacy, node_at, transfer
from tests.core.eth_sender.rollup import local_l1
from tests.processes import started

#: Of 632,000 gas for 16 and 1,058 for each, on 21,000 of the rollup.
SHARE = (632_000 / 16 + 1_058) / 21_000
FOLLOWING = {"core_l1_fee_percent": 100, "core_l1_url": "http://127.0.0.1:1"}


def test_a_batch_of_such_transactions_pays_for_itself() -> None:
    """The inequality of docs/fees.md, at the price that was seen."""
    for transactions, price in ((1, GWEI), (16, 10 * GWEI), (1024, 37 * GWEI + 1)):
        tip = LeastTip(100, 10**18, transactions)
        tip.see(price)
        assert transactions * 21_000 * tip.wei >= (632_000 + 1_058 * transactions) * price
        assert transactions * 21_000 * (tip.wei - 1) < (632_000 + 1_058 * transactions) * price


def test_a_change_comes_through_by_and_by() -> None:
    clock = Clock()
    tip = LeastTip(100, 1000 * GWEI, 16, clock)
    assert tip.wei == 0
    tip.see(10 * GWEI)
    assert tip.wei == pytest.approx(10 * GWEI * SHARE)
    clock.now += 12
    tip.see(20 * GWEI)
    assert tip.wei == pytest.approx(10 * GWEI * SHARE * 1.039, rel=1e-3)
    clock.now += 100 * SMOOTHING_SECONDS
    tip.see(20 * GWEI)
    assert tip.wei == pytest.approx(20 * GWEI * SHARE)
    clock.now -= 1_000_000
    tip.see(0)
    assert tip.wei == pytest.approx(20 * GWEI * SHARE), "a clock that steps back brings no jump"


def test_no_price_of_l1_takes_it_past_its_bound_nor_keeps_it_there() -> None:
    clock = Clock()
    tip = LeastTip(100, 5 * GWEI, 16, clock)
    tip.see(10**30)
    assert tip.wei == tip.suggested == 5 * GWEI
    clock.now += SMOOTHING_SECONDS
    tip.see(GWEI // 100)
    assert tip.wei < 5 * GWEI / 2


@pytest.mark.parametrize("percent", [0, 50, 300])
def test_the_part_that_is_asked_for(percent: int) -> None:
    tip = LeastTip(percent, 1000 * GWEI, 16)
    tip.see(10 * GWEI)
    assert tip.wei == pytest.approx(10 * GWEI * SHARE * percent / 100)
    assert tip.wei <= tip.suggested <= tip.wei * 9 / 8


async def test_wallets_are_told_a_price_that_is_taken_and_cheaper_ones_are_refused(
    tmp_path: Path, clock: Clock
) -> None:
    node = node_at(tmp_path, clock, **FOLLOWING)
    node.sequencer.submit(transfer(WALLETS[0], 0, maxPriorityFeePerGas=1))
    node.sequencer.least_tip.see(GWEI)
    least = node.sequencer.least_tip.wei
    assert least == pytest.approx(GWEI * SHARE)
    many = {"maxFeePerGas": 10 * GWEI}
    cheap = [
        transfer(WALLETS[1], 0, **many, maxPriorityFeePerGas=least - 1),
        transfer(WALLETS[1], 0, maxFeePerGas=GWEI + least - 1, maxPriorityFeePerGas=GWEI + least - 1),
        legacy(WALLETS[1], 0, gasPrice=GWEI + least - 1),
    ]
    for raw in cheap:
        with pytest.raises(TipTooLow, match=f"a tip of {least - 1} wei per gas, L1's price asks for {least}"):
            node.sequencer.submit(raw)
    answers = node.sequencer.submit_all([cheap[0], transfer(WALLETS[2], 0, **many, maxPriorityFeePerGas=least)])
    assert isinstance(answers[0], TipTooLow) and isinstance(answers[1], bytes)
    server = Server(node, started(node.settings, "core"), follow_price=lambda: False)
    assert server.pages.state()[1]["least_tip_wei"] == least
    async with TestServer(server.application()) as served, ClientSession(served.make_url("/")) as http:
        error = await call(http, "eth_sendRawTransaction", "0x" + cheap[2].hex())
        assert error["code"] == -32000 and "transaction underpriced" in error["message"]
        tip = int(await call(http, "eth_maxPriorityFeePerGas"), 16)
        assert int(await call(http, "eth_gasPrice"), 16) == GWEI + tip
        assert least <= tip <= least * 9 / 8
        raw = legacy(WALLETS[1], 0, gasPrice=GWEI + tip)
        assert isinstance(await call(http, "eth_sendRawTransaction", "0x" + raw.hex()), str)
    assert node.seal_and_settle() == 1
    assert node.sequencer.waiting() == 0, "what waited before the price rose is taken too"
    node.store.close()


def test_l1s_price_is_read(tmp_path: Path) -> None:
    tip = LeastTip(100, 1000 * GWEI, 16)
    with local_l1(in_process=True) as (evm, _):
        assert not PriceWatcher(evm.web3, tip).step()
        assert tip.wei == pytest.approx(evm.web3.eth.get_block("latest")["baseFeePerGas"] * SHARE)


def test_a_core_that_is_told_nothing_follows_nothing(tmp_path: Path) -> None:
    node = node_at(tmp_path)
    node.sequencer.least_tip.see(1000 * GWEI)
    assert node.sequencer.tip_of_next_batch() == 0
    node.sequencer.submit(transfer(WALLETS[0], 0, maxPriorityFeePerGas=0))
    node.store.close()
    with pytest.raises(ConfigurationError, match="HALLMARK_CORE_L1_URL"):
        load_core_settings(core_l1_fee_percent=100)
