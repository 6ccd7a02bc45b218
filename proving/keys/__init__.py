"""Keys of the circuits, made on first use and compared with the digests pinned in the repository."""

from __future__ import annotations

import functools
import json
from pathlib import Path

from proving.backend.native import NativeBackend
from proving.machine.main_vm.circuit import circuit
from proving.machine.main_vm.shape import LOG_BLOWUP, max_log_heights
from proving.stark.key import Key, build_key
from runtime.errors import ConfigurationError

#: Circuit name -> key digest in hexadecimal; a changed digest is a decision.
PINNED = Path(__file__).with_name("pinned.json")


class KeyMismatch(ConfigurationError):
    """A key made from this code is not the one that the repository pins."""

    code = "key_mismatch"
    default_remedy = "Run one release everywhere; `hallmark doctor` prints the digests."


@functools.cache
def make_main_vm_key() -> Key:
    """Make the key of `main_vm` with every profile, without comparing it."""
    return build_key(circuit(), backend=NativeBackend(), log_blowup=LOG_BLOWUP, max_log_heights=max_log_heights())


@functools.cache
def main_vm_key() -> Key:
    """Return the key of `main_vm`.

    Raises
    ------
    KeyMismatch
        Its digest is not the pinned one.
    """
    key = make_main_vm_key()
    pinned = json.loads(PINNED.read_text())[key.name]
    if key.hex != pinned:
        raise KeyMismatch(f"The key of {key.name} has digest {key.hex}, the repository pins {pinned}.")
    return key
