"""The artifact of a proof made by a circuit that verifies proofs: the circuit's name, its public input, the proof.

Payload (little-endian): length of the name u8 | name | elements u8 | public input u64 each | proof.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proving.stages.statement import MalformedStatement, canonical
from runtime import artifact

KIND = "recursion_proof"
VERSION = 1
#: Largest artifact that is read, in bytes.
MAX_BYTES = 1 << 24

_NAME = struct.Struct("<B")


@dataclass(frozen=True)
class RecursionProof:
    """A proof with what it claims.

    Attributes
    ----------
    circuit
        Name of the circuit, see :mod:`proving.keys.family`.
    publics
        ``(n,) uint64``, the circuit's public input.
    """

    circuit: str
    publics: NDArray[np.uint64]
    proof: bytes

    def encode(self) -> bytes:
        """Return the payload."""
        name = self.circuit.encode()
        head = _NAME.pack(len(name)) + name + _NAME.pack(self.publics.size)
        return head + self.publics.astype("<u8").tobytes() + self.proof

    @classmethod
    def decode(cls, payload: bytes) -> RecursionProof:
        """Parse a payload.

        Raises
        ------
        MalformedStatement
            It ends early, its name is no text, or an element is not below p.
        """
        try:
            name_end = 1 + payload[0]
            publics_start = name_end + 1
            publics_end = publics_start + 8 * payload[name_end]
            circuit = payload[1:name_end].decode("ascii")
        except (IndexError, UnicodeDecodeError) as error:
            raise MalformedStatement("The proof names no circuit.") from error
        if len(payload) < publics_end:
            raise MalformedStatement("The proof has no complete public input.")
        publics = np.frombuffer(payload[publics_start:publics_end], dtype="<u8").astype(np.uint64)
        return cls(circuit, canonical(publics), payload[publics_end:])


def pack(proof: RecursionProof, *, protocol: str) -> bytes:
    """Return the artifact."""
    return artifact.pack(KIND, proof.encode(), version=VERSION, protocol=protocol)


def unpack(data: bytes, *, protocol: str | None = None) -> RecursionProof:
    """Parse the artifact.

    Raises
    ------
    ArtifactError
        Another kind, version or protocol; truncated or corrupt bytes.
    MalformedStatement
        A payload that is none.
    """
    opened = artifact.unpack(data, kind=KIND, version=VERSION, protocol=protocol, limit=MAX_BYTES)
    return RecursionProof.decode(opened.payload)
