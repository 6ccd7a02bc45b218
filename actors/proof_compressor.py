"""Proof compressor: makes the SNARK of a batch's proof, and the two of them are what goes back to core."""

from __future__ import annotations

from actors.attempt import Result, Work, made_by
from actors.circuit_prover import BATCH_PROOF, PROOF
from actors.keys import check_keys
from actors.stages import check_compression
from broker.jobs import Stage
from proving.stages import delivery
from runtime.wire import SNARK_KEY


def run(work: Work) -> Result:
    """Compress the scheduler's proof."""
    settings, stages = work.context.settings, work.context.stages
    check_compression(settings)
    work.progress(0.0, "keys")
    check_keys(str(work.claim.job.parameters[SNARK_KEY]), stages.snark_key_digest(settings.profile, settings.setup))
    proof = work.load_named(made_by(work, Stage.PROVE), PROOF)
    with work.device() as backend:
        snark = stages.compress(
            proof,
            backend=backend,
            profile=settings.profile,
            setup=settings.setup,
            progress=work.progress,
        )
    return Result(BATCH_PROOF, delivery.pack(proof, snark, protocol=work.claim.job.protocol_version))
