"""Making the key of a registered circuit, which takes a compiler of circuits and a backend."""

from __future__ import annotations

import functools
from typing import NamedTuple

from proving.backend.native import NativeBackend
from proving.keys.registry import Find, describe
from proving.recursion.program import WitnessProgram
from proving.stark.generate import build_key
from proving.stark.key import Key
from proving.stark.security import PROFILES


class Made(NamedTuple):
    """A circuit's key, and its witness program where it verifies proofs."""

    key: Key
    program: WitnessProgram | None


def make_key(name: str, find: Find) -> Made:
    """Make a circuit's key with every profile that its proofs may have, without comparing it.

    Parameters
    ----------
    find
        Returns the keys of the circuits whose proofs this one verifies.
    """
    described = describe(name, find)
    key = build_key(
        described.circuit,
        backend=NativeBackend(),
        log_blowup=described.log_blowup,
        max_log_heights=described.max_log_heights,
        profiles=described.profiles or tuple(PROFILES),
        form=described.form,
    )
    return Made(key, described.program)


@functools.cache
def make_anew(name: str) -> Made:
    """Make what belongs to a circuit, and to those that it needs, from this code alone: nothing pinned or stored."""
    made = make_key(name, lambda needed: make_anew(needed).key)
    made.key.forget()
    return made
