"""The stage `join`: a chain of segment proofs becomes a bundle."""

from __future__ import annotations

from collections.abc import Sequence

from proving.stages import bundle, proof
from proving.stages.statement import Statement
from runtime.protocol import PROTOCOL_VERSION


def join(proofs: Sequence[bytes], statement: bytes, *, profile: str = "proven100") -> bytes:
    """Check the chain of segment proofs and join it into a bundle.

    Parameters
    ----------
    proofs
        Segment proof artifacts, in order.
    """
    claim = Statement.decode(statement)
    bare = [proof.unpack(made).proof for made in proofs]
    bundle.check(claim, bare, profile=profile)
    return bundle.pack(claim, bare, protocol=PROTOCOL_VERSION)
