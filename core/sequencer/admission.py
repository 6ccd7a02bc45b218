"""Judges a transaction at the door by running the state-transition program on it alone.

The accounts it touches are taken at their values after everything that waits already, so a sender may queue several
transactions and spend what a waiting transfer brings. Those values too come from the program: they are what it
reported for the transactions before. Rules do not depend on the state root, so a tree of the few touched accounts
stands for the whole one.
"""

from __future__ import annotations

from collections.abc import Sequence

from core import chain
from core.chain import Account
from core.program import Diff, Program, Run, Status
from core.state_tree import StateTree
from core.store import Transaction
from core.transactions import TransactionView, touched_accounts
from core.witness_input import Header, encode
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


class Admission:
    """The mempool's view of the accounts that waiting transactions change.

    Parameters
    ----------
    program
        The judge.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        self._accounts: dict[bytes, Account] = {}

    def account(self, address: bytes) -> Account:
        """Return an account's value after every waiting transaction."""
        found = self._accounts.get(address)
        return chain.newest_account(address) if found is None else found

    def judge(self, header: Header, raw: bytes, view: TransactionView) -> tuple[Diff, ...]:
        """Run the program on one transaction and return what it changes.

        Raises
        ------
        Refused
        """
        run = self._run(header, [raw], [view])
        if run.results[0].status is not Status.EXECUTED:
            raise Refused(run.results[0].status)
        return run.diffs

    def apply(self, diffs: Sequence[Diff]) -> None:
        """Take over the changes of a transaction that was let in."""
        for diff in diffs:
            self._accounts[diff.address] = Account(diff.nonce, diff.balance)

    def clear(self) -> None:
        """Forget every change: nothing waits any more, and the settled state has them all."""
        self._accounts = {}

    def restart(self, header: Header, waiting: Sequence[Transaction]) -> list[tuple[Transaction, Status]]:
        """Judge everything that waits again: when the process starts, or when something before it fell away.

        Returns
        -------
        list
            The transactions that have become invalid, each with its status.
        """
        self.clear()
        invalid: list[tuple[Transaction, Status]] = []
        for row in waiting:
            try:
                self.apply(self.judge(header, row.content, chain.view(row)))
            except Refused as error:
                invalid.append((row, error.status))
        return invalid

    def _run(self, header: Header, raws: Sequence[bytes], views: Sequence[TransactionView]) -> Run:
        touched = touched_accounts(header.fee_recipient, views)
        tree = StateTree({address: self.account(address) for address in touched})
        return self._program.run(encode(header, raws, tree.partial(touched)))
