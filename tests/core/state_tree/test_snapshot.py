from __future__ import annotations

from pathlib import Path

import pytest

from core.state_tree.accounts import keys_of, values_of
from core.state_tree.kept import KeptTree
from core.state_tree.snapshot import SnapshotError, read_snapshot, write_snapshot
from tests.core.state_tree.model import Value, address


@pytest.fixture
def tree(tmp_path: Path) -> KeptTree:
    made = KeptTree.open(tmp_path / "tree")
    for number in range(3):
        places = range(1000 * number, 1000 * number + 1500)
        made.commit(
            number, keys_of([address(place) for place in places]), values_of([Value(number + 1, 7)] * len(places))
        )
    return made


def test_a_snapshot_builds_the_version_again(tree: KeptTree, tmp_path: Path) -> None:
    file = tmp_path / "snapshot"
    with tree.version(1) as version:
        write_snapshot(version, file)
        with read_snapshot(file) as snapshot:
            assert (snapshot.number, snapshot.root, snapshot.leaves) == (1, version.root, len(version))
            again = KeptTree.open(tmp_path / "again")
            assert again.rebuild(1, snapshot.pieces()) == version.root
    assert not list(tmp_path.glob("*.part"))


def test_a_snapshot_that_is_not_whole_is_refused(tree: KeptTree, tmp_path: Path) -> None:
    file = tmp_path / "snapshot"
    with tree.version(2) as version:
        write_snapshot(version, file)
    whole = file.read_bytes()
    changed = bytearray(whole)
    changed[len(whole) // 2] ^= 1
    for content in (b"", b"no snapshot", whole[:-1000], whole[: len(whole) // 2], bytes(changed)):
        file.write_bytes(content)
        with pytest.raises(SnapshotError), read_snapshot(file) as snapshot:
            for _ in snapshot.pieces():
                pass
    with pytest.raises(SnapshotError, match="cannot be read"), read_snapshot(tmp_path / "missing"):
        pass
