"""Each stage of the pipeline as a pure function: bytes in, bytes out, no database, broker or network.

| stage | module | from | to |
| --- | --- | --- | --- |
| `basic_witness` | `witness` | program, advice | checkpoints, statement |
| `execution_records` | `replaying` | checkpoint | execution records |
| `prove_segment` | `segment` | checkpoint, execution records | segment proof |
| `recursive_witness` | `aggregation` | proofs that a circuit verifies, statement | recursion witness |
| `recursive_vectors` | `aggregation` | recursion witness | recursion trace |
| `prove_recursive` | `aggregation` | recursion witness, recursion trace | recursion proof, or the batch's |
| `verify_batch` | `verify` | a batch's proof | what it proves |
| `join` | `joining` | segment proofs, statement | bundle |
| `verify_bundle` | `verify` | bundle | what it proves |

A stage's module is imported when its function is first asked for here, so that who verifies loads no prover and who
cuts segments no verifier.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from proving.stages.aggregation import prove_recursive, recursive_vectors, recursive_witness
    from proving.stages.bundle import Verified
    from proving.stages.joining import join
    from proving.stages.replaying import execution_records
    from proving.stages.segment import prove_segment
    from proving.stages.verify import key_digest, verify_batch, verify_bundle
    from proving.stages.witness import BasicWitness, basic_witness

__all__ = [
    "BasicWitness",
    "Verified",
    "basic_witness",
    "execution_records",
    "join",
    "key_digest",
    "prove_recursive",
    "prove_segment",
    "recursive_vectors",
    "recursive_witness",
    "verify_batch",
    "verify_bundle",
]

#: Name -> the module that has it.
_HOME = {
    "BasicWitness": "witness",
    "basic_witness": "witness",
    "execution_records": "replaying",
    "prove_segment": "segment",
    "prove_recursive": "aggregation",
    "recursive_vectors": "aggregation",
    "recursive_witness": "aggregation",
    "verify_batch": "verify",
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
