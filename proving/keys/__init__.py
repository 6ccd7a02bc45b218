"""Keys of the circuits: from the keystore, or made on first use; always those that the repository pins."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from proving.keys import keystore
from proving.keys.errors import KeyMismatch
from proving.keys.registry import MAIN_VM

if TYPE_CHECKING:
    from proving.keys.family import Family
    from proving.recursion.program import WitnessProgram
    from proving.snark.circuit import Circuit as SnarkCircuit
    from proving.stark.arithmetic import Words
    from proving.stark.key import Key

__all__ = [
    "MAIN_VM",
    "PINNED",
    "KeyMismatch",
    "KeySet",
    "Pin",
    "circuits_of",
    "key",
    "key_set",
    "key_set_digest",
    "key_sets",
    "pinned",
    "program",
    "proving_key",
    "snark_circuit",
    "snark_pins",
]

#: What is pinned of the keys and key sets; a change is a decision.
PINNED = Path(__file__).with_name("pinned.json")
#: Keys that a process holds ready for proving: about 150 MB each.
PROVING_KEYS = 4
#: Witness programs that a process holds: a few MB each, mapped, so that processes share them.
PROGRAMS = 8


class Pin(NamedTuple):
    """What the repository says about a key.

    Attributes
    ----------
    digest
        The key's digest, which every transcript absorbs.
    head
        SHA-256 of the head of its file: of all that a verifier reads.
    program
        SHA-256 of the file of its witness program; empty for a circuit that verifies no proofs.
    """

    digest: str
    head: str
    program: str = ""


class KeySet(NamedTuple):
    """The keys that a batch's proof may consist of under a profile: entries ``(n, 4)`` and their digest ``(4,)``."""

    entries: Words
    digest: Words


def pinned() -> dict[str, Pin]:
    """Return the pins by circuit name."""
    return {name: Pin(**pin) for name, pin in json.loads(PINNED.read_text())["keys"].items()}


def key_sets() -> dict[str, str]:
    """Return the pinned digests of the key sets by profile, 64 hexadecimal digits each."""
    return {profile: str(digest) for profile, digest in json.loads(PINNED.read_text())["key_sets"].items()}


def snark_pins() -> dict[str, str]:
    """Return the SHA-256 of the SNARK's circuit by profile, pinned; only profiles with a last layer have one."""
    return {profile: str(digest) for profile, digest in json.loads(PINNED.read_text())["snark_circuits"].items()}


def key_set_digest(profile: str) -> str:
    """Return the pinned digest of a profile's key set, 64 hexadecimal digits.

    Raises
    ------
    KeyMismatch
        There is none for this profile.
    """
    found = key_sets().get(profile)
    if found is None:
        raise KeyMismatch(f"The repository pins no key set for profile {profile}.")
    return found


@functools.cache
def circuits_of(profile: str) -> Family:
    """Return the circuits that aggregate under a profile."""
    from proving.keys.family import family_of

    return family_of(profile, pinned())


@functools.cache
def key_set(profile: str) -> KeySet:
    """Return the key set of a profile.

    Raises
    ------
    KeyMismatch
        The pinned digest is not that of the pinned keys.
    """
    from proving.recursion.claims import key_set_digest as digest_of

    pins = pinned()
    entries = circuits_of(profile).entries({name: words_of(pin.digest) for name, pin in pins.items()})
    digest = digest_of(entries)
    if hex_of(digest) != key_set_digest(profile):
        raise KeyMismatch(
            f"The pinned keys of {profile} make the key set {hex_of(digest)}, pinned is {key_set_digest(profile)}."
        )
    return KeySet(entries, digest)


@functools.cache
def key(name: str) -> Key:
    """Return the key of a circuit for verifying; its preprocessed columns are mapped and not looked at.

    Raises
    ------
    KeyMismatch
        This code's key is not the pinned one.
    """
    return _find(name, columns=False)


@functools.lru_cache(maxsize=PROVING_KEYS)
def proving_key(name: str) -> Key:
    """Return the key of a circuit with its preprocessed columns; raises as :func:`key`.

    The last few are kept, since a prover holds their columns extended and committed to.
    """
    return _find(name, columns=True)


@functools.lru_cache(maxsize=PROGRAMS)
def program(name: str) -> WitnessProgram:
    """Return what the witness of a circuit that verifies proofs is filled from.

    Raises
    ------
    KeyMismatch
        This code's program is not the pinned one.
    """
    from proving.keys.registry import write

    pin = pinned()[name]
    found = keystore.load_program(name, pin.program)
    if found is None:
        found = write(name, key).program
        if _store_program(name, found) != pin.program:
            raise KeyMismatch(f"This code's witness program of {name} is not the one that the repository pins.")
    return found


@functools.lru_cache(maxsize=1)
def snark_circuit(profile: str) -> SnarkCircuit:
    """Return the SNARK's circuit, which verifies proofs of a profile's last layer.

    Raises
    ------
    KeyMismatch
        This code's circuit is not the pinned one, or the profile has no last layer.
    """
    from proving.keys import described
    from proving.keys import snark_circuits as files
    from proving.keys.family import wrap_name
    from proving.keys.registry import write_snark

    pin = snark_pins().get(profile)
    if pin is None:
        raise KeyMismatch(f"The repository pins no SNARK for profile {profile}.")
    found = keystore.load_circuit(wrap_name(profile), pin)
    if found is None:
        found = write_snark(profile, key)
        data = files.encode(found)
        if described.digest(data) != pin:
            raise KeyMismatch(f"This code's SNARK circuit for {profile} is not the one that the repository pins.")
        keystore.write(keystore.circuit_path_of(wrap_name(profile), pin), data)
    return found


def words_of(digest: str) -> Words:
    """Return the words ``(4,)`` of a digest in hexadecimal."""
    return np.frombuffer(bytes.fromhex(digest), dtype=">u8").astype(np.uint64)


def hex_of(digest: Words) -> str:
    """Return a digest ``(4,)`` as people see it: 64 hexadecimal digits."""
    return "".join(f"{int(word):016x}" for word in digest)


def _find(name: str, *, columns: bool) -> Key:
    pin = pinned()[name]
    found = keystore.load(name, pin.head, columns=columns)
    if found is None:
        found = _make(name, pin)
    if found.hex != pin.digest:
        raise KeyMismatch(f"The key of {name} has digest {found.hex}, the repository pins {pin.digest}.")
    return found


def _make(name: str, pin: Pin) -> Key:
    """Make a key and store it where it is the pinned one, and the witness program that comes with it."""
    from proving.keys import stored
    from proving.keys.make import make_key

    made, written = make_key(name, key)
    data = memoryview(stored.encode(made))
    head = stored.head_digest(data[: stored.head_length(data)])
    if made.hex == pin.digest and head != pin.head:
        raise KeyMismatch(
            f"The key of {name} is compiled to other arrays ({head}) than the repository pins ({pin.head})."
        )
    if head == pin.head:
        keystore.write(keystore.path_of(name, head), bytes(data))
    if written is not None:
        _store_program(name, written)
    return made


def _store_program(name: str, written: WitnessProgram) -> str:
    """Store a witness program where it is the pinned one; return its digest."""
    from proving.keys import described, programs

    data = programs.encode(written)
    digest = described.digest(data)
    if digest == pinned()[name].program:
        keystore.write(keystore.program_path_of(name, digest), data)
    return digest
