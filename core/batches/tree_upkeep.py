"""What an operator does to the state tree: hold it against core's database, make it again, take it from a snapshot."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from core.errors import GenesisMismatch
from core.state import chain
from core.state_tree.errors import StateTreeDamaged
from core.state_tree.kept import KeptTree
from core.state_tree.native import Fault
from core.state_tree.pieces import Accounts
from core.state_tree.snapshot import read_snapshot
from core.store import Batch, Store

#: Rows that are read from the database at a time.
ROWS = 50_000


def check(store: Store, tree: KeptTree, number: int) -> int:
    """Hash every record of a version again and compare its accounts with the database's; return how many there are.

    Raises
    ------
    StateTreeDamaged
        The tree is not what its root says.
    GenesisMismatch
        It is another state than the database's.
    """
    with store.session(), tree.version(number) as version:
        fault, position = version.check()
        if fault is not Fault.SOUND:
            raise StateTreeDamaged(f"Version {number}: {fault.name.lower()} at position {position} of the log.")
        if version.root != _stated(number):
            raise GenesisMismatch(f"Version {number} has the root {version.root.hex()}, the database states another.")
        compared = 0
        for rows in chain.account_rows_at(number, ROWS):
            found = version.accounts([bytes.fromhex(row[0]) for row in rows])
            if found != [(int(nonce, 16), int(balance, 16)) for _, nonce, balance in rows]:
                raise GenesisMismatch(f"Version {number} has other accounts than the database.")
            compared += len(rows)
        if compared != len(version):
            raise GenesisMismatch(f"Version {number} has {len(version)} accounts, the database {compared}.")
    return compared


def rebuild(tree: KeptTree, number: int) -> bytes:
    """Make a tree anew from the account versions at a batch, and return its root. The caller has a session open."""
    accounts = Accounts()
    for rows in chain.account_rows_at(number, ROWS):
        accounts.add_rows(rows)
    return tree.rebuild(number, accounts.pieces())


def restore(store: Store, folder: Path, snapshot: Path, told: Callable[[int], None] = lambda _: None) -> int:
    """Put a snapshot's tree in place of the one in `folder`, which nobody has open; return its version.

    Parameters
    ----------
    told
        Called with the number of accounts before they are read.

    Raises
    ------
    SnapshotError
        The file is not whole.
    GenesisMismatch
        It is of another state than the one that the database states for its batch; the old tree stays.
    """
    beside = folder.with_name(folder.name + ".restored")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        with store.session(), read_snapshot(snapshot) as found:
            told(found.leaves)
            if found.root != _stated(found.number):
                raise GenesisMismatch(f"The snapshot of batch {found.number} has another root than the database.")
            root = KeptTree.open(beside).rebuild(found.number, found.pieces())
            if root != found.root:
                raise GenesisMismatch(f"The accounts of the snapshot hash to {root.hex()}, not to its root.")
        shutil.rmtree(folder, ignore_errors=True)
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return found.number


def _stated(number: int) -> bytes | None:
    """Return the root that the database states for a batch, or None."""
    batch = Batch.get_or_none(Batch.number == number)
    return None if batch is None or batch.new_root is None else bytes(batch.new_root)
