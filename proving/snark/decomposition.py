"""Integers out of elements of BN254's scalar field: the unique decomposition below the modulus r."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from proving.snark.builder import Builder
from proving.snark.circuit import Ids
from proving.snark.errors import CircuitRefused
from proving.snark.hints import ExceedsStep
from proving.snark.points import SCALAR_MODULUS
from proving.snark.steps import LimbStep

#: Bits of limbs that cover an element, and of each half of them.
_BITS = 256
_HALF = _BITS // 2


def pieces(builder: Builder, elements: Ids, widths: Sequence[int]) -> Ids:
    """Return pieces ``(..., len(widths))`` of each element's unique representative below r, the lowest first.

    An element has several decompositions into 256 bits, as r is far below 2^256; only the one that is below r passes.

    Parameters
    ----------
    widths
        Bits of the pieces, multiples of the table's; what is above them is not returned.
    """
    if any(width % builder.table_bits for width in (*widths, _HALF)) or sum(widths) > _BITS:
        raise CircuitRefused(f"Limbs of {builder.table_bits} bits do not make up pieces of {list(widths)} bits.")
    flat = elements.reshape(-1)
    count = _BITS // builder.table_bits
    limbs = builder.new(flat.size * count).reshape(flat.size, count)
    builder.step(LimbStep(flat, limbs, builder.table_bits))
    builder.look_up(limbs)
    low, high = (_number(builder, half) for half in np.split(limbs, 2, axis=1))
    builder.gate({"a": low, "b": high, "c": flat}, {"a": 1, "b": 1 << _HALF, "c": -1})
    # The largest element less this one, half by half with a borrow: neither difference may be negative.
    high_most, low_most = divmod(SCALAR_MODULUS - 1, 1 << _HALF)
    borrow = builder.new(flat.size)
    builder.step(ExceedsStep(low, low_most & (1 << 64) - 1, low_most >> 64, borrow))
    builder.assert_boolean(borrow)
    rest = builder.combine({"a": low, "b": borrow}, {"a": -1, "b": 1 << _HALF, "k": low_most})
    builder.limbs(rest, count // 2)
    rest = builder.combine({"a": high, "b": borrow}, {"a": -1, "b": -1, "k": high_most})
    builder.limbs(rest, count // 2)
    found, begin = [], 0
    for width in widths:
        end = begin + width // builder.table_bits
        found.append(_number(builder, limbs[:, begin:end]))
        begin = end
    return np.stack(found, axis=-1).reshape(*elements.shape, len(widths))


def _number(builder: Builder, limbs: Ids) -> Ids:
    """Return the numbers that limbs ``(lanes, count)`` make up."""
    return builder.weighted_sum(limbs, [1 << builder.table_bits * place for place in range(limbs.shape[1])])
