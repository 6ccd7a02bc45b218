"""Circuit prover: proves one segment or one later round's circuit, with the vectors on this host or without them."""

from __future__ import annotations

from actors.attempt import Result, Work, made_by
from actors.stages import Prove
from actors.witness_generator import WITNESS
from actors.witness_vector_generator import RECORDS, TRACE
from broker.artifacts import LOCAL
from broker.jobs import Stage
from proving.stages.rounds import MAIN_VM
from runtime.errors import ArtifactError, StoreUnavailable
from runtime.logging import get_logger

#: Kinds of the artifacts: a proof that another one verifies, and the batch's.
PROOF, BATCH_PROOF = "proof", "batch_proof"


def run(work: Work) -> Result:
    """Prove the segment, from its execution records or by replaying its checkpoint; or a part of the requests."""
    if work.claim.job.circuit_type != MAIN_VM:
        return _finish(work, work.load("requests"), None, work.context.stages.prove_requests)
    return _prove(work, work.load("checkpoint"), RECORDS, work.context.stages.prove_segment)


def run_recursive(work: Work) -> Result:
    """Prove the round's circuit, from its filled trace or by filling it anew."""
    witness = work.load_named(made_by(work, Stage.WITNESS), WITNESS)
    return _prove(work, witness, TRACE, work.context.stages.prove_recursive)


def _prove(work: Work, witness: bytes, kind: str, prove: Prove) -> Result:
    name = local_name(work)
    vectors = load_local(work, name, kind) if name else None
    result = _finish(work, witness, vectors, prove)
    if vectors is not None:
        work.context.local.delete([name])
    return result


def _finish(work: Work, witness: bytes, vectors: bytes | None, prove: Prove) -> Result:
    with work.device() as backend:
        work.progress(0.0, "prove")
        proof = prove(
            witness,
            vectors,
            backend=backend,
            profile=work.context.settings.profile,
            progress=work.progress,
        )
    return Result(BATCH_PROOF if work.claim.job.final else PROOF, proof)


def local_name(work: Work) -> str:
    """Return the local name of the job's vectors, or nothing when another host holds them."""
    scheme, _, rest = made_by(work, Stage.VECTORS).partition(":")
    host, _, name = rest.partition(":")
    return name if scheme == LOCAL and host == work.context.worker.host else ""


def load_local(work: Work, name: str, kind: str) -> bytes | None:
    """Return what this host keeps, or nothing when it is gone or damaged: it can always be made again."""
    try:
        return work.context.local.load(name, kind=kind, protocol=work.claim.job.protocol_version)
    except (ArtifactError, StoreUnavailable) as error:
        get_logger("circuit_prover").info("making the vectors again", job=work.claim.job_id, reason=error.message)
        return None
