"""Development mode: what a program's run would prove, without a proof.

The artifact is of a kind of its own, so that nothing that asks for a proof takes it for one.

Payload (little-endian): program commitment 4 u64 | output 32 bytes | cycles u64.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runtime import artifact
from runtime.errors import InvalidInput, VerificationError
from runtime.protocol import PROTOCOL_VERSION

KIND = "development-run"
VERSION = 1

_PAYLOAD = struct.Struct("<32s32sQ")


class NotProven(VerificationError):
    """The file was made in development mode: it holds no proof, and what it states is unproven."""

    code = "development_run"
    default_remedy = "Make a proof: leave out --development."


@dataclass(frozen=True)
class DevelopmentRun:
    """What a run in development mode states; nobody has proven it.

    Attributes
    ----------
    program_commitment
        ``(4,) uint64``.
    output
        The public output, 32 bytes.
    cycles
        Executed instructions.
    """

    program_commitment: NDArray[np.uint64]
    output: bytes
    cycles: int

    def pack(self) -> bytes:
        """Return the artifact."""
        commitment = self.program_commitment.astype("<u8").tobytes()
        payload = _PAYLOAD.pack(commitment, self.output, self.cycles)
        return artifact.pack(KIND, payload, version=VERSION, protocol=PROTOCOL_VERSION)

    @classmethod
    def unpack(cls, data: bytes) -> DevelopmentRun:
        """Parse an artifact.

        Raises
        ------
        InvalidInput
            It is none of this kind.
        """
        payload = artifact.unpack(data, kind=KIND, version=VERSION, limit=_PAYLOAD.size).payload
        if len(payload) != _PAYLOAD.size:
            raise InvalidInput(f"A development run has {_PAYLOAD.size} bytes, not {len(payload)}.")
        commitment, output, cycles = _PAYLOAD.unpack(payload)
        words = np.frombuffer(commitment, dtype="<u8").astype(np.uint64)
        return cls(words, output, cycles)


def refuse(header: artifact.Header) -> None:
    """Refuse an artifact of development mode where a proof is asked for.

    Raises
    ------
    NotProven
    """
    if header.kind == KIND:
        raise NotProven
