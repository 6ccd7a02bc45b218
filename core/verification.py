"""The one place where core meets the proof system: its verifier and the identity of its key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.acceptance import Verifier
from core.program import Program
from proving import keys
from proving.stages.batch_proof import security as security_of
from proving.stages.verify import key_digest, verify_batch
from proving.stark.security import Regime, Report


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
            shown = verify_batch(proof, program_commitment=commitment, profile=profile, output=output)
            return Accepted(shown.output, _marked(shown.security))

        return verify

    return for_program


def accepted_security(profile: str) -> str:
    """Return the security that core asks of proofs under a profile, for people; marked when it is not proven."""
    return _marked(security_of(profile))


def _marked(security: Report) -> str:
    proven = security.parameters.profile.regime is Regime.JOHNSON
    return f"{'' if proven else 'INSECURE, '}{security.parameters.profile.name}: {security.summary}"


def key_identity(profile: str) -> str:
    """Return what a prover must match: the profile and the digest of its key set, as ``profile:hex``."""
    return f"{profile}:{key_digest(profile)}"


def key_set(profile: str) -> bytes:
    """Return the digest of the key set that L1 holds proofs against: 32 bytes, elements little-endian as in a claim."""
    return keys.key_set(profile).digest.astype("<u8").tobytes()


def key_set_text(digest: bytes) -> str:
    """Return a digest of :func:`key_set` as people see it."""
    return keys.hex_of(np.frombuffer(digest, dtype="<u8"))
