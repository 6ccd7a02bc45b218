"""The envelope of every artifact: magic, version, kind, protocol, length and checksum around a payload.

Layout (little-endian)::

    offset  size  field
    0       8     magic "HALLMARK"
    8       2     envelope version (1)
    10      2     version of the payload's own format
    12      1     codec: 0 none, 1 zstd
    13      1     length k of the kind
    14      1     length p of the protocol version
    15      1     zero
    16      8     payload length in bytes, before compression
    24      8     stored length in bytes
    32      32    SHA-256 of bytes 0..32, kind, protocol and the payload before compression
    64      k+p   kind, protocol version (ASCII)
    64+k+p        the stored payload; nothing follows it

The checksum covers the header, so a changed kind or version is seen as corruption.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import struct
from collections.abc import Iterable
from dataclasses import dataclass

import zstandard

from runtime.errors import ArtifactCorrupt, ArtifactKind, ArtifactTruncated, ArtifactVersion, TooLarge

MAGIC = b"HALLMARK"
ENVELOPE_VERSION = 1
#: Largest payload that is unpacked unless the caller allows more, in bytes.
DEFAULT_LIMIT = 4 << 30

_HEADER = struct.Struct("<8sHHBBBBQQ32s")
#: Bytes before the payload, at most: a kind and a protocol version of 255 characters each.
_LONGEST_HEADER = _HEADER.size + 2 * 255
_PLAIN, _ZSTD = 0, 1


@dataclass(frozen=True)
class Header:
    """What an artifact says about itself, before its payload is read."""

    kind: str
    version: int
    protocol: str
    payload_length: int
    stored_length: int
    compressed: bool
    sha256: str
    payload_offset: int


@dataclass(frozen=True)
class Artifact:
    """An artifact whose checksum has been verified."""

    header: Header
    payload: bytes

    @property
    def kind(self) -> str:
        """Kind of the payload, such as ``checkpoint``."""
        return self.header.kind

    @property
    def version(self) -> int:
        """Version of the payload's own format."""
        return self.header.version


def pack(kind: str, payload: bytes, *, version: int = 1, protocol: str = "", compress: bool = False) -> bytes:
    """Wrap ``payload`` in an envelope; see :func:`parts`."""
    return b"".join(parts(kind, payload, version=version, protocol=protocol, compress=compress))


def parts(
    kind: str, payload: bytes, *, version: int = 1, protocol: str = "", compress: bool = False
) -> tuple[bytes, bytes]:
    """Return an artifact in two parts, header and stored payload, so that a large payload is not copied.

    Parameters
    ----------
    kind, protocol
        ASCII, at most 255 characters each; ``kind`` is not empty.
    version
        Version of the payload's own format, below 2^16.
    compress
        Try zstd (level 3) and keep it when it is smaller. Deterministic for one library version.

    Raises
    ------
    ValueError
        A kind or protocol that does not fit: a fault of the caller, not of the input.
    """
    kind_bytes, protocol_bytes = kind.encode("ascii"), protocol.encode("ascii")
    if not 0 < len(kind_bytes) < 256 or len(protocol_bytes) > 255 or not 0 <= version < 1 << 16:
        raise ValueError(f"kind {kind!r}, protocol {protocol!r} or version {version} does not fit the envelope")
    codec, stored = _PLAIN, payload
    if compress:
        smaller = zstandard.ZstdCompressor(level=3).compress(payload)
        if len(smaller) < len(payload):
            codec, stored = _ZSTD, smaller
    names = kind_bytes + protocol_bytes
    fields = (MAGIC, ENVELOPE_VERSION, version, codec, len(kind_bytes), len(protocol_bytes), 0)
    head = _HEADER.pack(*fields, len(payload), len(stored), bytes(32))[:32]
    return head + _checksum(head, names, payload) + names, stored


def read_header(data: bytes) -> Header:
    """Parse the envelope's header; ``data`` may end right after it.

    Raises
    ------
    ArtifactCorrupt
        Not an artifact, or a header that breaks the layout.
    ArtifactTruncated
        The data ends inside the header.
    ArtifactVersion
        An envelope of another version.
    """
    if len(data) < _HEADER.size:
        if data[:8] != MAGIC[: len(data)]:
            raise ArtifactCorrupt("This is not a Hallmark artifact: the magic is missing.")
        raise ArtifactTruncated(f"The artifact ends after {len(data)} bytes, inside its header.")
    magic, envelope, version, codec, kind_size, protocol_size, zero, length, stored, checksum = _HEADER.unpack(
        data[: _HEADER.size]
    )
    if magic != MAGIC:
        raise ArtifactCorrupt("This is not a Hallmark artifact: the magic is missing.")
    if envelope != ENVELOPE_VERSION:
        raise ArtifactVersion(f"The artifact's envelope has version {envelope}, this release reads {ENVELOPE_VERSION}.")
    if codec not in (_PLAIN, _ZSTD) or zero or not kind_size or (codec == _PLAIN and stored != length):
        raise ArtifactCorrupt("The artifact's header breaks the layout.")
    end = _HEADER.size + kind_size + protocol_size
    if len(data) < end:
        raise ArtifactTruncated(f"The artifact ends after {len(data)} bytes, inside its header.")
    try:
        kind = data[_HEADER.size : _HEADER.size + kind_size].decode("ascii")
        protocol = data[_HEADER.size + kind_size : end].decode("ascii")
    except UnicodeDecodeError:
        raise ArtifactCorrupt("The artifact's kind is not ASCII.") from None
    return Header(kind, version, protocol, length, stored, codec == _ZSTD, checksum.hex(), end)


