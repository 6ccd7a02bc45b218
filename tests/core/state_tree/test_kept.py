"""The state tree on disk: versions, what is forgotten, pruned and swept, against the definition."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from core.state_tree import StateTree, kept
from core.state_tree.accounts import keys_of, values_of
from core.state_tree.errors import StateTreeDamaged, VersionUnknown
from core.state_tree.kept import KeptTree
from core.state_tree.native import Fault
from core.state_tree.pieces import Accounts
from runtime.errors import InvalidInput
from tests.core.state_tree.model import Model, Value, address

Changes = dict[int, Value]


def commit(tree: KeptTree, number: int, changes: Changes) -> bytes:
    return tree.commit(number, keys_of([address(place) for place in changes]), values_of(changes.values()))


def sound(tree: KeptTree, number: int) -> bool:
    with tree.version(number) as version:
        return version.check() == (Fault.SOUND, 0)


def some(first: int, count: int, nonce: int) -> Changes:
    return {number: Value(nonce, number) for number in range(first, first + count)}


def placed(changes: Changes) -> dict[bytes, Value]:
    return {address(number): value for number, value in changes.items()}


def test_every_version_is_read_as_it_was(tmp_path: Path) -> None:
    tree, states = KeptTree.open(tmp_path), {}
    for number in range(6):
        states[number] = states.get(number - 1, {}) | some(7 * number, 20, number + 1)
        assert commit(tree, number, some(7 * number, 20, number + 1)) == Model(placed(states[number])).root
    del tree
    again = KeptTree.open(tmp_path)
    assert (again.oldest, again.newest) == (0, 5)
    for number, state in states.items():
        with again.version(number) as version:
            assert version.root == Model(placed(state)).root
            assert len(version) == len(state)
            assert version.partial([address(3), address(99)]) == Model(placed(state)).partial([address(3), address(99)])
            assert version.accounts([address(0), address(200)]) == [(state[0].nonce, state[0].balance), (0, 0)]
        assert sound(again, number)


def test_leaves_come_in_the_order_of_the_tree_and_build_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "_LEAVES", 7)
    tree = KeptTree.open(tmp_path / "one")
    root = commit(tree, 0, some(0, 100, 1))
    with tree.version(0) as version:
        pieces = [(leaves[:, :4], leaves[:, 4:]) for leaves in version.leaves()]
    assert sum(len(keys) for keys, _ in pieces) == 100
    assert KeptTree.open(tmp_path / "two").rebuild(5, pieces) == root


def test_accounts_in_any_order_build_the_tree(tmp_path: Path) -> None:
    accounts, state = Accounts(), some(0, 3000, 1)
    accounts.add(b"".join(placed(state)), values_of(state.values()))
    tree = KeptTree.open(tmp_path)
    commit(tree, 0, some(5000, 10, 1))
    assert tree.rebuild(7, accounts.pieces()) == Model(placed(state)).root
    assert (tree.oldest, tree.newest) == (7, 7)
    assert sound(tree, 7)


def test_a_forgotten_version_leaves_no_trace(tmp_path: Path) -> None:
    tree = KeptTree.open(tmp_path)
    roots = [commit(tree, number, some(0, 500, number + 1)) for number in range(5)]
    tree.forget_after(2)
    assert (tree.newest, tree.root) == (2, roots[2])
    with pytest.raises(VersionUnknown), tree.version(3):
        pass
    assert commit(tree, 3, some(0, 500, 4)) == roots[3]
    assert all(sound(tree, number) for number in range(4))
    with pytest.raises(ValueError, match="does not follow"):
        commit(tree, 3, some(0, 1, 9))
    with pytest.raises(VersionUnknown):
        tree.forget_after(17)


def test_a_rebuild_that_is_cut_off_leaves_an_empty_tree(tmp_path: Path) -> None:
    tree = KeptTree.open(tmp_path)
    commit(tree, 0, some(0, 50, 1))

    def broken() -> Iterator[kept.Changes]:
        yield keys_of([address(1)]), values_of([Value(1, 1)])
        raise OSError("cut off")

    with pytest.raises(OSError, match="cut off"):
        tree.rebuild(4, broken())
    again = KeptTree.open(tmp_path)
    assert again.newest is None
    assert (
        again.rebuild(4, [(keys_of([address(2)]), values_of([Value(1, 1)]))]) == Model({address(2): Value(1, 1)}).root
    )


def test_a_sweep_moves_what_lives_and_its_chunks_go_with_the_old_versions(tmp_path: Path) -> None:
    tree, state = KeptTree.open(tmp_path, versions=4, garbage=0), {}
    for number in range(60):
        changes = some(37 * number % 3000, 400, number + 1)
        state |= changes
        root = commit(tree, number, changes)
    assert root == StateTree(placed(state)).root == Model(placed(state)).root
    assert (tree.oldest, tree.newest) == (56, 59)
    with tree.version(59) as version:
        live = version.live_bytes
    assert sound(tree, 56) and sound(tree, 59)
    assert tree.size() < 12 * live + (2 << 20), "chunks that no version reaches are used again"


def test_taken_out_of_memory_the_tree_is_what_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MAPPED_BYTES", 0)
    tree = KeptTree.open(tmp_path)
    for number in range(4):
        root = commit(tree, number, some(400 * number, 2000, number))
        assert sound(tree, number)
    steps = StateTree({})
    for number in range(4):
        steps.update_all(placed(some(400 * number, 2000, number)))
    assert root == steps.root


def test_pruning_by_hand_keeps_the_newest(tmp_path: Path) -> None:
    tree = KeptTree.open(tmp_path)
    for number in range(5):
        commit(tree, number, some(0, 10, number + 1))
    assert tree.prune(3) == 3
    assert (tree.oldest, tree.newest) == (3, 4)
    assert tree.prune(100) == 1
    assert sound(tree, 4)
    assert KeptTree.open(tmp_path / "empty").prune(3) == 0


def test_a_reader_keeps_its_version_while_it_is_pruned(tmp_path: Path) -> None:
    tree = KeptTree.open(tmp_path, versions=2, garbage=0)
    root = commit(tree, 0, some(0, 3000, 1))
    with tree.version(0) as version:
        for number in range(1, 40):
            commit(tree, number, some(0, 3000, number + 1))
        assert tree.oldest == 38
        assert version.root == root
        assert version.check() == (Fault.SOUND, 0)
        assert version.accounts([address(5)]) == [(1, 5)]


#: Reads the newest version again and again while it is replaced, from a process of its own.
READING = """
import sys
from pathlib import Path
from core.state_tree.kept import KeptTree
tree = KeptTree.open(Path(sys.argv[1]), read_only=True)
print("open", flush=True)
for line in sys.stdin:
    with tree.version(int(line)) as version:
        print(version.check()[0].name, version.root.hex(), flush=True)
