from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.state_tree import StateTree
from core.state_tree.node import keys_of
from proving.hash import compress
from runtime.errors import InvalidInput


@dataclass(frozen=True)
class Value:
    nonce: int = 0
    balance: int = 0


def address(number: int) -> bytes:
    return number.to_bytes(20, "little")


def c(lanes: list[int]) -> list[int]:
    return [int(value) for value in compress(np.array([lanes], dtype=np.uint64))[0]]


def reference(accounts: dict[bytes, Value]) -> bytes:
    """The root by the definition of docs/state_transition.md, section 2, without any shared code but C."""

    def key(place: bytes) -> list[int]:
        words = [int.from_bytes(place[i : i + 4], "little") for i in range(0, 20, 4)]
        return c([8, 5, 0, 0, *words, *[0] * 7])

    def subtree(leaves: list[tuple[list[int], Value]], depth: int) -> list[int]:
        if not leaves:
            return [0, 0, 0, 0]
        if len(leaves) == 1:
            place, value = leaves[0]
            balance = [value.balance >> (32 * i) & 0xFFFFFFFF for i in range(8)]
            return c([*place, value.nonce & 0xFFFFFFFF, value.nonce >> 32, *balance, 8, 0])
        children: list[int] = []
        for digit in range(4):
            chosen = [leaf for leaf in leaves if leaf[0][depth // 32] >> (2 * (depth % 32)) & 3 == digit]
            children += subtree(chosen, depth + 1)
        return c(children)

    leaves = [(key(place), value) for place, value in accounts.items() if value != Value()]
    return b"".join(element.to_bytes(8, "little") for element in subtree(leaves, 0))


VALUES = st.builds(Value, st.integers(0, 2**64 - 1), st.integers(1, 2**256 - 1))


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.integers(0, 2**160 - 1).map(address), VALUES, max_size=20))
def test_the_root_is_that_of_the_definition(accounts: dict[bytes, Value]) -> None:
    assert StateTree(accounts).root == reference(accounts)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.dictionaries(st.integers(0, 30).map(address), VALUES, max_size=6), max_size=6))
def test_the_root_does_not_depend_on_the_way(steps: list[dict[bytes, Value]]) -> None:
    tree, accounts = StateTree({}), {}
    for step in steps:
        for place, value in step.items():
            tree.update(place, value)
        accounts.update(step)
        assert tree.root == StateTree(accounts).root == reference(accounts)
    assert len(tree) == len(accounts)


def test_keys_that_share_digits_hang_on_a_chain() -> None:
    accounts = {address(number): Value(number, 1) for number in range(2000)}
    tree = StateTree(accounts)
    assert tree.root == reference(accounts)
    tree.update(address(5), Value(6, 2))
    accounts[address(5)] = Value(6, 2)
    assert tree.root == reference(accounts)


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
    assert keys >= set(keys_of([address(number) for number in sorted(touched & present)]))
    assert len(keys) <= len(touched)
