"""The tip that a transaction must pay at the door so that it bears its share of L1's gas, at L1's price of late.

The base fee is a constant of the chain and part of what is proven. The tip is not: whoever seals decides which
transactions to take. So the price follows L1's in the tip, and what waits already stays as it is.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from runtime.errors import InvalidInput

#: Gas on L1 for a batch of transfers (to commit, prove and execute it), and for each transfer in it (docs/fees.md).
BATCH_GAS, TRANSFER_GAS = 632_000, 1_058

#: Gas of a transfer on the rollup, which its share of L1's is spread over.
ROLLUP_GAS = 21_000

#: After this many seconds 63 % of a change of L1's price has come through, after one of L1's blocks 4 %: a minute of
#: other people's haste is hardly felt.
SMOOTHING_SECONDS = 300.0


class TipTooLow(InvalidInput):
    """The transaction pays less than its share of L1's gas."""

    code = "transaction_underpriced"
    default_remedy = "Ask for eth_gasPrice or eth_maxPriorityFeePerGas, and sign the transaction with that price."


class LeastTip:
    """Follows L1's base fee. May be used from any thread.

    Parameters
    ----------
    percent
        Part of the share that is asked for; 0 asks for nothing.
    most
        Wei per gas that are never passed.
    transactions
        How many transactions are reckoned to share a batch's gas.
    clock
        Seconds; only differences count.
    """

    def __init__(self, percent: int, most: int, transactions: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._share = percent / 100 * (BATCH_GAS / transactions + TRANSFER_GAS) / ROLLUP_GAS
        self._most = most
        self._clock = clock
        self._seen: tuple[float, float] | None = None

    def see(self, base_fee: int) -> None:
        """Take note of L1's base fee now, wei per gas: the first counts at once, later ones by and by."""
        # No block can do more than take the tip towards its bound.
        now, fee = self._clock(), min(float(base_fee), self._most / self._share if self._share else 0.0)
        if self._seen is not None:
            before, smooth = self._seen
            fee = smooth + (fee - smooth) * -math.expm1(-max(0.0, now - before) / SMOOTHING_SECONDS)
        self._seen = now, fee

    @property
    def wei(self) -> int:
        """Wei per gas; 0 before the first look at L1. While L1 does not answer, what it was last."""
        seen = self._seen
        return 0 if seen is None else min(math.ceil(seen[1] * self._share), self._most)

    @property
    def suggested(self) -> int:
        """Wei per gas for wallets: an eighth more, as much as may come until the transaction does."""
        return min(self.wei * 9 // 8, self._most)

    def require(self, price: int, base_fee: int) -> None:
        """Refuse a transaction that pays `price` wei per gas where the chain's base fee is `base_fee`.

        Raises
        ------
        TipTooLow
        """
        least = self.wei
        if price - base_fee < least:
            raise TipTooLow(
                f"transaction underpriced: it pays a tip of {price - base_fee} wei per gas, L1's price asks for {least}"
            )
