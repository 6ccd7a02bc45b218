"""What `hallmark --version` says: the release, and what two releases must agree on to work together."""

from __future__ import annotations

from importlib import metadata

from proving import keys
from proving.stark.key import PROOF_FORMAT
from runtime.protocol import PROTOCOL_VERSION
from runtime.settings import Settings


def version() -> str:
    """Return release, protocol version, proof format and the pinned digest of the default profile's key set."""
    profile = Settings.model_fields["profile"].default
    return (
        f"hallmark {metadata.version('hallmark')}, protocol version {PROTOCOL_VERSION}, "
        f"proof format {PROOF_FORMAT}, key set {keys.key_set_digest(profile)} of {profile}"
    )
