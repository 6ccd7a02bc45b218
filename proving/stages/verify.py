"""The stages `verify_batch` and `verify_run`, and the identity of the keys they use; neither loads a prover."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from proving import keys
from proving.stages import batch_proof, proof, run_proof
from runtime.errors import InvalidInput
from runtime.protocol import PROTOCOL_VERSION


def verify_batch(
    data: bytes, *, program_commitment: NDArray[np.uint64] | None, profile: str, output: bytes | None = None
) -> batch_proof.Verified:
    """Verify a batch's proof; see `proving.stages.batch_proof.check`."""
    claim, made = batch_proof.unpack(data, protocol=PROTOCOL_VERSION)
    return batch_proof.check(claim, made, profile=profile, program_commitment=program_commitment, output=output)


def verify_run(
    data: bytes, *, program_commitment: NDArray[np.uint64] | None, profile: str, output: bytes | None = None
) -> batch_proof.Verified:
    """Verify what `hallmark prove` makes: a batch's proof, or that of a run's only segment."""
    try:
        return verify_batch(data, program_commitment=program_commitment, profile=profile, output=output)
    except batch_proof.NotJoined:
        return run_proof.check(data, profile=profile, program_commitment=program_commitment, output=output)


def verify_segment(data: bytes, *, publics: NDArray[np.uint64], profile: str) -> bytes:
    """Verify a segment proof on its own and return its bare proof.

    Parameters
    ----------
    publics
        ``(8,) uint64``: the start and end digest that it must be about.

    Raises
    ------
    VerificationError, InvalidInput
        It is refused; it is no segment proof, or one about other digests.
    """
    found = proof.unpack(data, protocol=PROTOCOL_VERSION)
    if not np.array_equal(found.publics, publics):
        raise InvalidInput("The segment proof is about another segment.")
    proof.check(found.publics, found.proof, profile=profile)
    return found.proof


def key_digest(profile: str) -> str:
    """Return the digest of the key set under a profile, 64 hexadecimal digits: what all components must agree on."""
    return keys.key_set_digest(profile)
