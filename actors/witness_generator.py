"""Witness generator: runs the program and creates the batch's other jobs; in later rounds, takes in proofs."""

from __future__ import annotations

from itertools import count

from actors.attempt import Result, Work
from actors.graph import CHILDREN, batch_jobs, job_key
from actors.stages import choose_size_class
from broker.jobs import Stage
from proving.stages.rounds import Round
from runtime.errors import InvalidInput
from runtime.wire import SNARK_KEY

#: Kind of a later round's witness.
WITNESS = "recursion_witness"


def run(work: Work) -> Result:
    """Execute the batch's program on its advice, and cut the run into segments."""
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
    # One count for the parts of all types: it tells apart what is saved by one job.
    number = count(len(names))
    requests = {
        circuit_type: [work.save("requests", part, part=next(number), compress=True) for part in parts]
        for circuit_type, parts in witness.requests.items()
    }
    snark_key = str(work.claim.job.parameters.get(SNARK_KEY, ""))
    children = batch_jobs(names, statement, snark_key, requests)
    return Result("statement", name=statement, children=children)


def run_recursive(work: Work) -> Result:
    """Check the proofs that this round's circuit verifies, and write down what it proves about them."""
    proofs = [work.load_named(name, "proof") for name in children(work)]
    work.progress(0.1, "check")
    witness = work.context.stages.recursive_witness(
        Round(work.claim.job.round),
        proofs,
        statement=work.load("statement"),
        profile=work.context.settings.profile,
    )
    return Result(WITNESS, witness)


def children(work: Work) -> list[str]:
    """Return the names of the children's proofs, in the chain's order.

    Raises
    ------
    InvalidInput
        The job does not depend on those that it names as its children.
    """
    made = {
        job_key(entry.stage, entry.round, entry.depth, entry.index, entry.circuit_type): entry.artifact
        for entry in work.context.store.inputs(work.claim)
        if entry.stage is Stage.PROVE
    }
    wanted = work.claim.job.parameters.get(CHILDREN, [])
    if sorted(made) != sorted(wanted):
        raise InvalidInput(f"The job names the children {wanted}, and depends on {sorted(made)}.")
    return [made[key] for key in wanted]
