"""The sequencer: takes transactions, keeps them until a batch is sealed, and seals batches.

It knows none of the rollup's rules. Whether a transaction is valid is what the state-transition program says when it
is run on it: at the door (:mod:`core.sequencer.admission`) and again when the batch is sealed.
"""

from __future__ import annotations

from core.sequencer.admission import Refused
from core.sequencer.estimate import GasEstimate
from core.sequencer.intake import Intake
from core.sequencer.least_tip import LeastTip, TipTooLow
from core.sequencer.mempool import Known, MempoolFull, Underpriced
from core.sequencer.sequencer import Sequencer

__all__ = [
    "GasEstimate",
    "Intake",
    "Known",
    "LeastTip",
    "MempoolFull",
    "Refused",
    "Sequencer",
    "TipTooLow",
    "Underpriced",
]
