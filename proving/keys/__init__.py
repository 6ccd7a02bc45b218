"""Keys of the circuits: from the keystore, or made on first use; always those that the repository pins."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import NamedTuple

from proving.keys import keystore
from proving.keys.errors import KeyMismatch
from proving.keys.registry import MAIN_VM
from proving.stark.key import Key

__all__ = ["MAIN_VM", "PINNED", "KeyMismatch", "Pin", "key", "pinned", "proving_key"]

#: Circuit name -> what is pinned of its key; a change is a decision.
PINNED = Path(__file__).with_name("pinned.json")


class Pin(NamedTuple):
    """What the repository says about a key.

    Attributes
    ----------
    digest
        The key's digest, which every transcript absorbs.
    head
        SHA-256 of the head of its file: of all that a verifier reads.
    """

    digest: str
    head: str


def pinned() -> dict[str, Pin]:
    """Return the pins by circuit name."""
    return {name: Pin(**pin) for name, pin in json.loads(PINNED.read_text()).items()}


@functools.cache
def key(name: str) -> Key:
    """Return the key of a circuit for verifying; its preprocessed columns are mapped and not looked at.

    Raises
    ------
    KeyMismatch
        This code's key is not the pinned one.
    """
    return _find(name, columns=False)


@functools.cache
def proving_key(name: str) -> Key:
    """Return the key of a circuit with its preprocessed columns; raises as :func:`key`."""
    return _find(name, columns=True)


def _find(name: str, *, columns: bool) -> Key:
    pin = pinned()[name]
    found = keystore.load(name, pin.head, columns=columns)
    if found is None:
        found = _make(name, pin)
    if found.hex != pin.digest:
        raise KeyMismatch(f"The key of {name} has digest {found.hex}, the repository pins {pin.digest}.")
    return found


def _make(name: str, pin: Pin) -> Key:
    """Make a key and store it where it is the pinned one."""
    from proving.keys import stored
    from proving.keys.make import make_key

    made = make_key(name)
    data = memoryview(stored.encode(made))
    head = stored.head_digest(data[: stored.head_length(data)])
    if made.hex == pin.digest and head != pin.head:
        raise KeyMismatch(
            f"The key of {name} is compiled to other arrays ({head}) than the repository pins ({pin.head})."
        )
    if head == pin.head:
        keystore.store(name, head, bytes(data))
    return made
