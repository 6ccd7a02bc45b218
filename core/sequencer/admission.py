"""Judges a transaction at the door by running the state-transition program on it alone.

Rules do not depend on the state root, so a tree of the few touched accounts stands for the whole one. The sender's
account is taken as it will be: a nonce that the transaction may wait for, and what everything else that waits leaves.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.formats.transactions import TransactionView, touched_accounts
from core.formats.witness_input import Header, encode
from core.program.state_transition import Program, Result, Status
from core.state import chain
from core.state.chain import Account
from core.state_tree import StateTree
from runtime.errors import InvalidInput

#: What a wallet shows; go-ethereum's words where it has some.
MESSAGES = {
    Status.MALFORMED: "invalid transaction: malformed",
    Status.UNSUPPORTED_TYPE: "transaction type not supported",
    Status.UNPROTECTED: "only replay-protected (EIP-155) transactions allowed over RPC",
    Status.WRONG_CHAIN: "invalid chain id for signer",
    Status.CREATION_UNSUPPORTED: "contract creation is not supported",
    Status.INTRINSIC_GAS: "intrinsic gas too low",
    Status.PRIORITY_ABOVE_MAX: "max priority fee per gas higher than max fee per gas",
    Status.FEE_BELOW_BASE: "max fee per gas less than block base fee",
    Status.BATCH_GAS: "exceeds block gas limit",
    Status.BAD_SIGNATURE: "invalid sender: bad signature",
    Status.NONCE_TOO_LOW: "nonce too low",
    Status.NONCE_TOO_HIGH: "nonce too high",
    Status.NONCE_OVERFLOW: "nonce has max value",
    Status.INSUFFICIENT_BALANCE: "insufficient funds for gas * price + value",
    Status.BALANCE_OVERFLOW: "balance of a recipient would overflow",
}


class Refused(InvalidInput):
    """The state-transition program finds the transaction invalid.

    Attributes
    ----------
    status : Status
        Its judgement.
    """

    code = "transaction_refused"

    def __init__(self, status: Status) -> None:
        super().__init__(MESSAGES[status])
        self.status = status


@dataclass(frozen=True)
class Judged:
    """What the program did with a transaction alone: its result, and the cycles that the run took."""

    result: Result
    cycles: int


def judge(program: Program, header: Header, raw: bytes, view: TransactionView, sender: Account) -> Judged:
    """Run the program on one transaction.

    Parameters
    ----------
    sender
        The sender's account as it will be before the transaction; the others are those of the newest state.

    Raises
    ------
    Refused
    """
    touched = touched_accounts(header.fee_recipient, [view])
    others = {address: chain.newest_account(address) for address in touched if address != view.sender}
    accounts = {**others, view.sender: sender}
    present = {address: account for address, account in accounts.items() if account != Account()}
    run = program.run(encode(header, [raw], StateTree(present).partial(touched)))
    if run.results[0].status is not Status.EXECUTED:
        raise Refused(run.results[0].status)
    return Judged(run.results[0], run.cycles)
