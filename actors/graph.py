"""The jobs of a batch, all of them, from its segments; every proof of every round is made by the same three stages.

A segment's basic proof: its checkpoint is replayed, then proven. That of requests is proven from their inputs. Any
other: its witness is taken from its children's proofs, the witness's vectors are filled, then it is proven. Where core
asks for a SNARK, the scheduler's proof is compressed. A job waits for its own makers only, so that two neighbours are
joined as soon as both are proven, whatever the rest of their round does.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from broker.jobs import JobSpec, Stage
from proving.stages.rounds import MAIN_VM, Round, Step, tree
from runtime.wire import SNARK_KEY

#: Parameter of a witness job: keys of the jobs that made its children's proofs, in the chain's order.
CHILDREN = "children"


def batch_jobs(
    checkpoints: Sequence[str],
    statement: str,
    snark_key: str = "",
    requests: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> list[JobSpec]:
    """Return the jobs that follow a batch's first one, each behind those that it waits for.

    Parameters
    ----------
    checkpoints
        Artifact names of the segments' checkpoints, in order.
    statement
        Artifact name of what the whole run states.
    snark_key
        Digest of the key of its SNARK; without one, the scheduler's proof ends the batch.
    requests
        By circuit, artifact names of the parts of the requests of every type that occurs, in order.
    """
    steps = tree(len(checkpoints), {circuit_type: len(names) for circuit_type, names in requests.items()})
    parts = {MAIN_VM: checkpoints, **requests}
    jobs: list[JobSpec] = []
    for step in steps:
        if step.round is Round.BASIC:
            jobs += _basic(step, parts[step.circuit_type][step.index])
        else:
            children = [steps[child] for child in step.children]
            jobs += _recursive(step, children, statement)
    if snark_key:
        scheduler = jobs.pop()
        compressor = JobSpec(
            Stage.COMPRESS,
            key=job_key(Stage.COMPRESS, Round.SCHEDULER, 0, 0, ""),
            round=Round.SCHEDULER,
            parameters={SNARK_KEY: snark_key},
            depends_on=(scheduler.key,),
            final=True,
        )
        jobs += [dataclasses.replace(scheduler, final=False), compressor]
    return jobs


def job_key(stage: Stage, round_: int, depth: int, index: int, circuit_type: str) -> str:
    """Return the key of a job among those of its batch."""
    of = f".{circuit_type}" if circuit_type not in ("", MAIN_VM) else ""
    return f"{stage}{of}.{round_:d}.{depth}.{index}"


def _basic(step: Step, artifact: str) -> list[JobSpec]:
    if step.circuit_type != MAIN_VM:
        return [_spec(Stage.PROVE, step, {}, {"requests": artifact})]
    inputs = {"checkpoint": artifact}
    vectors = _spec(Stage.VECTORS, step, {}, inputs)
    return [vectors, _spec(Stage.PROVE, step, {}, inputs, [vectors.key])]


def _recursive(step: Step, children: list[Step], statement: str) -> list[JobSpec]:
    proofs = [_key(Stage.PROVE, child) for child in children]
    witness = _spec(Stage.WITNESS, step, {CHILDREN: proofs}, {"statement": statement}, proofs)
    vectors = _spec(Stage.VECTORS, step, {}, {}, [witness.key])
    # The prover reads the witness too: it fills the vectors itself where another host has them.
    return [witness, vectors, _spec(Stage.PROVE, step, {}, {}, [witness.key, vectors.key])]


def _spec(
    stage: Stage,
    step: Step,
    parameters: dict[str, Any],
    inputs: dict[str, str],
    depends_on: Sequence[str] = (),
) -> JobSpec:
    return JobSpec(
        stage,
        key=_key(stage, step),
        round=step.round,
        depth=step.depth,
        circuit_type=step.circuit_type,
        index=step.index,
        inputs=inputs,
        parameters=parameters,
        depends_on=tuple(depends_on),
        final=stage is Stage.PROVE and step.round is Round.SCHEDULER,
    )


def _key(stage: Stage, step: Step) -> str:
    return job_key(stage, step.round, step.depth, step.index, step.circuit_type)
