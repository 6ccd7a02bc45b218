"""The proof of a run that is one segment and requests nothing: that segment's, with the state in which it ends.

Nothing is to be joined there, so the proof is made in a fraction of the time of a batch's, and claims the same. Its
size grows with the segment, and no SNARK is made of it.

Payload (little-endian): claim, as in `proving.stages.batch_proof` | final state (`State.to_bytes`, halted) | proof.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from proving import keys
from proving.machine.layout import LayoutError
from proving.machine.state import STATE_BYTES, State, empty_requests
from proving.stages import batch_proof, proof
from proving.stages.batch_proof import CLAIM_BYTES, RUN_KIND, Claim, MalformedBatchProof, Verified
from proving.stages.statement import Statement
from runtime import artifact
from runtime.errors import InvalidInput, VerificationError
from runtime.protocol import PROTOCOL_NUMBER, PROTOCOL_VERSION

VERSION = 1


class NotTheRun(VerificationError):
    """The state that the file holds is not the end of the run that it claims."""

    code = "not_the_run"
    default_remedy = "Copy it again from where it was made, or prove the run again."


def covers(statement: Statement) -> bool:
    """Whether one segment's proof shows all that a run's statement says."""
    return statement.segments == 1 and np.array_equal(statement.final.requests, empty_requests())


def pack(statement: Statement, segment_proof: bytes, *, profile: str) -> bytes:
    """Return the artifact of a run's only segment proof.

    Parameters
    ----------
    statement
        What :func:`covers` holds of.
    segment_proof
        Artifact of the segment's proof.
    """
    made = proof.unpack(segment_proof, protocol=PROTOCOL_VERSION).proof
    key_set = keys.words_of(keys.key_set_digest(profile))
    claim = Claim(key_set, statement.program_commitment, PROTOCOL_NUMBER, statement.final.output())
    payload = claim.to_bytes() + statement.final.to_bytes() + made
    return artifact.pack(RUN_KIND, payload, version=VERSION, protocol=PROTOCOL_VERSION)


def unpack(data: bytes, *, protocol: str | None = None) -> tuple[Claim, State, bytes]:
    """Parse the artifact into its claim, the final state and the bare proof.

    Raises
    ------
    MalformedBatchProof
        Anything that `pack` does not make.
    """
    try:
        found = artifact.unpack(
            data, kind=RUN_KIND, version=VERSION, protocol=protocol, limit=proof.MAX_BYTES, plain=True
        )
        payload = found.payload
        claim, rest = Claim.of_bytes(payload), payload[CLAIM_BYTES:]
        return claim, State.from_bytes(rest[:STATE_BYTES]), rest[STATE_BYTES:]
    except (InvalidInput, LayoutError) as error:
        raise MalformedBatchProof(error.message) from error


def publics(claim: Claim, final: State) -> NDArray[np.uint64]:
    """Return the digests that the segment's proof must be about, ``(8,) uint64``: the run's start and its end."""
    return np.concatenate([claim.program_commitment, final.digest()])


def check(
    data: bytes,
    *,
    profile: str,
    program_commitment: NDArray[np.uint64] | None = None,
    output: bytes | None = None,
) -> Verified:
    """Check an artifact against what the caller expects; see :func:`proving.stages.batch_proof.check`.

    Raises
    ------
    VerificationError
        The subclass that names the first check that failed.
    """
    claim, final, made = unpack(data, protocol=PROTOCOL_VERSION)
    batch_proof.check_claim(claim, profile=profile, program_commitment=program_commitment, output=output)
    if not final.halted:
        raise NotTheRun("The run's last state is not halted.")
    if not np.array_equal(final.requests, empty_requests()):
        raise NotTheRun("The run has made requests, which the proof of a segment does not show.")
    if final.output() != claim.output:
        raise NotTheRun(f"The run's output is {final.output().hex()}, claimed is {claim.output.hex()}.")
    proof.check(publics(claim, final), made, profile=profile)
    return Verified(claim.program_commitment, claim.output, keys.key(keys.MAIN_VM).report(profile))
