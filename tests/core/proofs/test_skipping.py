"""Batches that pass without a proof: on test networks only, chosen by their output, named wherever they are shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.process.metrics import exposition
from core.process.node import Node
from core.process.server import Server, ethereum_api
from core.proofs.acceptance import proven_batch
from core.settings import load_core_settings
from core.store import Batch, BatchStatus
from runtime.errors import ConfigurationError
from tests.core.chain import WALLETS, node_at, stand_in_proof, transfer
from tests.processes import started


def sealed(folder: Path, count: int, **settings: Any) -> Node:
    """Return a node with settled batches."""
    node = node_at(folder, **settings)
    for nonce in range(count):
        node.sequencer.submit(transfer(WALLETS[0], nonce))
        assert node.seal_and_settle() == nonce + 1
    return node


def states(node: Node) -> dict[int, str]:
    with node.store.session():
        return {batch.number: batch.status for batch in Batch.select().where(Batch.number > 0)}


def test_every_batch_is_skipped_and_says_so(tmp_path: Path) -> None:
    node = sealed(tmp_path, 2, core_proving="skipped")
    assert (node.skipping.skip(), node.skipping.skip()) == (2, 0)
    assert states(node) == {1: "skipped", 2: "skipped"}
    assert node.offers.issue("a prover") is None
    with node.store.session():
        assert proven_batch() == 2
        assert "NOT PROVEN" in Batch.get_by_id(1).security
    metrics = exposition(node.store, "here")()
    assert 'hallmark_core_batches{cluster="here",status="skipped"} 2.0' in metrics.decode()
    server = Server(node, started(node.settings, "core"))
    assert "NOT PROVEN" in str(server.pages.answer("/ready", "").body)


async def test_the_status_of_a_batch_names_it(tmp_path: Path) -> None:
    node = sealed(tmp_path, 1, core_proving="skipped")
    node.skipping.skip()
    status = await ethereum_api(node).methods()["hallmark_batchStatus"](["0x1"])
    assert isinstance(status, dict)
    assert status["status"] == "skipped" and "NOT PROVEN" in status["security"]


def test_samples_wait_for_their_proof(tmp_path: Path) -> None:
    """Chosen by what nobody knows before the batch is sealed, and the same after a restart."""
    node = sealed(tmp_path, 6, core_proving="sampled", core_sampled_every=2)
    with node.store.session():
        samples = {b.number for b in Batch.select().where(Batch.number > 0) if b.expected_output[-1] % 2 == 0}
    assert node.skipping.skip() == 6 - len(samples)
    expected = {number: "committed" if number in samples else "skipped" for number in range(1, 7)}
    assert states(node) == expected
    node.store.close()
    again = node_at(tmp_path, core_proving="sampled", core_sampled_every=2)
    assert again.skipping.skip() == 0
    assert states(again) == expected
    offered = set()
    while (issued := again.offers.issue("a prover")) is not None:
        offered.add(issued[1].number)
    assert offered == samples


def test_a_skipped_batch_takes_a_proof(tmp_path: Path) -> None:
    node = sealed(tmp_path, 1, core_proving="skipped")
    node.skipping.skip()
    with node.store.session():
        output = Batch.get_by_id(1).expected_output
    proof = tmp_path / "proof"
    proof.write_bytes(stand_in_proof(output))
    assert node.acceptance.judge(1, None, proof, "")
    assert states(node) == {1: BatchStatus.PROVEN}
    with node.store.session():
        assert Batch.get_by_id(1).security == "stand-in"


def test_nothing_is_skipped_unless_it_is_asked_for(tmp_path: Path) -> None:
    node = sealed(tmp_path, 1)
    assert (node.skipping.skip(), node.skipping.warning, states(node)) == (0, "", {1: "committed"})


@pytest.mark.parametrize("mode", ["sampled", "skipped"])
@pytest.mark.parametrize(
    "where",
    [
        {"core_production": True},
        {
            "core_l1_executor": "0x" + "11" * 20,
            "core_l1_url": "http://localhost:8545",
            "core_l1_key": "0x" + "42" * 32,
            "core_snark_key": Path("/key"),
        },
    ],
    ids=["production", "with a contract"],
)
def test_no_proof_is_skipped_where_value_rests_on_it(mode: str, where: dict[str, Any]) -> None:
    load_core_settings(**where)
    with pytest.raises(ConfigurationError, match="never with"):
        load_core_settings(**where, core_proving=mode)
