"""What core gives and offers for a transaction: gas, and fees per gas (EIP-1559)."""

from __future__ import annotations

from dataclasses import dataclass

from web3 import Web3
from web3.exceptions import ContractLogicError, Web3RPCError
from web3.types import TxParams

from core.eth_sender.contracts import error_name
from core.eth_sender.errors import L1ProductionChain, L1TransactionRefused

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


def gas_for(web3: Web3, transaction: TxParams, purpose: str) -> int:
    """Return the gas that a transaction is given: a quarter more than it takes now.

    Parameters
    ----------
    purpose
        What it is to do, for messages.

    Raises
    ------
    L1ProductionChain, L1TransactionRefused
        It would revert.
    """
    try:
        return int(web3.eth.estimate_gas(transaction)) * 5 // 4
    except (ContractLogicError, Web3RPCError) as error:
        name = error_name(getattr(error, "data", None))
        if name == "ProductionChain":
            raise L1ProductionChain(f"L1 refuses to {purpose}: chain {web3.eth.chain_id} has value.") from None
        raise L1TransactionRefused(f"L1 would refuse to {purpose}: {name or error}.") from None