def unpack(
    data: bytes,
    *,
    kind: str | None = None,
    version: int | None = None,
    protocol: str | None = None,
    limit: int = DEFAULT_LIMIT,
    plain: bool = False,
) -> Artifact:
    """Check an artifact that is in memory and return it with its payload; see :func:`read`."""
    return read([data], kind=kind, version=version, protocol=protocol, limit=limit, plain=plain)


def read(
    chunks: Iterable[bytes],
    *,
    kind: str | None = None,
    version: int | None = None,
    protocol: str | None = None,
    limit: int = DEFAULT_LIMIT,
    plain: bool = False,
) -> Artifact:
    """Check an artifact that arrives piece by piece and return it with its payload; all chunks are taken.

    The payload is in memory once, beside it what is compressed.

    Parameters
    ----------
    kind, version, protocol
        What the caller expects; ``None`` accepts any.
    limit
        Largest accepted payload in bytes, checked before it is read or decompressed.
    plain
        Refuse a compressed payload: a proof has one encoding, and a few bytes must not make a verifier inflate many.

    Raises
    ------
    ArtifactKind, ArtifactVersion
        Another kind, payload version or protocol version than expected.
    ArtifactTruncated, ArtifactCorrupt
        Missing bytes; trailing bytes, a broken stream, a compressed payload where none is wanted, or a wrong checksum.
    TooLarge
        A payload over the limit.
    """
    coming = iter(chunks)
    head = b""
    rest = memoryview(b"")
    for chunk in coming:
        needed = _LONGEST_HEADER - len(head)
        head += chunk[:needed]
        rest = memoryview(chunk)[needed:]
        if len(head) == _LONGEST_HEADER:
            break
    header = read_header(head)
    if kind is not None and header.kind != kind:
        raise ArtifactKind(f"Expected an artifact of kind {kind!r}, got {header.kind!r}.")
    if version is not None and header.version != version:
        raise ArtifactVersion(f"The {header.kind} has format version {header.version}, this release reads {version}.")
    if protocol is not None and header.protocol != protocol:
        raise ArtifactVersion(
            f"The {header.kind} belongs to protocol version {header.protocol!r}, expected {protocol!r}."
        )
    if plain and header.compressed:
        raise ArtifactCorrupt(f"The {header.kind} is compressed, which no {header.kind} is.")
    if (stated := max(header.payload_length, header.stored_length)) > limit:
        raise TooLarge(f"The {header.kind} states {stated} bytes, over the limit of {limit}.")
    stored = _collect(header, [head[header.payload_offset :], rest], coming)
    payload = _inflate(stored, header) if header.compressed else stored
    if _checksum(head[:32], head[_HEADER.size : header.payload_offset], payload).hex() != header.sha256:
        raise ArtifactCorrupt(f"The {header.kind} was changed or damaged: it does not match its checksum.")
    return Artifact(header, payload)


def _collect(header: Header, first: Iterable[bytes | memoryview], coming: Iterable[bytes]) -> bytes:
    buffer, found = io.BytesIO(), 0
    for chunk in itertools.chain(first, coming):
        if found < header.stored_length:
            buffer.write(memoryview(chunk)[: header.stored_length - found])
        found += len(chunk)
    if found < header.stored_length:
        raise ArtifactTruncated(f"The {header.kind} has {found} of {header.stored_length} stored bytes.")
    if found > header.stored_length:
        raise ArtifactCorrupt(f"The {header.kind} has {found - header.stored_length} trailing bytes.")
    return buffer.getvalue()


def _inflate(stored: bytes, header: Header) -> bytes:
    try:
        if zstandard.frame_content_size(stored) != header.payload_length:
            raise ArtifactCorrupt(f"The {header.kind}'s compressed frame states another length than its header.")
        return zstandard.ZstdDecompressor().decompress(stored, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise ArtifactCorrupt(f"The {header.kind} is not a valid zstd stream: {error}") from None


def _checksum(head: bytes, names: bytes, payload: bytes) -> bytes:
    digest = hashlib.sha256(head)
    digest.update(names)
    digest.update(payload)
    return digest.digest()
