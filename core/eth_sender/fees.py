"""What core offers L1 for a transaction (EIP-1559)."""

from __future__ import annotations

from dataclasses import dataclass

from web3 import Web3

GWEI = 10**9


@dataclass(frozen=True)
class Fees:
    """Wei per gas: the most that is paid, and the part of it that goes to the block's maker."""

    most: int
    priority: int


def suggested(web3: Web3, block: int, ceiling: int) -> Fees:
    """Return fees that reach twice the block's base fee, and never more than `ceiling` wei per gas."""
    base = int(web3.eth.get_block(block).get("baseFeePerGas", 0))
    priority = int(web3.eth.max_priority_fee)
    most = min(2 * base + priority, ceiling)
    return Fees(most, min(priority, most))


def raised(old: Fees, now: Fees, ceiling: int) -> Fees | None:
    """Return fees with which nodes replace a transaction, an eighth above the old ones; None above `ceiling`.

    Nodes ask for a tenth more of both.
    """
    most = max(old.most + old.most // 8 + 1, now.most)
    priority = max(old.priority + old.priority // 8 + 1, now.priority)
    return Fees(most, min(priority, most)) if most <= ceiling else None
