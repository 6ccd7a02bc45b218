"""What `hallmark --version` says: the release, and what two releases must agree on to work together."""

from __future__ import annotations

from importlib import metadata

from proving import keys
from proving.stark.key import PROOF_FORMAT
from runtime.protocol import PROTOCOL_VERSION


def version() -> str:
    """Return the release, the protocol version, the proof format and the pinned digest of the machine's key."""
    digest = keys.pinned()[keys.MAIN_VM].digest
    return (
        f"hallmark {metadata.version('hallmark')}, protocol version {PROTOCOL_VERSION}, "
        f"proof format {PROOF_FORMAT}, key {digest}"
    )
