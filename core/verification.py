"""The one place where core meets the proof system: its verifier and the identity of its key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.acceptance import Verifier
from core.program import Program
from proving.stages.verify import key_digest, verify_bundle


@dataclass(frozen=True)
class Accepted:
    """What core keeps of a verified proof: its public output and one line on its security."""

    output: bytes
    security: str


def proof_verifier(profile: str) -> Callable[[Program], Verifier]:
    """Return what makes the verifier for a program under a security profile.

    The profile, the program and the expected output come from core; nothing of them is taken from the proof.
    """

    def for_program(program: Program) -> Verifier:
        commitment = np.frombuffer(bytes.fromhex(program.commitment), dtype="<u8").astype(np.uint64)

        def verify(proof: bytes, output: bytes) -> Accepted:
            shown = verify_bundle(proof, program_commitment=commitment, profile=profile, output=output)
            security = f"{profile}: {shown.security.bits:.1f} bits, {shown.segments} segments"
            return Accepted(shown.output, security)

        return verify

    return for_program


def key_identity(profile: str) -> str:
    """Return what a prover must match: the profile and the digest of the key, as ``profile:hex``."""
    return f"{profile}:{key_digest()}"
