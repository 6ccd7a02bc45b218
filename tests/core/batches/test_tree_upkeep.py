"""What an operator does to the tree: checks that find what is wrong, a snapshot taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.batches.tree_upkeep import check, restore
from core.errors import GenesisMismatch
from core.process.node import Node
from core.state_tree.accounts import keys_of, values_of
from core.state_tree.errors import StateTreeDamaged
from core.state_tree.snapshot import write_snapshot
from core.store import AccountVersion, Batch
from tests.core.chain import WALLETS, node_at, transfer
from tests.core.state_tree.model import Value


def seal(node: Node, nonce: int) -> None:
    node.sequencer.submit(transfer(WALLETS[0], nonce))
    node.seal_and_settle()


def test_every_version_is_checked_against_the_database(node: Node) -> None:
    for nonce in range(3):
        seal(node, nonce)
    assert [check(node.store, node.tree, number) for number in range(4)] == [5, 6, 6, 6]


@pytest.mark.parametrize("what", ["value", "account", "root"])
def test_a_database_that_says_something_else_is_found(node: Node, what: str) -> None:
    seal(node, 0)
    with node.store.session():
        if what == "value":
            AccountVersion.update(nonce=9).where(AccountVersion.batch_number == 1).execute()
        elif what == "account":
            AccountVersion.create(address=b"\x01" * 20, batch_number=1, nonce=1, balance=0)
        else:
            Batch.update(new_root=bytes(32)).where(Batch.number == 1).execute()
    with pytest.raises(GenesisMismatch):
        check(node.store, node.tree, 1)


def test_an_account_that_only_the_tree_has_is_found(node: Node) -> None:
    seal(node, 0)
    root = node.tree.commit(2, keys_of([b"\x01" * 20]), values_of([Value(1, 1)]))
    with node.store.session():
        Batch.create(
            number=2,
            status="sealed",
            sealed_at=0,
            timestamp=0,
            context="",
            transactions=0,
            new_accounts="",
            old_root=root,
            new_root=root,
        )
    with pytest.raises(GenesisMismatch, match="7 accounts, the database 6"):
        check(node.store, node.tree, 2)


def test_a_changed_record_is_found(tmp_path: Path) -> None:
    node = node_at(tmp_path)
    seal(node, 0)
    del node
    file = tmp_path / "core" / "state_tree" / "data.mdb"
    content = file.read_bytes()
    key = keys_of([bytes.fromhex(WALLETS[2].address[2:])])[0].astype("<u8").tobytes()
    file.write_bytes(content.replace(key, key[:-1] + bytes([key[-1] ^ 1])))
    again = node_at(tmp_path)
    with pytest.raises(StateTreeDamaged, match="wrong"):
        check(again.store, again.tree, 1)


def test_core_goes_on_from_a_snapshot(tmp_path: Path) -> None:
    node = node_at(tmp_path)
    for nonce in range(2):
        seal(node, nonce)
    with node.tree.version(1) as version:
        write_snapshot(version, tmp_path / "snapshot")
    seal(node, 2)
    root, store = node.tree.root, node.store
    del node
    told: list[int] = []
    assert restore(store, tmp_path / "core" / "state_tree", tmp_path / "snapshot", told.append) == 1
    assert told == [6]
    again = node_at(tmp_path)
    assert (again.tree.oldest, again.tree.newest, again.tree.root) == (1, 3, root)
    seal(again, 3)
    assert check(again.store, again.tree, 4) == 6


def test_a_snapshot_of_another_chain_is_refused_and_the_tree_stays(tmp_path: Path) -> None:
    node = node_at(tmp_path)
    seal(node, 0)
    with node.tree.version(1) as version:
        write_snapshot(version, tmp_path / "snapshot")
    other = node_at(tmp_path / "other")
    other.sequencer.submit(transfer(WALLETS[1], 0))
    other.seal_and_settle()
    root, store = other.tree.root, other.store
    del other
    with pytest.raises(GenesisMismatch, match="another root"):
        restore(store, tmp_path / "other" / "core" / "state_tree", tmp_path / "snapshot")
    assert not (tmp_path / "other" / "core" / "state_tree.restored").exists()
    assert node_at(tmp_path / "other").tree.root == root