"""


def test_another_process_reads_what_is_written_meanwhile(tmp_path: Path) -> None:
    tree = KeptTree.open(tmp_path, versions=2, garbage=0)
    commit(tree, 0, some(0, 2000, 1))
    command = [sys.executable, "-c", READING, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdin is not None and reader.stdout is not None
        assert reader.stdout.readline() == "open\n"
        for number in range(1, 40):
            root = commit(tree, number, some(37 * number % 3000, 500, number))
            if number % 4 == 0:
                print(number, file=reader.stdin, flush=True)
                assert reader.stdout.readline().split() == ["SOUND", root.hex()]
        reader.stdin.close()


@pytest.mark.parametrize("place", [0, 40, 4000, 20_000])
def test_a_changed_byte_is_found(tmp_path: Path, place: int) -> None:
    tree = KeptTree.open(tmp_path / "tree")
    commit(tree, 0, some(0, 1000, 1))
    del tree
    file = tmp_path / "tree" / "data.mdb"
    content = bytearray(file.read_bytes())
    leaf = keys_of([address(1)])[0].astype("<u8").tobytes()
    content[content.index(leaf) + place] ^= 1
    file.write_bytes(content)
    again = KeptTree.open(tmp_path / "tree")
    with again.version(0) as version:
        fault, _ = version.check()
    assert fault is not Fault.SOUND


def test_a_file_that_is_none_of_a_tree_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / "data.mdb").write_bytes(b"no tree" * 10_000)
    with pytest.raises(StateTreeDamaged, match="damaged"):
        KeptTree.open(tmp_path)


def test_an_account_cannot_leave_and_nothing_is_written_then(tmp_path: Path) -> None:
    tree = KeptTree.open(tmp_path)
    root = commit(tree, 0, {1: Value(1, 1)})
    with pytest.raises(InvalidInput, match="cannot leave"):
        commit(tree, 1, {1: Value(), 2: Value(1, 1)})
    assert (tree.newest, tree.root) == (0, root)


class Steps(RuleBasedStateMachine):
    """Any order of commits, steps back, prunings and restarts while sweeps are under way, against dictionaries."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.states: dict[int, Changes] = {}
        self.open()

    def open(self) -> None:
        self.tree = KeptTree.open(Path(self.folder.name), versions=3, garbage=0)

    @rule(first=st.integers(0, 60), count=st.integers(0, 40))
    def commit(self, first: int, count: int) -> None:
        number = max(self.states, default=-1) + 1
        changes = some(first, count, number + 1)
        self.states[number] = self.states.get(number - 1, {}) | changes
        commit(self.tree, number, changes)
        self.states = {kept: state for kept, state in self.states.items() if kept > number - 3}

    @precondition(lambda self: self.states)
    @rule(back=st.integers(0, 2))
    def forget(self, back: int) -> None:
        number = max(min(self.states), max(self.states) - back)
        self.tree.forget_after(number)
        self.states = {kept: state for kept, state in self.states.items() if kept <= number}

    @precondition(lambda self: self.states)
    @rule(first=st.integers(0, 4))
    def prune(self, first: int) -> None:
        number = min(min(self.states) + first, max(self.states))
        self.tree.prune(number)
        self.states = {kept: state for kept, state in self.states.items() if kept >= number}

    @rule()
    def restart(self) -> None:
        del self.tree
        self.open()

    @invariant()
    def every_version_is_right(self) -> None:
        for number, state in self.states.items():
            with self.tree.version(number) as version:
                assert version.root == StateTree(placed(state)).root
                assert version.check() == (Fault.SOUND, 0)

    def teardown(self) -> None:
        del self.tree
        self.folder.cleanup()


Steps.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestSteps = Steps.TestCase
