"""Messages between gateway and core: JSON for metadata, octet streams for what is large.

Every decode is typed, refuses unknown shapes and bounds the input's size before parsing.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from runtime.errors import InvalidInput, TooLarge

#: Largest metadata body that either side parses, in bytes.
MAX_JSON_BYTES = 1 << 20

#: Parameter of a batch's jobs: digest of the key of the SNARK that core asks for, where it asks for one.
SNARK_KEY = "snark_key"

T = TypeVar("T")


class ProofDataRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of ``POST /proof_generation_data``: who asks, and for which proofs it holds keys."""

    prover: str
    protocol_version: str
    key_digest: str


class TraceContext(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """W3C trace context of the batch."""

    traceparent: str = ""
    tracestate: str = ""


class WitnessInputReference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the batch's witness input is fetched, and what must arrive."""

    url: str
    size: int
    sha256: str


class BatchOffer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Answer of ``POST /proof_generation_data``: one batch, lent until ``offer_expires_at`` (epoch seconds).

    Roots, commitments and digests are lower-case hexadecimal without prefix.
    """

    batch_number: int
    chain_id: int
    protocol_version: str
    program_commitment: str
    program_sha256: str
    old_root: str
    new_root: str
    metadata_commitment: str
    offer_token: str
    offer_expires_at: float
    trace: TraceContext
    witness_input: WitnessInputReference
    snark_key: str
    """Digest of the key of the SNARK that must come with the proof; empty where core asks for none."""


class ProofAccepted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Answer of ``POST /submit_proof/{batch_number}``."""

    accepted: bool


class ErrorDetail(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An error as the other side may show it."""

    code: str
    message: str
    remedy: str = ""
    trace_id: str = ""


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of every 4xx and 5xx answer."""

    error: ErrorDetail


def encode(message: msgspec.Struct) -> bytes:
    """Return the message as JSON bytes."""
    return msgspec.json.encode(message)


def decode(data: bytes, kind: type[T], *, limit: int = MAX_JSON_BYTES) -> T:
    """Parse ``data`` as ``kind``.

    Raises
    ------
    TooLarge
        More than ``limit`` bytes.
    InvalidInput
        Not JSON, a missing or unknown field, or a value of another type.
    """
    if len(data) > limit:
        raise TooLarge(f"A {kind.__name__} of {len(data)} bytes is over the limit of {limit}.")
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"Not a {kind.__name__}: {error}") from None
