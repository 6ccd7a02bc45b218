"""The metadata calculator's state tree: a compact 4-ary sparse Merkle tree of accounts."""

from __future__ import annotations

from core.state_tree.node import AccountValue, Inner, Leaf
from core.state_tree.tree import StateTree

__all__ = ["AccountValue", "Inner", "Leaf", "StateTree"]
