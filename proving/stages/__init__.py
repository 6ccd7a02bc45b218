"""Each stage of the pipeline as a pure function: bytes in, bytes out, no database, broker or network.

| stage | module | from | to |
| --- | --- | --- | --- |
| `basic_witness` | `witness` | program, advice | checkpoints, statement |
| `execution_records` | `replaying` | checkpoint | execution records |
| `prove_segment` | `segment` | checkpoint, execution records | segment proof |
| `prove_requests` | `requests` | part of the requests of a type | recursion proof |
| `recursive_witness` | `aggregation` | proofs that a circuit verifies, statement | recursion witness |
| `recursive_vectors` | `aggregation` | recursion witness | recursion trace |
| `prove_recursive` | `aggregation` | recursion witness, recursion trace | recursion proof, or the batch's |
| `compress_proof` | `layers` | a batch's proof | the last layer's proof |
| `compress` | `compression` | a batch's proof | its SNARK |
| `pack` | `run_proof` | proof of a run's only segment, statement | the run's proof |
| `verify_batch`, `verify_run` | `verify` | a batch's proof, or that of a run's only segment | what it proves |
| `snark_keys` | `wrapping` | a setup | the SNARK's keys |
| `wrap` | `wrapping` | the last layer's proof, the SNARK's keys | a batch's SNARK |
| `verify_snark` | `snark_proof` | a batch's SNARK, verifying key | what it proves |

A stage's module is imported when its function is first asked for here, so that who verifies loads no prover and who
cuts segments no verifier.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from proving.stages.aggregation import prove_recursive, proves, recursive_vectors, recursive_witness
    from proving.stages.batch_proof import Verified
    from proving.stages.compression import compress, snark_key_digest
    from proving.stages.layers import compress_proof
    from proving.stages.replaying import execution_records
    from proving.stages.requests import prove_requests
    from proving.stages.segment import prove_segment
    from proving.stages.snark_proof import VerifiedSnark, verify_snark
    from proving.stages.verify import key_digest, verify_batch, verify_run
    from proving.stages.witness import BasicWitness, basic_witness
    from proving.stages.wrapping import snark_keys, wrap

__all__ = [
    "BasicWitness",
    "Verified",
    "VerifiedSnark",
    "basic_witness",
    "compress",
    "compress_proof",
    "execution_records",
    "key_digest",
    "prove_recursive",
    "prove_requests",
    "prove_segment",
    "proves",
    "recursive_vectors",
    "recursive_witness",
    "snark_key_digest",
    "snark_keys",
    "verify_batch",
    "verify_run",
    "verify_snark",
    "wrap",
]

#: Name -> the module that has it.
_HOME = {
    "BasicWitness": "witness",
    "basic_witness": "witness",
    "compress_proof": "layers",
    "execution_records": "replaying",
    "prove_segment": "segment",
    "prove_requests": "requests",
    "prove_recursive": "aggregation",
    "proves": "aggregation",
    "recursive_vectors": "aggregation",
    "recursive_witness": "aggregation",
    "compress": "compression",
    "snark_key_digest": "compression",
    "verify_batch": "verify",
    "verify_run": "verify",
    "verify_snark": "snark_proof",
    "snark_keys": "wrapping",
    "wrap": "wrapping",
    "Verified": "batch_proof",
    "VerifiedSnark": "snark_proof",
    "key_digest": "verify",
}


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
