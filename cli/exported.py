"""Files by which a batch is proven on a machine that reaches neither job store nor artifact store."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from runtime import artifact
from runtime.errors import InvalidInput

#: Kinds of the two files, and the version of both.
WORK, PROVEN, VERSION = "batch_to_prove", "proven_batch", 1
#: Largest file that is read, in bytes.
MAX_BYTES = 5 << 30


class _Named(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which batch it is, and for which keys.

    Attributes
    ----------
    program_commitment
        64 hexadecimal digits.
    key_identity, snark_key
        What the batch's jobs name: keys of its proof, and of its SNARK where core asks for one.
    """

    chain_id: int
    number: int
    program_commitment: str
    key_identity: str
    snark_key: str


class BatchWork(_Named, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A batch to be proven: its program, an ELF file, and the program's input."""

    program: bytes
    advice: bytes


class ProvenBatch(_Named, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a prover returns of a batch: its proof, with the SNARK where one was asked for."""

    result: bytes


T = TypeVar("T", BatchWork, ProvenBatch)
_KINDS: dict[type, str] = {BatchWork: WORK, ProvenBatch: PROVEN}


def pack(batch: BatchWork | ProvenBatch, *, protocol: str) -> bytes:
    """Return a file's bytes."""
    payload = msgspec.msgpack.encode(batch)
    return artifact.pack(_KINDS[type(batch)], payload, version=VERSION, protocol=protocol, compress=True)


def unpack(data: bytes, kind: type[T]) -> tuple[T, str]:
    """Return what a file holds, and its protocol version.

    Raises
    ------
    ArtifactKind, ArtifactVersion, ArtifactTruncated, ArtifactCorrupt, TooLarge, InvalidInput
        It is another file, of another version, damaged, too large, or does not hold what it must.
    """
    found = artifact.unpack(data, kind=_KINDS[kind], version=VERSION, limit=MAX_BYTES)
    try:
        return msgspec.msgpack.decode(found.payload, type=kind), found.header.protocol
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"Not a {found.kind}: {error}") from None
