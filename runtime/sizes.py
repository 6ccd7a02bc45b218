"""Sizes as people write them."""

from __future__ import annotations

import re

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def parse_size(value: object) -> object:
    """Accept ``8G``, ``512M`` or a plain number of bytes."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d+)([KMGT]?)i?B?", value.strip().upper().replace("IB", "B"))
    if match is None:
        raise ValueError("expected a size such as 8G, 512M or a number of bytes")
    return int(match[1]) * _UNITS[match[2]]
