"""The artifact of one segment proof: public input (start and end digest) and proof bytes; and checking such a proof."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proving import keys
from proving.machine.main_vm import shapes
from proving.stages.statement import MalformedStatement, canonical
from proving.stark.verifier import verify
from runtime import artifact

KIND = "segment_proof"
VERSION = 1
#: Largest proof artifact that is read, in bytes.
MAX_BYTES = 1 << 24

_PUBLICS = 8


@dataclass(frozen=True)
class SegmentProof:
    """A segment proof with the step it claims.

    Attributes
    ----------
    publics
        ``(8,) uint64``: start digest, end digest.
    """

    publics: NDArray[np.uint64]
    proof: bytes


def pack(publics: NDArray[np.uint64], proof: bytes, *, protocol: str) -> bytes:
    """Return the artifact."""
    return artifact.pack(KIND, publics.astype("<u8").tobytes() + proof, version=VERSION, protocol=protocol)


def unpack(data: bytes, *, protocol: str | None = None) -> SegmentProof:
    """Parse the artifact.

    Raises
    ------
    ArtifactError
        Another kind, version or protocol; truncated or corrupt bytes.
    MalformedStatement
        Public input that is missing or not canonical.
    """
    payload = artifact.unpack(data, kind=KIND, version=VERSION, protocol=protocol, limit=MAX_BYTES).payload
    if len(payload) < 8 * _PUBLICS:
        raise MalformedStatement("The segment proof has no complete public input.")
    publics = np.frombuffer(payload, dtype="<u8", count=_PUBLICS).astype(np.uint64)
    return SegmentProof(canonical(publics), payload[8 * _PUBLICS :])


def check(publics: NDArray[np.uint64], proof: bytes, *, profile: str) -> int:
    """Check that a proof is one of a segment with these digests, and return the number of its shape.

    Parameters
    ----------
    proof
        Bare proof bytes, untrusted.

    Raises
    ------
    VerificationError
        The proof is refused; `proving.machine.main_vm.shapes.UnlistedShape` when its heights are no segment's.
    """
    return shapes.number(verify(keys.key(keys.MAIN_VM), profile, publics, proof).log_heights)
