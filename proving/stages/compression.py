"""The stage `compress`: from a batch's proof to its SNARK, which L1 takes.

A last layer verifies the scheduler's proof and commits by a hash that is cheap over BN254's scalar field; the SNARK
verifies the last layer. Its keys follow from the pinned circuit and from a setup: a public ceremony's file, or one
that this machine makes, marked ``insecure-test``.
"""

from __future__ import annotations

import functools
from pathlib import Path

from proving import keys
from proving.backend.interface import Backend
from proving.keys import setups, snark_keys
from proving.keys.errors import NotCompressed
from proving.snark.key import SnarkKey
from proving.snark.proving_key import ProvingKey
from proving.snark.setup.powers import Setup
from proving.stages import wrapping
from proving.stages.layers import compress_proof
from runtime.errors import ConfigurationError
from runtime.progress import Progress

#: Share of the work that is the last layer's.
_LAYER = 0.5


def available(profile: str) -> bool:
    """Return whether proofs of a profile are compressed: a layer under it must reach its bits."""
    return bool(keys.circuits_of(profile).layers)


def compress(
    proof: bytes,
    *,
    profile: str,
    setup: Path | None = None,
    backend: Backend | None = None,
    progress: Progress | None = None,
) -> bytes:
    """Make the SNARK of a batch's proof and verify it.

    Parameters
    ----------
    proof
        A batch's proof, as an artifact.
    setup
        File of a public ceremony; an ``insecure-test`` setup of this machine when left out.

    Returns
    -------
    bytes
        The artifact of `proving.stages.snark_proof`.

    Raises
    ------
    VerificationError
        The proof does not hold.
    NotCompressed
        Proofs of this profile are not compressed.
    SetupRefused, SetupPower
        The ceremony's file cannot be used.
    """

    def tell(done: float, note: str) -> None:
        if progress is not None:
            progress(_LAYER * done, note)

    last = compress_proof(proof, profile=profile, backend=backend, progress=tell)
    if progress is not None:
        progress(_LAYER, "SNARK")
    return wrapping.wrap(last, proving_key=_proving_key(profile, setup), profile=profile, backend=backend)


def snark_key_digest(profile: str, setup: Path | None = None) -> str:
    """Return the digest of the key that SNARKs are made under here, 64 hexadecimal digits."""
    return _proving_key(profile, setup).key.digest.hex()


def verifying_key(profile: str, setup: Path | None = None) -> SnarkKey:
    """Return the key that SNARKs are made under here, computed anew: contracts are made from it."""
    return snark_keys.verifying_key(keys.snark_circuit(profile), _setup(profile, setup))


@functools.cache
def _proving_key(profile: str, setup: Path | None) -> ProvingKey:
    return wrapping.snark_keys(profile, _setup(profile, setup))


def _setup(profile: str, setup: Path | None) -> Setup:
    if not available(profile):
        raise NotCompressed(f"Proofs of profile {profile} are not compressed.")
    rows = keys.snark_circuit(profile).rows
    if setup is None:
        return setups.insecure_test(rows)
    try:
        return setups.read(setup, rows)
    except OSError as error:
        raise ConfigurationError(f"HALLMARK_SETUP: {setup} cannot be read: {error.strerror}.") from error
