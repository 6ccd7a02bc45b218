"""Witness vector generator: replays a checkpoint into execution records, or fills the trace of a later round's circuit.

What it makes stays on this host: a circuit prover elsewhere makes it itself, which is cheaper than sending it.
"""

from __future__ import annotations

from actors.attempt import Result, Work, made_by
from actors.witness_generator import WITNESS
from broker.artifacts import artifact_name, on_host
from broker.jobs import Stage

#: Kinds of the artifacts, of the first round and of later ones.
RECORDS, TRACE = "execution_records", "recursion_trace"


def run(work: Work) -> Result:
    """Replay the checkpoint."""
    return _keep(work, RECORDS, work.context.stages.execution_records(work.load("checkpoint")))


def run_recursive(work: Work) -> Result:
    """Fill the trace of the witness's circuit."""
    witness = work.load_named(made_by(work, Stage.WITNESS), WITNESS)
    return _keep(work, TRACE, work.context.stages.recursive_vectors(witness))


def _keep(work: Work, kind: str, payload: bytes) -> Result:
    job = work.claim.job
    name = artifact_name(job.batch_id, job.id, work.claim.token, kind)
    work.progress(0.9, "store")
    work.context.local.save(name, kind, payload, protocol=job.protocol_version)
    return Result(kind, name=on_host(work.context.worker.host, name))
