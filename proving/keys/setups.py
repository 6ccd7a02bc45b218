"""Where the setup of the SNARK comes from: a ceremony's file, an extract of one, or this machine."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from proving.keys import keystore
from proving.snark.setup import extract, insecure, ptau
from proving.snark.setup.errors import SetupRefused
from proving.snark.setup.powers import Setup
from runtime import artifact
from runtime.errors import ArtifactError

_PTAU = b"ptau"


def read(path: Path, rows: int) -> Setup:
    """Return the setup of a `.ptau` file or an extract, as it is marked, checked in full.

    Raises
    ------
    SetupRefused, ArtifactError
        It is neither, or it is damaged.
    SetupPower
        It has fewer powers than the circuit has rows.
    """
    with path.open("rb") as stream:
        kind = stream.read(len(artifact.MAGIC))
    if kind.startswith(_PTAU):
        return ptau.read(path, rows)
    found = extract.unpack(path.read_bytes())
    found.first(rows)
    return found


def insecure_test(rows: int) -> Setup:
    """Return an ``insecure-test`` setup of this machine, made on first use and kept in the keystore."""
    path = keystore.folder() / f"insecure-test-{rows.bit_length() - 1}.setup"
    # Every making has a secret of its own, and core's key must be that of the compressor beside it.
    with keystore.alone(path):
        with suppress(ArtifactError, SetupRefused):
            return extract.unpack(keystore.read(path))
        made = insecure.make(rows)
        keystore.write(path, extract.pack(made))
        return made
