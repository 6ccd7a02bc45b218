"""Making the key of a registered circuit, which takes a compiler of circuits and a backend."""

from __future__ import annotations

import functools

from proving.backend.native import NativeBackend
from proving.keys.registry import Find, describe
from proving.stark.generate import build_key
from proving.stark.key import Key


def make_key(name: str, find: Find) -> Key:
    """Make a circuit's key with every profile, without comparing it.

    Parameters
    ----------
    find
        Returns the keys of the circuits whose proofs this one verifies.
    """
    described = describe(name, find)
    return build_key(
        described.circuit,
        backend=NativeBackend(),
        log_blowup=described.log_blowup,
        max_log_heights=described.max_log_heights,
    )


@functools.cache
def make_anew(name: str) -> Key:
    """Make a circuit's key, and those that it needs, from this code alone: nothing pinned or stored is looked at."""
    made = make_key(name, make_anew)
    made.forget()
    return made
