"""What can go wrong on the way from L1 to a state."""

from __future__ import annotations

from core.eth_sender.errors import L1Error


class HistoryIncomplete(L1Error):
    """L1's node does not show everything that happened to the contract."""

    code = "l1_history_incomplete"
    default_remedy = "Ask a node that keeps all blocks since the deployment, from a block that is not after it."


class PublishedDataWrong(L1Error):
    """What L1's node gives for a batch's state diffs does not lead to the batch's root."""

    code = "l1_published_data"
    default_remedy = "Ask another node of L1: no batch with these state diffs was proven."


class HistoryChanged(L1Error):
    """L1 has left the blocks that an earlier run has read, or the folder is of another contract."""

    code = "l1_history_changed"
    default_remedy = "Remove the folder and start anew."


class NothingToContinue(L1Error):
    """There is no batch to continue the rollup with."""

    code = "nothing_to_continue"
    default_remedy = "Seal one first: `hallmark continue seal FOLDER --output FILE`."
