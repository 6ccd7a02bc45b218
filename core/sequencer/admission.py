"""Judges transactions at the door by running the state-transition program on them.

Rules do not depend on the state root, so a tree of the few touched accounts stands for the whole one. A sender's
account is taken as it will be: a nonce that the transaction may wait for, and what everything else that waits leaves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.formats.transactions import TransactionView, touched_accounts
from core.formats.witness_input import Header, encode
from core.program.state_transition import Program, Result, Status
from core.state.chain import Account
from core.state_tree import StateTree
from runtime.errors import HallmarkError, InvalidInput
from runtime.logging import get_logger

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

#: Bytes between two sizes of transactions whose proving cost is looked at apart.
SIZE_STEP = 64

#: Forms of transactions whose proving cost is remembered.
_REMEMBERED = 4096

log = get_logger(__name__)


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
class Applicant:
    """A transaction at the door, and its sender's account as it will be before it."""

    raw: bytes
    view: TransactionView
    sender: Account


@dataclass(frozen=True)
class Judged:
    """What the program did with a transaction, and what proving a run on one like it costs, in cycles."""

    result: Result
    cycles: int


class Door:
    """Judges transactions. May be called from any thread.

    Parameters
    ----------
    program
        The judge.
    header
        States the batch for runs at the door; no rule depends on a batch's number or time.
    """

    def __init__(self, program: Program, header: Header) -> None:
        self._program = program
        self._header = header
        self._costs: dict[tuple[int, ...], int] = {}

    def judge(self, applicants: Sequence[Applicant], accounts: Mapping[bytes, Account]) -> list[Judged | None]:
        """Return what the program says about transactions that it is run on together, one after the other.

        Whatever fails there may do so for what others sent, and is to be judged alone: None stands for it.

        Parameters
        ----------
        accounts
            The newest state of every account that they touch; those of senders are overruled.
        """
        try:
            results = self._run(applicants, accounts)
        except HallmarkError:
            log.exception("door.broken", transactions=len(applicants))
            return [None] * len(applicants)
        return [
            self._judged(each, result, accounts) if result.status is Status.EXECUTED else None
            for each, result in zip(applicants, results, strict=True)
        ]

    def judge_alone(self, applicant: Applicant, accounts: Mapping[bytes, Account]) -> Judged:
        """Return what the program says about one transaction.

        Raises
        ------
        Refused, ProgramFault
        """
        [result] = self._run([applicant], accounts)
        if result.status is not Status.EXECUTED:
            raise Refused(result.status)
        return self._judged(applicant, result, accounts)

    def _judged(self, applicant: Applicant, result: Result, accounts: Mapping[bytes, Account]) -> Judged:
        return Judged(result, self._cost(applicant, accounts))

    def _cost(self, applicant: Applicant, accounts: Mapping[bytes, Account]) -> int:
        """Return what proving the ELF's run on the first transaction that was like this one costs."""
        view = applicant.view
        keys = sum(len(listed) for _, listed in view.access_list)
        form = (view.kind, len(applicant.raw) // SIZE_STEP, len(view.access_list), keys)
        known = self._costs.get(form)
        if known is None:
            known = self._program.run(self._content([applicant], accounts)).cost
            if len(self._costs) >= _REMEMBERED:
                self._costs.clear()
            self._costs[form] = known
        return known

    def _run(self, applicants: Sequence[Applicant], accounts: Mapping[bytes, Account]) -> tuple[Result, ...]:
        return self._program.judge(self._content(applicants, accounts)).results

    def _content(self, applicants: Sequence[Applicant], accounts: Mapping[bytes, Account]) -> bytes:
        """Return the witness input of these transactions over the accounts that they touch."""
        touched = touched_accounts(self._header.fee_recipient, [each.view for each in applicants])
        senders: dict[bytes, Account] = {}
        for each in applicants:
            senders.setdefault(each.view.sender, each.sender)
        present = {each: value for each in touched if (value := senders.get(each, accounts[each])) != Account()}
        return encode(self._header, [each.raw for each in applicants], StateTree(present).partial(touched))
