"""The one place where core meets the proof system: its verifier and the identity of its key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.program.state_transition import Program
from core.proofs.acceptance import Verifier
from proving import keys
from proving.snark.errors import SnarkKeyRefused
from proving.snark.key import SnarkKey
from proving.snark.layout import KEY_BYTES
from proving.stages import delivery, snark_proof
from proving.stages.batch_proof import security as security_of
from proving.stages.verify import key_digest, verify_batch
from proving.stark.security import Regime, Report
from runtime.errors import ConfigurationError
from runtime.protocol import PROTOCOL_VERSION


@dataclass(frozen=True)
class Accepted:
    """What core keeps of a verified proof: its public output and one line on its security."""

    output: bytes
    security: str
    snark: bytes = b""


def proof_verifier(profile: str, snark_key: SnarkKey | None = None) -> Callable[[Program], Verifier]:
    """Return what makes the verifier for a program under a security profile.

    The profile, the program, the expected output and the key come from core; nothing of them is taken from the proof.

    Parameters
    ----------
    snark_key
        A proof must come with a SNARK that holds under this key; without one, it must come alone.
    """

    def for_program(program: Program) -> Verifier:
        commitment = np.frombuffer(bytes.fromhex(program.commitment), dtype="<u8").astype(np.uint64)

        def verify(proof: bytes, output: bytes) -> Accepted:
            shown = verify_batch(proof, program_commitment=commitment, profile=profile, output=output)
            return Accepted(shown.output, _marked(shown.security))

        def verify_both(data: bytes, output: bytes) -> Accepted:
            assert snark_key is not None
            proof, snark = delivery.unpack(data, protocol=PROTOCOL_VERSION)
            accepted = verify(proof, output)
            wrapped = snark_proof.verify_snark(
                snark, snark_key, program_commitment=commitment, profile=profile, output=output
            )
            _, made = snark_proof.unpack(snark)
            return Accepted(output, f"{accepted.security}; SNARK: {wrapped.wrap}", made)

        return verify if snark_key is None else verify_both

    return for_program


def accepted_security(profile: str, snark_key: SnarkKey | None = None) -> str:
    """Return the security that core asks of proofs under a profile, for people; marked when it is not proven."""
    asked = _marked(security_of(profile, compressed=snark_key is not None))
    return asked if snark_key is None else f"{asked}; SNARK: {snark_proof.wrap_security(snark_key.mark)}"


def read_snark_key(path: Path | None, *, production: bool = False) -> SnarkKey | None:
    """Return the SNARK's verifying key in a file; None where no file is named.

    Raises
    ------
    InsecureSetup
        A production key is asked for, and this one comes from an insecure test setup.
    ConfigurationError
        The file cannot be read or holds no key.
    """
    if path is None:
        return None
    try:
        key = SnarkKey.from_bytes(path.read_bytes()[: KEY_BYTES + 1])
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
    except SnarkKeyRefused as error:
        raise ConfigurationError(f"{path} holds no verifying key of a SNARK: {error.message}") from error
    if production:
        key.require_production()
    return key


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
