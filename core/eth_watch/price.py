"""Looks at L1's base fee, which the least tip follows."""

from __future__ import annotations

from web3 import Web3

from core.eth_sender.connection import typed_errors
from core.sequencer import LeastTip


class PriceWatcher:
    """The way of L1's price to the door.

    Parameters
    ----------
    web3
        A connection to L1.
    tip
        What follows it.
    """

    def __init__(self, web3: Web3, tip: LeastTip) -> None:
        self._web3 = web3
        self._tip = tip

    def step(self) -> bool:
        """Look once; always False, as the next look has time.

        Raises
        ------
        L1Unavailable
        """
        with typed_errors():
            self._tip.see(int(self._web3.eth.get_block("latest").get("baseFeePerGas", 0)))
        return False
