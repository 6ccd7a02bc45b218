"""Making the key of a registered circuit, which takes a compiler of circuits and a backend."""

from __future__ import annotations

import functools

from proving.backend.native import NativeBackend
from proving.keys.registry import CIRCUITS
from proving.stark.generate import build_key
from proving.stark.key import Key


@functools.cache
def make_key(name: str) -> Key:
    """Make a circuit's key with every profile, without comparing it."""
    described = CIRCUITS[name]()
    return build_key(
        described.circuit,
        backend=NativeBackend(),
        log_blowup=described.log_blowup,
        max_log_heights=described.max_log_heights,
    )
