"""A small proven run of three segments, made once for all processes of a test run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from proving import stages
from proving.machine.program import Program
from proving.stages import proof
from proving.stages.statement import Statement
from tests.proving.machine import assembler as asm
from tests.proving.machine.programs import counting_loop
from tests.shared import once

PROFILE = "proven100"


@dataclass(frozen=True)
class Chain:
    """A program, its run's statement, and the segment proofs, bare and as artifacts."""

    program: Program
    elf: bytes
    statement: Statement
    proofs: list[bytes]
    artifacts: list[bytes]


def elf_of(rounds: int) -> bytes:
    """Return a program that loops and halts with its count in x10."""
    return asm.elf(counting_loop(rounds))


@cache
def chain() -> Chain:
    elf = elf_of(3000)
    made = stages.basic_witness(elf, b"", size_class=12)
    assert len(made.checkpoints) >= 3
    artifacts = once(
        "chain", lambda: [stages.prove_segment(checkpoint, profile=PROFILE) for checkpoint in made.checkpoints]
    )
    opened = [proof.unpack(artifact) for artifact in artifacts]
    assert all((left.publics[4:] == right.publics[:4]).all() for left, right in pairwise(opened))
    return Chain(
        Program.from_elf(elf),
        elf,
        Statement.decode(made.statement),
        [each.proof for each in opened],
        artifacts,
    )
