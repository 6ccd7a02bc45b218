"""Circuit prover: proves one segment, from the records on this host or by replaying its checkpoint."""

from __future__ import annotations

from actors.attempt import Result, Work
from actors.witness_vector_generator import LOCAL, RECORDS
from broker.jobs import Stage
from runtime.errors import ArtifactError, StoreUnavailable
from runtime.logging import get_logger


def run(work: Work) -> Result:
    """Prove the segment."""
    work.check_keys()
    checkpoint = work.load("checkpoint")
    name = records_name(work)
    records = load_records(work, name) if name else None
    work.progress(0.0, "prove")
    proof = work.context.stages.prove_segment(
        checkpoint,
        records,
        backend=work.context.backend,
        profile=work.context.settings.profile,
        progress=work.progress,
    )
    if records is not None:
        work.context.local.remove(name)
    return Result("proof", proof)


def records_name(work: Work) -> str:
    """Return the local name of the segment's execution records, or nothing when another host holds them."""
    for made in work.context.store.inputs(work.claim):
        scheme, _, rest = made.artifact.partition(":")
        host, _, name = rest.partition(":")
        if made.stage is Stage.VECTORS and scheme == LOCAL and host == work.context.worker.host:
            return name
    return ""


def load_records(work: Work, name: str) -> bytes | None:
    """Return the records, or nothing when they are gone or damaged: replay is always possible."""
    try:
        return work.context.local.load(name, kind=RECORDS, protocol=work.claim.job.protocol_version)
    except (ArtifactError, StoreUnavailable) as error:
        get_logger("circuit_prover").info("replaying the checkpoint", job=work.claim.job_id, reason=error.message)
        return None
