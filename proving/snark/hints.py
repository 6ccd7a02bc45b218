"""Vector instructions of a witness's program whose results gates then check: quotients, inverses, a borrow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proving.field import extension
from proving.field.goldilocks import PRIME
from proving.native import POINTER, SIZE, UNSIGNED, function
from proving.snark.bn254.field import FR, Elements
from proving.snark.circuit import Ids
from proving.snark.steps import cut

_divide = function("hm_bn254_divide", None, [POINTER, UNSIGNED, POINTER, POINTER, SIZE])


def divide(limbs: NDArray[np.uint64], divisor: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return quotients ``(count, 4)`` and remainders ``(count,)`` of integers ``(count, 4)``, lowest limb first."""
    limbs = np.ascontiguousarray(limbs)
    quotients, remainders = np.empty_like(limbs), np.empty(len(limbs), dtype=np.uint64)
    _divide(limbs.ctypes.data, divisor, quotients.ctypes.data, remainders.ctypes.data, len(limbs))
    return quotients, remainders


@dataclass(frozen=True)
class DivideStep:
    """Variables get the quotients, in limbs, and remainders of others by the Goldilocks modulus.

    Attributes
    ----------
    value
        ``(lanes,)``.
    quotient
        ``(lanes, limbs)``, lowest first.
    bits
        Of each limb, at most 32.
    remainder
        ``(lanes,)``, or ``(0,)`` where it must be zero.
    """

    value: Ids
    quotient: Ids
    bits: int
    remainder: Ids

    def fill(self, values: Elements) -> None:
        """See `Step`."""
        quotients, remainders = divide(FR.to_limbs(values[self.value]), PRIME)
        values[self.quotient.reshape(-1)] = FR.from_u64(cut(quotients, self.bits, self.quotient.shape[1]).reshape(-1))
        if self.remainder.size:
            values[self.remainder] = FR.from_u64(remainders)


@dataclass(frozen=True)
class InvertStep:
    """Variables get the inverses of Goldilocks elements or of their cubic extension's; zero for zero.

    Attributes
    ----------
    value, out
        ``(lanes, 3)`` or ``(lanes, 1)``.
    """

    value: Ids
    out: Ids

    def fill(self, values: Elements) -> None:
        """See `Step`."""
        _, remainders = divide(FR.to_limbs(values[self.value.reshape(-1)]), PRIME)
        elements = np.zeros((len(self.value), 3), dtype=np.uint64)
        elements[:, : self.value.shape[1]] = remainders.reshape(self.value.shape)
        inverses = extension.inverse(elements)[:, : self.value.shape[1]]
        values[self.out.reshape(-1)] = FR.from_u64(np.ascontiguousarray(inverses).reshape(-1))


@dataclass(frozen=True)
class RatioStep:
    """Variables get the ratio of what words hold below and what they lack above; zero where they lack nothing.

    Of a word ``low + 2^32 high`` the ratio is ``low / (2^32 - 1 - high)``.

    Attributes
    ----------
    value, out
        ``(lanes,)``.
    """

    value: Ids
    out: Ids

    def fill(self, values: Elements) -> None:
        """See `Step`."""
        words = FR.to_limbs(values[self.value])[:, 0]
        low, lacking = words & np.uint64(2**32 - 1), np.uint64(2**32 - 1) - (words >> np.uint64(32))
        values[self.out] = FR.multiply(FR.from_u64(low), FR.inverse(FR.from_u64(lacking)))


@dataclass(frozen=True)
class ExceedsStep:
    """Variables get 1 where others of at most 128 bits exceed a threshold, else 0.

    Attributes
    ----------
    value, out
        ``(lanes,)``.
    low, high
        The threshold's lowest 64 bits, and the 64 above them.
    """

    value: Ids
    low: int
    high: int
    out: Ids

    def fill(self, values: Elements) -> None:
        """See `Step`."""
        limbs = FR.to_limbs(values[self.value])
        low, high = np.uint64(self.low), np.uint64(self.high)
        exceeds = (limbs[:, 1] > high) | ((limbs[:, 1] == high) & (limbs[:, 0] > low))
        values[self.out] = FR.from_u64(exceeds.astype(np.uint64))
