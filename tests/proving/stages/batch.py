"""A small run of two segments, proven to one batch proof, made once for all processes of a test run."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache

from proving import stages
from proving.machine.program import Program
from proving.stages.rounds import Round, tree
from proving.stages.statement import Statement
from tests.proving.machine import assembler as asm
from tests.proving.machine.programs import counting_loop
from tests.shared import once

PROFILE = "proven100"
ROUNDS = 1500


@dataclass(frozen=True)
class Batch:
    """A program, its run's statement, and the artifacts of all steps in the order of the tree.

    Of the basic round the witness is the checkpoint; the last proof is the batch's.
    """

    program: Program
    elf: bytes
    statement: bytes
    witnesses: list[bytes]
    proofs: list[bytes]

    @property
    def told(self) -> Statement:
        """The run's statement."""
        return Statement.decode(self.statement)


@cache
def batch() -> Batch:
    return prove_all(asm.elf(counting_loop(ROUNDS)), b"", size_class=12)


def prove_all(elf: bytes, advice: bytes, *, size_class: int, profile: str = PROFILE) -> Batch:
    """Prove a run in every round, once for all processes of a test run."""
    given = hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in (elf, advice))).hexdigest()
    name = f"batch-{size_class}-{profile}-{given}"
    statement, *artifacts = once(name, lambda: _prove_all(elf, advice, size_class, profile))
    steps = len(artifacts) // 2
    return Batch(Program.from_elf(elf), elf, statement, artifacts[:steps], artifacts[steps:])


def _prove_all(elf: bytes, advice: bytes, size_class: int, profile: str) -> list[bytes]:
    """Return the statement, the witnesses of all steps, and their proofs."""
    made = stages.basic_witness(elf, advice, size_class=size_class)
    witnesses: list[bytes] = []
    proofs: list[bytes] = []
    requests = {circuit_type: len(parts) for circuit_type, parts in made.requests.items()}
    for step in tree(len(made.checkpoints), requests):
        if step.round is Round.BASIC and step.circuit_type in made.requests:
            witness = made.requests[step.circuit_type][step.index]
            proof = stages.prove_requests(witness, profile=profile)
        elif step.round is Round.BASIC:
            witness = made.checkpoints[step.index]
            proof = stages.prove_segment(witness, profile=profile)
        else:
            children = [proofs[place] for place in step.children]
            witness = stages.recursive_witness(step.round, children, statement=made.statement, profile=profile)
            proof = stages.prove_recursive(witness, stages.recursive_vectors(witness), profile=profile)
        witnesses.append(witness)
        proofs.append(proof)
    return [made.statement, *witnesses, *proofs]
