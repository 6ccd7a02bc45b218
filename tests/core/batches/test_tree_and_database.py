"""The state tree and core's database are two files: they agree after a restart, whenever core was killed."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.errors import GenesisMismatch
from core.process.node import Node
from core.state.chain import Account
from core.state_tree.accounts import keys_of, values_of
from core.state_tree.kept import KeptTree
from core.state_tree.native import Fault
from core.store import AccountVersion, Batch, BatchStatus
from tests.core.chain import WALLETS, accounts_at, node_at, transfer
from tests.servers import postgresql

__all__ = ["postgresql"]

#: Seals one transfer after the other; what it is killed by comes from outside or from the line put in.
SEALING = """
import os, sys
from pathlib import Path
from tests.core.chain import WALLETS, node_at, transfer
node = node_at(Path(sys.argv[1]))
{line}
print("open", flush=True)
while True:
    nonce = node.sequencer.pending_account(bytes.fromhex(WALLETS[0].address[2:])).nonce
    node.sequencer.submit(transfer(WALLETS[0], nonce))
    node.seal_and_settle()
    print(nonce, flush=True)
"""

#: Ends the process in the middle of what writes a batch's rows, when the tree has the batch already.
KILL_BETWEEN = """
import core.batches.metadata_calculator as calculator
calculator._write_versions = lambda *_: os.kill(os.getpid(), 9)
"""


def start(folder: Path, line: str = "") -> subprocess.Popen[str]:
    program = SEALING.format(line=line)
    return subprocess.Popen([sys.executable, "-c", program, str(folder)], stdout=subprocess.PIPE, text=True)


def agree(node: Node) -> None:
    """Hold the tree against the database: the newest version, and every account of it."""
    with node.store.session():
        batch = Batch.select().where(Batch.status != BatchStatus.SEALED).order_by(Batch.number.desc()).get()
        assert (node.tree.newest, node.tree.root) == (batch.number, batch.new_root)
        stated = accounts_at(batch.number)
    with node.tree.version(batch.number) as version:
        assert version.check() == (Fault.SOUND, 0)
        assert len(version) == len(stated)
        assert version.accounts(list(stated)) == [(value.nonce, value.balance) for value in stated.values()]


def seal(node: Node, sender: int = 0) -> int | None:
    wallet = WALLETS[sender]
    nonce = node.sequencer.pending_account(bytes.fromhex(wallet.address[2:])).nonce
    node.sequencer.submit(transfer(wallet, nonce))
    return node.seal_and_settle()


def test_killed_between_tree_and_database_the_batch_is_settled_again(tmp_path: Path) -> None:
    child = start(tmp_path, KILL_BETWEEN)
    assert child.wait(60) == -signal.SIGKILL
    assert KeptTree.open(tmp_path / "core" / "state_tree").newest == 1, "the tree is ahead of the database"
    node = node_at(tmp_path)
    assert node.tree.newest == 1
    agree(node)
    assert seal(node, sender=2) == 2
    agree(node)


def test_a_version_that_the_database_does_not_know_is_taken_back(tmp_path: Path) -> None:
    node = node_at(tmp_path)
    seal(node)
    node.tree.commit(2, keys_of([b"\x07" * 20]), values_of([Account(9, 9)]))
    again = node_at(tmp_path)
    assert again.tree.newest == 1
    agree(again)
    assert seal(again, sender=2) == 2, "another batch takes the number"
    agree(again)


def test_killed_at_any_instant_they_agree(tmp_path: Path) -> None:
    chance = random.Random(1)
    for _ in range(5):
        child = start(tmp_path)
        assert child.stdout is not None
        while child.stdout.readline() != "open\n":
            assert child.poll() is None, "core was opened before it was killed"
        time.sleep(chance.uniform(0.0, 0.6))
        child.kill()
        child.wait()
        child.stdout.close()
    node = node_at(tmp_path)
    agree(node)
    assert (seal(node) or 0) > 1
    agree(node)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_tree_that_is_gone_or_behind_is_made_from_the_database(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    url = request.getfixturevalue("postgresql").create_database() if kind == "postgresql" else ""
    node = node_at(tmp_path, core_database_url=url)
    for _ in range(4):
        seal(node)
    node.tree.forget_after(2)
    again = node_at(tmp_path, core_database_url=url)
    assert again.tree.newest == 4
    agree(again)
    del node, again
    shutil.rmtree(tmp_path / "core" / "state_tree")
    last = node_at(tmp_path, core_database_url=url)
    assert (last.tree.oldest, last.tree.newest) == (4, 4)
    agree(last)
    assert seal(last) == 5
    agree(last)


def test_a_tree_ahead_of_a_restored_database_goes_back(tmp_path: Path) -> None:
    node = node_at(tmp_path)
    seal(node)
    del node
    shutil.copytree(tmp_path / "core", tmp_path / "copy")
    node = node_at(tmp_path)
    for _ in range(3):
        seal(node)
    del node
    for name in ("core.db", "core.db-wal", "core.db-shm"):
        (tmp_path / "core" / name).unlink(missing_ok=True)
        if (tmp_path / "copy" / name).exists():
            shutil.copy(tmp_path / "copy" / name, tmp_path / "core" / name)
    again = node_at(tmp_path)
    assert again.tree.newest == 1
    agree(again)


def test_accounts_that_do_not_have_the_stated_root_are_refused(tmp_path: Path) -> None:
    node = node_at(tmp_path)
    seal(node)
    with node.store.session():
        AccountVersion.update(balance=1).where(
            AccountVersion.address == bytes.fromhex(WALLETS[2].address[2:])
        ).execute()
    del node
    shutil.rmtree(tmp_path / "core" / "state_tree")
    with pytest.raises(GenesisMismatch, match="do not hash"):
        node_at(tmp_path)
