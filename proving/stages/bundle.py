"""The bundle: a batch's segment proofs in order, with the statement that they prove together.

It stands where the aggregation rounds will stand. Its size grows with the number of segments; its meaning is the one
that the scheduler's single proof will have: *this program, run from its initial state on some advice, halts with this
output*.

Payload (little-endian): statement length u32 | statement | per segment: proof length u32 | proof.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proving import keys
from proving.hash.text import digest_hex
from proving.machine.state import empty_requests
from proving.stages import development
from proving.stages import proof as segment_proof
from proving.stages.statement import MalformedStatement, Statement
from proving.stark.security import Report
from runtime import artifact
from runtime.errors import InvalidInput, VerificationError

KIND = "bundle"
VERSION = 1
#: Largest bundle that is read, in bytes.
MAX_BYTES = 1 << 30

_LENGTH = struct.Struct("<I")
#: Longest statement and proof, in bytes.
_MAX_STATEMENT = 1 << 21
_MAX_PROOF = 1 << 24


class MalformedBundle(VerificationError):
    """The bytes are not a bundle of this version."""

    code = "malformed_bundle"
    default_remedy = "Copy it again from where it was made; `hallmark inspect FILE` shows what is in a file."


class ChainBroken(VerificationError):
    """The segment proofs do not form one chain from the program's initial state to a halted state."""

    code = "chain_broken"


class OtherProgram(VerificationError):
    """The bundle proves a run of another program."""

    code = "other_program"
    default_remedy = "Compare the program commitments; `hallmark inspect` prints both."


class OtherOutput(VerificationError):
    """The bundle proves another public output."""

    code = "other_output"


class SegmentRefused(VerificationError):
    """The proof of one segment was refused."""

    code = "segment_refused"


@dataclass(frozen=True)
class Verified:
    """What a bundle proves, after every check passed.

    Attributes
    ----------
    output
        x10..x17 of the halted state, 32 bytes.
    security
        Achieved bits of the segment layer, term by term.
    """

    program_commitment: NDArray[np.uint64]
    output: bytes
    segments: int
    security: Report


def pack(statement: Statement, proofs: Sequence[bytes], *, protocol: str) -> bytes:
    """Return the bundle artifact of a statement and its segment proofs, in order."""
    parts = [statement.encode(), *proofs]
    payload = b"".join(_LENGTH.pack(len(part)) + part for part in parts)
    return artifact.pack(KIND, payload, version=VERSION, protocol=protocol)


def unpack(data: bytes, *, protocol: str | None = None) -> tuple[Statement, list[bytes]]:
    """Parse a bundle artifact.

    Raises
    ------
    NotProven
        A run in development mode.
    MalformedBundle
        Anything else that `pack` does not make.
    """
    try:
        header = artifact.read_header(data)
        development.refuse(header)
        if header.compressed:
            # One bundle has one encoding, and a few bytes must not make the verifier inflate many.
            raise MalformedBundle("A bundle is not compressed.")
        opened = artifact.unpack(data, kind=KIND, version=VERSION, protocol=protocol, limit=MAX_BYTES)
        parts = _parts(opened.payload)
        statement = Statement.decode(next(parts, b""))
        proofs = list(parts)
    except InvalidInput as error:
        raise MalformedBundle(error.message) from error
    if len(proofs) != statement.segments:
        raise MalformedBundle(
            f"The statement names {statement.segments} segments, the bundle has {len(proofs)} proofs."
        )
    return statement, proofs


def _parts(payload: bytes) -> Iterator[bytes]:
    offset, limit = 0, _MAX_STATEMENT
    while offset < len(payload):
        if len(payload) - offset < _LENGTH.size:
            raise MalformedStatement("The bundle ends inside a length.")
        (size,) = _LENGTH.unpack_from(payload, offset)
        offset += _LENGTH.size
        if size > min(limit, len(payload) - offset):
            raise MalformedStatement(f"A part of {size} bytes is over its limit or over the bundle's end.")
        yield payload[offset : offset + size]
        offset += size
        limit = _MAX_PROOF


def check(
    statement: Statement,
    proofs: Sequence[bytes],
    *,
    profile: str,
    program_commitment: NDArray[np.uint64] | None = None,
    output: bytes | None = None,
) -> Verified:
    """Check the whole claim: program, chain, every segment proof, final state, output.

    Parameters
    ----------
    profile
        The caller's security profile; a proof made for a weaker one is refused.
    program_commitment, output
        What the caller expects; ``None`` accepts any and leaves the comparison to the caller.

    Raises
    ------
    VerificationError
        The subclass that names the first check that failed.
    """
    key = keys.key(keys.MAIN_VM)
    if program_commitment is not None and not np.array_equal(statement.program_commitment, program_commitment):
        raise OtherProgram(
            f"The bundle proves program {digest_hex(statement.program_commitment)}, "
            f"expected {digest_hex(program_commitment)}."
        )
    if output is not None and statement.final.output() != output:
        raise OtherOutput(f"The bundle's output is {statement.final.output().hex()}, expected {output.hex()}.")
    if not statement.final.halted:
        raise ChainBroken("The final state is not halted: the run goes on after the last segment.")
    if not np.array_equal(statement.final.requests, empty_requests()):
        raise ChainBroken("The final state asks precompiles for work that no proof in the bundle covers.")
    if not np.array_equal(statement.final.digest(), statement.ends[-1]):
        raise ChainBroken("The final state's digest is not the one that the last segment ends in.")
    if len(proofs) != statement.segments:
        raise ChainBroken(f"{statement.segments} segments are stated, {len(proofs)} proofs are there.")
    start = statement.program_commitment
    for index, (end, proof) in enumerate(zip(statement.ends, proofs, strict=True)):
        try:
            segment_proof.check(np.concatenate([start, end]), proof, profile=profile)
        except VerificationError as error:
            raise SegmentRefused(
                f"Segment {index} of {statement.segments}: {error.message}",
                segment=index,
                cause=error.code,
                remedy=error.remedy,
            ) from error
        start = end
    return Verified(
        program_commitment=statement.program_commitment,
        output=statement.final.output(),
        segments=statement.segments,
        security=key.report(profile),
    )
