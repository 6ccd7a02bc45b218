"""What can go wrong on the way to L1."""

from __future__ import annotations

from runtime.errors import HallmarkError


class L1Error(HallmarkError):
    """Batches do not reach L1."""

    code = "l1"


class L1Unavailable(L1Error):
    """L1's node does not answer."""

    code = "l1_unavailable"
    default_remedy = "Check that the node of HALLMARK_CORE_L1_URL is up; core goes on by itself when it answers."


class L1Mismatch(L1Error):
    """The contract on L1 is not this rollup's."""

    code = "l1_mismatch"
    default_remedy = "Set HALLMARK_CORE_L1_EXECUTOR to this rollup's contract, or have its owner set its rules."


class L1NoticeRuns(L1Error):
    """The notice of the batch's rules has not ended on L1."""

    code = "l1_notice_runs"
    default_remedy = "Nothing is to be done: core commits to the batch once the time has come; it goes on sealing."


class L1Diverged(L1Error):
    """L1 holds other batches than this core."""

    code = "l1_diverged"
    default_remedy = (
        "Find out who else sends batches to this contract; what is not executed can be taken back by revertBatches."
    )


class BatchExecuted(L1Error):
    """L1 acts on the batch's root: nothing takes that back."""

    code = "batch_executed"
    default_remedy = "Only batches after the newest executed one can be taken back; `hallmark l1 status` names it."


class L1TransactionRefused(L1Error):
    """L1 does not take a transaction."""

    code = "l1_transaction_refused"
    default_remedy = "The message is L1's; see docs/l1.md for the contract's errors."


class L1ProductionChain(L1Error):
    """A contract that takes proofs of a test setup belongs on no chain with value."""

    code = "l1_production_chain"
    default_remedy = "Make the key from a public ceremony's setup, or deploy to a development or test network."
