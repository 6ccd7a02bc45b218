"""The keys of the SNARK's circuit, from the keystore or made on first use.

A circuit is pinned; its keys follow from it and from a setup, so there are as many as setups and none is pinned.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

from proving.keys import keystore
from proving.snark.circuit import Circuit
from proving.snark.errors import SnarkKeyRefused
from proving.snark.key import SnarkKey
from proving.snark.layout import text_word, words
from proving.snark.proving_key import ProvingKey, make_key
from proving.snark.setup.powers import Setup


def proving_key(name: str, digest: str, circuit: Circuit, setup: Setup) -> ProvingKey:
    """Return the keys of a circuit for proving.

    The commitments are kept in the keystore and not compared when they are read: a prover verifies what it makes, and
    whoever verifies asks for a key of his own (`verifying_key`).

    Parameters
    ----------
    name, digest
        The circuit's name and the SHA-256 of its file.

    Raises
    ------
    SetupPower
        The setup has fewer powers than the circuit has rows.
    """
    path = _key_path(name, digest, setup)
    with suppress(SnarkKeyRefused):
        return make_key(circuit, setup, SnarkKey.from_bytes(keystore.read(path)))
    made = make_key(circuit, setup)
    keystore.write(path, made.key.to_bytes())
    return made


def verifying_key(circuit: Circuit, setup: Setup) -> SnarkKey:
    """Return the key of a circuit for verifying, committed to anew: what a contract is made from is not looked up."""
    return make_key(circuit, setup).key


def _key_path(name: str, digest: str, setup: Setup) -> Path:
    """Return the file of the commitments to a circuit under a setup; all of a setup's powers follow from its point."""
    known = hashlib.sha256(text_word(setup.mark) + words(*setup.point)).hexdigest()[:16]
    return keystore.folder() / f"{name}-{digest[:16]}-{known}.snark-key"
