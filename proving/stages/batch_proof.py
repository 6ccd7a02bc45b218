"""A batch's one proof: the scheduler's, with the claim that it proves.

*This program, run from its initial state on some advice, halts with this output*, proven with the circuits of this key
set under this protocol version.

Payload (little-endian): key set 4 u64 | program commitment 4 u64 | protocol version u64 | output 8 u64 | proof.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proving import keys
from proving.hash.text import digest_hex
from proving.keys.family import scheduler_name
from proving.stages import development
from proving.stages.statement import canonical
from proving.stark.security import PROFILES, Report
from proving.stark.verifier import verify
from runtime import artifact
from runtime.errors import InvalidInput, VerificationError
from runtime.protocol import PROTOCOL_NUMBER

KIND = "batch_proof"
VERSION = 1
#: Kind of the proof of a run that is one segment (`proving.stages.run_proof`), which is told from this one.
RUN_KIND = "run_proof"
#: Largest artifact that is read, in bytes.
MAX_BYTES = 1 << 23

_DIGEST, _OUTPUT = 4, 8
_WORDS = 2 * _DIGEST + 1 + _OUTPUT
#: Length of a claim in bytes.
CLAIM_BYTES = 8 * _WORDS


class MalformedBatchProof(VerificationError):
    """The bytes are not a batch's proof of this version."""

    code = "malformed_batch_proof"
    default_remedy = "Copy it again from where it was made; `hallmark inspect FILE` shows what is in a file."


class NotJoined(VerificationError):
    """The proof is that of a run's only segment: it is not joined to the proof that a SNARK or core takes."""

    code = "not_joined"
    default_remedy = "Make it with `hallmark prove --join`."


class OtherKeySet(VerificationError):
    """The proof was made with other circuits or for another profile."""

    code = "other_key_set"
    default_remedy = "Verify with the release that made it, under the profile that it was made for."


class OtherProgram(VerificationError):
    """The proof is about a run of another program."""

    code = "other_program"
    default_remedy = "Compare the program commitments; `hallmark inspect` prints both."


class OtherProtocol(VerificationError):
    """The proof is one of another protocol version."""

    code = "other_protocol"
    default_remedy = "Verify with the release that made it."


class OtherOutput(VerificationError):
    """The proof shows another public output."""

    code = "other_output"


@dataclass(frozen=True)
class Claim:
    """What a batch's proof claims.

    Attributes
    ----------
    key_set, program_commitment
        ``(4,) uint64``.
    protocol
        Number of the protocol version.
    output
        x10..x17 of the halted state, 32 bytes.
    """

    key_set: NDArray[np.uint64]
    program_commitment: NDArray[np.uint64]
    protocol: int
    output: bytes

    @property
    def words(self) -> NDArray[np.uint64]:
        """The scheduler's public input ``(17,)``."""
        output = np.frombuffer(self.output, dtype="<u4").astype(np.uint64)
        version = np.array([self.protocol], dtype=np.uint64)
        return np.concatenate([self.key_set, self.program_commitment, version, output])

    def to_bytes(self) -> bytes:
        """Return the claim's bytes."""
        return self.words.astype("<u8").tobytes()

    @classmethod
    def of_bytes(cls, data: bytes) -> Claim:
        """Parse a claim's bytes.

        Raises
        ------
        MalformedStatement, MalformedBatchProof
            They are fewer, or as for :meth:`of_words`.
        """
        if len(data) < CLAIM_BYTES:
            raise MalformedBatchProof(f"The claim has {CLAIM_BYTES} bytes, the payload {len(data)}.")
        return cls.of_words(np.frombuffer(data, dtype="<u8", count=_WORDS).astype(np.uint64))

    @classmethod
    def of_words(cls, words: NDArray[np.uint64]) -> Claim:
        """Return the claim with a public input ``(17,)``.

        Raises
        ------
        MalformedStatement, MalformedBatchProof
            An element is not below p, or a word of the output has more than 32 bits.
        """
        canonical(words)
        output = words[-_OUTPUT:]
        if (output >> np.uint64(32)).any():
            raise MalformedBatchProof("A word of the output has more than 32 bits.")
        key_set, program = words[:_DIGEST], words[_DIGEST : 2 * _DIGEST]
        return cls(key_set, program, int(words[2 * _DIGEST]), output.astype("<u4").tobytes())


