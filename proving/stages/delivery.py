"""What a prover returns of a batch that is for L1: the batch's proof, and its SNARK.

Payload (little-endian): length of the proof u32 | the proof's artifact | the SNARK's artifact.
"""

from __future__ import annotations

import struct

from proving.stages import batch_proof, snark_proof
from runtime import artifact
from runtime.errors import InvalidInput, VerificationError

KIND = "delivery"
VERSION = 1
#: Largest artifact that is read, in bytes.
MAX_BYTES = batch_proof.MAX_BYTES + snark_proof.MAX_BYTES + 4096

_LENGTH = struct.Struct("<I")


class MalformedDelivery(VerificationError):
    """The bytes are not a batch's proof with its SNARK."""

    code = "malformed_delivery"
    default_remedy = "Core asks for a SNARK (HALLMARK_CORE_SNARK_KEY); provers of this release return one when it does."


def pack(proof: bytes, snark: bytes, *, protocol: str) -> bytes:
    """Return the artifact of a batch's proof and its SNARK, both artifacts themselves."""
    return artifact.pack(KIND, _LENGTH.pack(len(proof)) + proof + snark, version=VERSION, protocol=protocol)


def is_one(data: bytes) -> bool:
    """Return whether bytes say that they are a delivery."""
    try:
        return artifact.read_header(data).kind == KIND
    except InvalidInput:
        return False


def unpack(data: bytes, *, protocol: str | None = None) -> tuple[bytes, bytes]:
    """Return the artifacts of the batch's proof and of its SNARK; neither is looked into.

    Raises
    ------
    MalformedDelivery
        What `pack` does not make.
    """
    try:
        found = artifact.unpack(data, kind=KIND, version=VERSION, protocol=protocol, limit=MAX_BYTES, plain=True)
        payload = found.payload
    except InvalidInput as error:
        raise MalformedDelivery(error.message) from error
    if len(payload) < _LENGTH.size:
        raise MalformedDelivery("The delivery ends before the length of its proof.")
    [length] = _LENGTH.unpack_from(payload)
    if len(payload) < _LENGTH.size + length:
        raise MalformedDelivery("The delivery ends within its proof.")
    return payload[_LENGTH.size : _LENGTH.size + length], payload[_LENGTH.size + length :]
