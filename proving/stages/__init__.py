"""Each stage of the pipeline as a pure function: bytes in, bytes out, no database, broker or network.

| stage | module | from | to |
| --- | --- | --- | --- |
| `basic_witness` | `witness` | program, advice | checkpoints, statement |
| `execution_records` | `replaying` | checkpoint | execution records |
| `prove_segment` | `segment` | checkpoint, execution records | segment proof |
| `join` | `joining` | segment proofs, statement | bundle |
| `verify_bundle` | `verify` | bundle | what it proves |

A stage's module is imported when its function is first asked for here, so that who verifies loads no prover and who
cuts segments no verifier.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from proving.stages.bundle import Verified
    from proving.stages.joining import join
    from proving.stages.replaying import execution_records
    from proving.stages.segment import prove_segment
    from proving.stages.verify import key_digest, verify_bundle
    from proving.stages.witness import BasicWitness, basic_witness

__all__ = [
    "BasicWitness",
    "Verified",
    "basic_witness",
    "execution_records",
    "join",
    "key_digest",
    "prove_segment",
    "verify_bundle",
]

#: Name -> the module that has it.
_HOME = {
    "BasicWitness": "witness",
    "basic_witness": "witness",
    "execution_records": "replaying",
    "prove_segment": "segment",
    "join": "joining",
    "Verified": "bundle",
    "key_digest": "verify",
    "verify_bundle": "verify",
}


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