@dataclass(frozen=True)
class Verified:
    """What a batch's proof shows, after every check passed.

    Attributes
    ----------
    output
        x10..x17 of the halted state, 32 bytes.
    security
        Achieved bits of the weakest layer, term by term.
    """

    program_commitment: NDArray[np.uint64]
    output: bytes
    security: Report


def pack(claim: Claim, proof: bytes, *, protocol: str) -> bytes:
    """Return the artifact of a scheduler's proof."""
    return artifact.pack(KIND, claim.to_bytes() + proof, version=VERSION, protocol=protocol)


def unpack(data: bytes, *, protocol: str | None = None) -> tuple[Claim, bytes]:
    """Parse a batch's proof into its claim and the scheduler's proof.

    Raises
    ------
    NotProven
        A run in development mode.
    NotJoined
        The proof of a run's only segment.
    MalformedBatchProof
        Anything else that `pack` does not make.
    """
    try:
        header = artifact.read_header(data)
        development.refuse(header)
        if header.kind == RUN_KIND:
            raise NotJoined("The proof is that of a run's only segment, not joined to one of constant size.")
        found = artifact.unpack(data, kind=KIND, version=VERSION, protocol=protocol, limit=MAX_BYTES, plain=True)
        payload = found.payload
        return Claim.of_bytes(payload), payload[CLAIM_BYTES:]
    except InvalidInput as error:
        raise MalformedBatchProof(error.message) from error


def check(
    claim: Claim,
    proof: bytes,
    *,
    profile: str,
    program_commitment: NDArray[np.uint64] | None = None,
    output: bytes | None = None,
) -> Verified:
    """Check a claim against what the caller expects, and the proof against the claim.

    Key set, protocol version and profile are the caller's and this release's, never the proof's.

    Parameters
    ----------
    profile
        The caller's security profile; a proof made for another one is refused.
    program_commitment, output
        What the caller expects; ``None`` accepts any and leaves the comparison to the caller.

    Raises
    ------
    VerificationError
        The subclass that names the first check that failed.
    """
    check_claim(claim, profile=profile, program_commitment=program_commitment, output=output)
    verify(keys.key(scheduler_name(profile)), profile, claim.words, proof)
    return Verified(claim.program_commitment, claim.output, security(profile))


def check_claim(
    claim: Claim, *, profile: str, program_commitment: NDArray[np.uint64] | None, output: bytes | None
) -> None:
    """Check what a claim says against what the caller and this release expect; see :func:`check`.

    Raises
    ------
    OtherProgram, OtherOutput, OtherProtocol, OtherKeySet
    """
    if program_commitment is not None and not np.array_equal(claim.program_commitment, program_commitment):
        raise OtherProgram(
            f"The proof is about program {digest_hex(claim.program_commitment)}, "
            f"expected {digest_hex(program_commitment)}."
        )
    if output is not None and claim.output != output:
        raise OtherOutput(f"The proof's output is {claim.output.hex()}, expected {output.hex()}.")
    if claim.protocol != PROTOCOL_NUMBER:
        raise OtherProtocol(f"The proof is of protocol version {claim.protocol}, expected {PROTOCOL_NUMBER}.")
    _check_key_set(claim, profile)


def security(profile: str, *, compressed: bool = False) -> Report:
    """Return the security of a batch's proof under a profile: that of its weakest layer.

    Parameters
    ----------
    compressed
        Whether the layers that a SNARK stands on count too.
    """
    family = keys.circuits_of(profile)
    # Leaves have a node's tables and heights, and so its security.
    layers = (*family.leaves, family.node, *family.tips, family.scheduler, *(family.layers if compressed else ()))
    return min((keys.key(name).report(profile) for name in layers), key=lambda report: report.bits)


def _check_key_set(claim: Claim, profile: str) -> None:
    found, expected = keys.hex_of(claim.key_set), keys.key_set_digest(profile)
    if found == expected:
        return
    for other in PROFILES:
        if other != profile and found == keys.key_set_digest(other):
            raise OtherKeySet(f"The proof was made for profile {other}, asked for is {profile}.")
    raise OtherKeySet(f"The proof was made with key set {found}, expected {expected}.")
