"""Witness vector generator: replays one checkpoint into execution records, which stay on this host."""

from __future__ import annotations

from actors.attempt import Result, Work
from broker.artifacts import artifact_name

#: Scheme of a result that only one host holds: ``local:HOST:NAME``.
LOCAL = "local"
#: Kind of the artifact.
RECORDS = "execution_records"


def run(work: Work) -> Result:
    """Replay the checkpoint; a circuit prover elsewhere does the same itself, which is cheaper than sending these."""
    records = work.context.stages.execution_records(work.load("checkpoint"))
    job = work.claim.job
    name = artifact_name(job.batch_id, job.id, work.claim.token, RECORDS)
    work.progress(0.9, "store")
    work.context.local.save(name, RECORDS, records, protocol=job.protocol_version)
    return Result(RECORDS, name=f"{LOCAL}:{work.context.worker.host}:{name}")
