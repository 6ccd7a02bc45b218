"""`hallmark tree`: what an operator sees of the state tree, and what the commands refuse."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from typer.testing import CliRunner

from cli.main import app
from core.process.node import Node
from core.process.only_core import only_core
from core.process.server import Server
from runtime.errors import HallmarkError
from tests.core.chain import WALLETS, node_at, transfer
from tests.processes import started


@pytest.fixture
def roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A stopped core with two batches; their roots with genesis'."""
    node = node_at(tmp_path)
    found = [node.tree.root.hex()]
    for nonce in range(2):
        node.sequencer.submit(transfer(WALLETS[0], nonce))
        node.seal_and_settle()
        found.append(node.tree.root.hex())
    monkeypatch.setenv("HALLMARK_STATE_DIR", str(tmp_path))
    return found


def run(*arguments: object) -> str:
    done = CliRunner().invoke(app, ["tree", *map(str, arguments)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def test_status_and_check_say_what_is_there(roots: list[str]) -> None:
    shown = json.loads(run("status", "--json"))
    assert (shown["oldest"], shown["newest"], shown["root"], shown["accounts"]) == (0, 2, roots[2], 6)
    assert roots[2] in run("status")
    assert run("check").startswith("batch 2: 6 accounts")
    assert run("check", "--batch", 0).startswith("batch 0: 5 accounts")
    with pytest.raises(HallmarkError, match="no version 7"):
        run("check", "--batch", 7)


def test_a_snapshot_comes_back(roots: list[str], tmp_path: Path) -> None:
    assert run("snapshot", tmp_path / "file", "--batch", 1).startswith("batch 1: 6 accounts")
    assert "batch 1" in run("restore", tmp_path / "file", "--yes")
    assert json.loads(run("status", "--json"))["root"] == roots[1]
    assert node_at(tmp_path).tree.root.hex() == roots[2]


def test_the_tree_is_made_again_and_pruned(roots: list[str]) -> None:
    assert run("prune", "--keep", 2, "--yes").startswith("1 version ")
    assert json.loads(run("status", "--json"))["oldest"] == 1
    assert "batch 2" in run("rebuild", "--yes")
    shown = json.loads(run("status", "--json"))
    assert (shown["oldest"], shown["newest"], shown["root"]) == (2, 2, roots[2])


@pytest.mark.parametrize("command", [["restore", "FILE"], ["prune", "--keep", "1"], ["rebuild"]])
def test_nothing_is_changed_below_a_running_core(roots: list[str], tmp_path: Path, command: list[str]) -> None:
    with only_core(tmp_path / "core"), pytest.raises(HallmarkError, match="Another core"):
        run(*command, "--yes")
    assert json.loads(run("status", "--json"))["root"] == roots[2]


def test_without_a_tree_there_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALLMARK_STATE_DIR", str(tmp_path))
    with pytest.raises(HallmarkError, match="no state tree"):
        run("status")


async def test_a_proof_is_checked_under_the_root_that_the_caller_trusts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node: Node = node_at(tmp_path)
    root, address = node.tree.root.hex(), WALLETS[0].address
    async with TestServer(Server(node, started(node.settings, "core")).application()) as served:
        monkeypatch.setenv("HALLMARK_CORE_URL", str(served.make_url("/")))
        shown = await asyncio.to_thread(run, "proof", address, "--root", root, "--batch", 0)
        assert "nonce 0, balance 10000000000000000000000 wei" in shown
        with pytest.raises(HallmarkError, match="is of the root"):
            await asyncio.to_thread(run, "proof", address, "--root", "00" * 32)
        with pytest.raises(HallmarkError, match="not an address"):
            await asyncio.to_thread(run, "proof", "0x12", "--root", root)
