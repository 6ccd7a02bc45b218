"""Witness generator: runs the program, cuts the run into segments, and creates the batch's other jobs."""

from __future__ import annotations

from actors.attempt import Result, Work
from actors.stages import choose_size_class
from broker.jobs import JobSpec, Stage

#: Round of the ``bundle`` job, which stands where the later rounds will be.
BUNDLE_ROUND = 1


def run(work: Work) -> Result:
    """Execute the batch's program on its advice."""
    work.check_keys()
    program, advice = work.load("program"), work.load("advice")
    settings = work.context.settings
    asked = int(work.claim.job.parameters.get("size_class") or settings.size_class)
    witness = work.context.stages.basic_witness(
        program,
        advice,
        size_class=choose_size_class(settings.stages, memory=settings.memory, asked=asked),
        cycle_limit=settings.cycle_limit,
        progress=work.progress,
    )
    names = [
        work.save("checkpoint", checkpoint, part=index, compress=True)
        for index, checkpoint in enumerate(witness.checkpoints)
    ]
    statement = work.save("statement", witness.statement)
    return Result("statement", name=statement, children=segment_jobs(names, statement, work.wanted_keys))


def segment_jobs(checkpoints: list[str], statement: str, key_identity: str = "") -> list[JobSpec]:
    """Return a ``vectors`` and a ``prove`` job for every segment, and the ``bundle`` job that waits for all proofs."""
    jobs = []
    parameters = {"key_identity": key_identity} if key_identity else {}
    for index, name in enumerate(checkpoints):
        inputs = {"checkpoint": name}
        jobs.append(JobSpec(Stage.VECTORS, key=f"vectors.{index}", circuit_type="main_vm", index=index, inputs=inputs))
        jobs.append(
            JobSpec(
                Stage.PROVE,
                key=f"prove.{index}",
                circuit_type="main_vm",
                index=index,
                inputs=inputs,
                parameters=parameters,
                depends_on=(f"vectors.{index}",),
            )
        )
    proofs = tuple(f"prove.{index}" for index in range(len(checkpoints)))
    jobs.append(
        JobSpec(
            Stage.BUNDLE,
            round=BUNDLE_ROUND,
            inputs={"statement": statement},
            parameters=parameters,
            depends_on=proofs,
            final=True,
        )
    )
    return jobs
