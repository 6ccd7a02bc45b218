"""The state tree: a compact 4-ary sparse Merkle tree of accounts, native, in memory or kept with its versions."""

from __future__ import annotations

from core.state_tree.accounts import AccountValue
from core.state_tree.tree import StateTree

__all__ = ["AccountValue", "StateTree"]
