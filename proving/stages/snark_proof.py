"""A batch's SNARK, with the claim that it proves: what L1 is shown of a batch.

The claim is that of the batch's proof (`proving.stages.batch_proof`), and so are the checks of it; the proof is the
1,440 bytes that the contract takes.

Payload: claim, as in a batch's proof | SNARK.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proving.snark.key import SnarkKey
from proving.snark.layout import PRODUCTION
from proving.snark.statement import batch_inputs
from proving.snark.verifier import verify
from proving.stages import batch_proof
from proving.stages.batch_proof import CLAIM_BYTES, Claim
from proving.stark.security import Report
from runtime import artifact
from runtime.errors import InvalidInput, VerificationError
from runtime.protocol import PROTOCOL_VERSION

KIND = "snark_proof"
VERSION = 1
#: Largest artifact that is read, in bytes.
MAX_BYTES = 1 << 16
#: What the SNARK adds to the assumptions of the proof inside it, for people.
WRAP_SECURITY = "about 100 bits on BN254, KZG in the algebraic group model"


class MalformedSnarkProof(VerificationError):
    """The bytes are not a batch's SNARK of this version."""

    code = "malformed_snark_proof"
    default_remedy = "Copy it again from where it was made; `hallmark inspect FILE` shows what is in a file."


@dataclass(frozen=True)
class VerifiedSnark:
    """What a batch's SNARK shows, after every check passed.

    Attributes
    ----------
    output
        x10..x17 of the halted state, 32 bytes.
    security
        Of the proofs that the SNARK stands on.
    mark
        The setup's.
    """

    program_commitment: NDArray[np.uint64]
    output: bytes
    security: Report
    mark: str

    @property
    def wrap(self) -> str:
        """The security of the SNARK itself, in one line for people."""
        return wrap_security(self.mark)


def wrap_security(mark: str) -> str:
    """Return the security of SNARKs of a setup, in one line for people."""
    if mark == PRODUCTION:
        return WRAP_SECURITY
    return f"NONE, {mark.upper()}: whoever made the setup can prove anything"


def pack(claim: Claim, proof: bytes, *, protocol: str) -> bytes:
    """Return the artifact of a SNARK."""
    return artifact.pack(KIND, claim.to_bytes() + proof, version=VERSION, protocol=protocol)


def unpack(data: bytes, *, protocol: str | None = None) -> tuple[Claim, bytes]:
    """Parse a batch's SNARK into its claim and the proof.

    Raises
    ------
    MalformedSnarkProof
        What `pack` does not make.
    """
    try:
        found = artifact.unpack(data, kind=KIND, version=VERSION, protocol=protocol, limit=MAX_BYTES, plain=True)
        payload = found.payload
        return Claim.of_bytes(payload[:CLAIM_BYTES]), payload[CLAIM_BYTES:]
    except (InvalidInput, batch_proof.MalformedBatchProof) as error:
        raise MalformedSnarkProof(error.message) from error


def public_inputs(claim: Claim) -> list[int]:
    """Return a claim as the SNARK's public inputs, the ones that the contract computes."""
    return batch_inputs(
        program=claim.program_commitment.astype("<u8").tobytes(),
        key_set=claim.key_set.astype("<u8").tobytes(),
        protocol_version=claim.protocol,
        output=claim.output,
    )


def verify_snark(
    data: bytes,
    key: SnarkKey,
    *,
    profile: str,
    program_commitment: NDArray[np.uint64] | None = None,
    output: bytes | None = None,
) -> VerifiedSnark:
    """Check a SNARK's claim against what the caller expects, and the SNARK against the claim.

    Parameters
    ----------
    data
        Untrusted artifact.
    key
        The caller's verifying key.
    profile
        Of the proofs that the SNARK stands on.
    program_commitment, output
        What the caller expects; ``None`` accepts any and leaves the comparison to the caller.

    Raises
    ------
    VerificationError
        The subclass that names the first check that failed.
    """
    claim, proof = unpack(data, protocol=PROTOCOL_VERSION)
    batch_proof.check_claim(claim, profile=profile, program_commitment=program_commitment, output=output)
    verify(proof, public_inputs(claim), key)
    security = batch_proof.security(profile, compressed=True)
    return VerifiedSnark(claim.program_commitment, claim.output, security, key.mark)
