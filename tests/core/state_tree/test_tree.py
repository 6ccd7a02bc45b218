from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.state_tree import StateTree, native
from core.state_tree.accounts import keys_of, values_of
from runtime.errors import InvalidInput
from tests.core.state_tree.model import Model, Value, address, c, key_of

VALUES = st.builds(Value, st.integers(0, 2**64 - 1), st.integers(1, 2**256 - 1))


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.integers(0, 2**160 - 1).map(address), VALUES, max_size=20))
def test_the_root_is_that_of_the_definition(accounts: dict[bytes, Value]) -> None:
    assert StateTree(accounts).root == Model(accounts).root


@settings(max_examples=30, deadline=None)
@given(st.lists(st.dictionaries(st.integers(0, 30).map(address), VALUES, max_size=6), max_size=6))
def test_the_root_does_not_depend_on_the_way(steps: list[dict[bytes, Value]]) -> None:
    tree, accounts = StateTree({}), {}
    for step in steps:
        for place, value in step.items():
            tree.update(place, value)
        accounts.update(step)
        assert tree.root == StateTree(accounts).root == Model(accounts).root
    assert len(tree) == len(accounts)


def test_keys_that_share_digits_hang_on_a_chain() -> None:
    accounts = {address(number): Value(number, 1) for number in range(2000)}
    tree = StateTree(accounts)
    assert tree.root == Model(accounts).root
    tree.update(address(5), Value(6, 2))
    accounts[address(5)] = Value(6, 2)
    assert tree.root == Model(accounts).root


def test_an_empty_account_is_not_in_the_tree() -> None:
    assert StateTree({address(1): Value()}).root == bytes(32)
    tree = StateTree({address(1): Value(1, 0)})
    assert tree.value(address(1)) == (1, 0) and tree.value(address(2)) == (0, 0)
    with pytest.raises(InvalidInput, match="cannot leave"):
        tree.update(address(1), Value())


@pytest.mark.parametrize("value", [Value(2**64, 0), Value(0, 2**256), Value(-1, 0), Value(0, -1)])
def test_values_out_of_range_are_refused(value: Value) -> None:
    with pytest.raises(InvalidInput):
        StateTree({address(1): value})
    tree = StateTree({address(1): Value(1, 1)})
    with pytest.raises(InvalidInput):
        tree.update(address(1), value)
    assert tree.value(address(1)) == (1, 1)


def test_an_address_has_20_bytes() -> None:
    with pytest.raises(InvalidInput, match="20 bytes"):
        StateTree({b"\x01" * 19: Value(1, 1)})


def root_of_partial(section: bytes) -> tuple[bytes, set[int]]:
    """Hash a partial tree and return the keys of its leaves."""
    words = [int.from_bytes(section[i : i + 4], "little") for i in range(0, len(section), 4)]
    keys: set[int] = set()
    at = 1

    def node(kind: int) -> list[int]:
        nonlocal at
        if kind == 0:
            return [0, 0, 0, 0]
        if kind == 2:
            kinds = words[at]
            at += 1
            return c([lane for i in range(4) for lane in node(kinds >> (2 * i) & 3)])
        elements = [words[at + i] | words[at + i + 1] << 32 for i in range(0, 8, 2)]
        at += 8
        if kind == 3:
            return elements
        keys.add(sum(element << (64 * i) for i, element in enumerate(elements)))
        value = words[at : at + 10]
        at += 10
        return c([*elements, *value, 8, 0])

    root = node(words[0])
    assert at == len(words)
    return b"".join(element.to_bytes(8, "little") for element in root), keys


@settings(max_examples=30, deadline=None)
@given(st.sets(st.integers(0, 200), max_size=40), st.sets(st.integers(0, 200), max_size=10))
def test_a_partial_tree_has_the_root_and_shows_the_paths(present: set[int], touched: set[int]) -> None:
    tree = StateTree({address(number): Value(1, number) for number in present})
    root, keys = root_of_partial(tree.partial([address(number) for number in touched]))
    assert root == tree.root
    shown = [key_of(address(number)) for number in touched & present]
    assert keys >= {sum(element << (64 * i) for i, element in enumerate(key)) for key in shown}
    assert len(keys) <= len(touched)


@settings(max_examples=60, deadline=None)
@given(st.sets(st.integers(0, 60), max_size=40), st.sets(st.integers(0, 80), max_size=12))
def test_a_partial_tree_is_written_as_the_definition_says(present: set[int], touched: set[int]) -> None:
    accounts = {address(number): Value(number % 3, 2**200 + number) for number in present}
    asked = [address(number) for number in touched]
    assert StateTree(accounts).partial(asked) == Model(accounts).partial(asked)


def test_a_bulk_on_all_threads_is_that_of_single_steps() -> None:
    accounts = {address(number): Value(1, number) for number in range(4000)}
    tree = StateTree(accounts)
    changes = {address(number): Value(2, number) for number in range(2000, 8000)}
    tree.update_all(changes)
    steps = StateTree(accounts)
    for start in range(2000, 8000, 100):
        steps.update_all({place: changes[place] for place in map(address, range(start, start + 100))})
    assert tree.root == steps.root == Model(accounts | changes).root
    assert len(tree) == 8000


def test_two_accounts_do_not_have_one_key() -> None:
    tree = StateTree({})
    keys = keys_of([address(1), address(1)])
    with pytest.raises(InvalidInput, match="same key"):
        native.update(native.Chunks(), native.State.empty(), keys, values_of([Value(1, 1)] * 2), native.KEEP_ALL)
    assert tree.root == bytes(32)
