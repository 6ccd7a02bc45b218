"""The state tree in memory: updates mark paths, the root hashes what is marked, level by level."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from core.state_tree.node import (
    DEPTH,
    EMPTY_DIGEST,
    AccountValue,
    Inner,
    Leaf,
    digit,
    hash_inners,
    hash_leaves,
    keys_of,
)
from core.state_tree.partial import write_partial
from runtime.errors import InvalidInput


class StateTree:
    """All accounts of a state.

    Parameters
    ----------
    accounts
        By 20-byte address. An account with nonce and balance zero is not in the tree.
    """

    def __init__(self, accounts: Mapping[bytes, AccountValue]) -> None:
        self._root: Leaf | Inner | None = None
        self._leaves: dict[bytes, Leaf] = {}
        self._stale: list[Leaf] = []
        self.update_all(accounts)

    def __len__(self) -> int:
        return len(self._leaves)

    @property
    def root(self) -> bytes:
        """The state root, 32 bytes: four elements of 8 bytes, little-endian."""
        self._refresh()
        return EMPTY_DIGEST if self._root is None else self._root.digest or EMPTY_DIGEST

    def value(self, address: bytes) -> tuple[int, int]:
        """Return nonce and balance; zeros for an account that is not in the tree."""
        leaf = self._leaves.get(address)
        return (0, 0) if leaf is None else (leaf.nonce, leaf.balance)

    def update(self, address: bytes, account: AccountValue) -> None:
        """Set one account."""
        self.update_all({address: account})

    def update_all(self, accounts: Mapping[bytes, AccountValue]) -> None:
        """Set several accounts at once, which hashes their keys in one batch.

        Raises
        ------
        InvalidInput
            An account of the tree is set to zero (accounts never leave the state), a number is out of its range, or
            an address has not 20 bytes.
        """
        added: list[bytes] = []
        for address, account in accounts.items():
            known = self._leaves.get(address)
            if account.nonce == 0 and account.balance == 0:
                if known is not None:
                    raise InvalidInput(f"Account {address.hex()} cannot leave the state.")
            elif known is None:
                added.append(address)
            else:
                changed = Leaf(known.key, account.nonce, account.balance)
                known.nonce, known.balance = changed.nonce, changed.balance
                self._mark(known)
        for address, key in zip(added, keys_of(added), strict=True):
            leaf = Leaf(key, accounts[address].nonce, accounts[address].balance)
            self._leaves[address] = leaf
            self._insert(leaf)

    def partial(self, addresses: Iterable[bytes]) -> bytes:
        """Return the tree section of a witness input: the paths of these addresses, absent ones included."""
        self._refresh()
        return write_partial(self._root, keys_of(sorted(set(addresses))))

    def _mark(self, leaf: Leaf) -> None:
        leaf.digest = None
        self._stale.append(leaf)
        node, depth = self._root, 0
        while isinstance(node, Inner):
            node.digest = None
            node = node.children[digit(leaf.key, depth)]
            depth += 1

    def _insert(self, leaf: Leaf) -> None:
        self._stale.append(leaf)
        parent: Inner | None = None
        node, depth = self._root, 0
        while isinstance(node, Inner):
            node.digest = None
            parent, node = node, node.children[digit(leaf.key, depth)]
            depth += 1
        top: Leaf | Inner = leaf if node is None else _split(node, leaf, depth)
        if parent is None:
            self._root = top
        else:
            parent.children[digit(leaf.key, depth - 1)] = top

    def _refresh(self) -> None:
        hash_leaves([leaf for leaf in dict.fromkeys(self._stale) if leaf.digest is None])
        self._stale = []
        if isinstance(self._root, Inner):
            for level in reversed(_stale_levels(self._root)):
                hash_inners(level)


def _split(old: Leaf, new: Leaf, depth: int) -> Inner:
    """Return the chain of internal nodes that holds two leaves from a depth on."""
    last = next((d for d in range(depth, DEPTH) if digit(old.key, d) != digit(new.key, d)), None)
    if last is None:
        raise InvalidInput("Two accounts have the same key.")
    chain = [Inner() for _ in range(depth, last + 1)]
    for level, (upper, lower) in enumerate(pairwise(chain), depth):
        upper.children[digit(new.key, level)] = lower
    chain[-1].children[digit(old.key, last)] = old
    chain[-1].children[digit(new.key, last)] = new
    return chain[0]


def _stale_levels(root: Inner) -> Sequence[list[Inner]]:
    levels: list[list[Inner]] = []
    level = [root] if root.digest is None else []
    while level:
        levels.append(level)
        level = [
            child for inner in level for child in inner.children if isinstance(child, Inner) and child.digest is None
        ]
    return levels
