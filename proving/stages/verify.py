"""The stage `verify_bundle` and the identity of the key it verifies under; neither loads a prover."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from proving import keys
from proving.stages import bundle
from proving.stages.bundle import Verified
from proving.stages.version import PROTOCOL_VERSION


def verify_bundle(
    data: bytes, *, program_commitment: NDArray[np.uint64] | None, profile: str, output: bytes | None = None
) -> Verified:
    """Verify a bundle; see `proving.stages.bundle.check`."""
    claim, proofs = bundle.unpack(data, protocol=PROTOCOL_VERSION)
    return bundle.check(claim, proofs, profile=profile, program_commitment=program_commitment, output=output)


def key_digest() -> str:
    """Return the digest of the key of `main_vm`, 64 hexadecimal digits."""
    return keys.key(keys.MAIN_VM).hex
