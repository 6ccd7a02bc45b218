"""`hallmark prove`: cut a run into segments, prove each, and join the proofs to one; goes on where it was stopped."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import display, files, unproven
from cli.arguments import (
    CYCLES_HELP,
    MAX_PROGRAM,
    InputOption,
    MemoryLimitOption,
    MemoryOption,
    ProfileOption,
    ProgramArgument,
    read_input,
    read_size,
)
from cli.execute import run, write_beside
from cli.proofs import Proofs, checkpoint_name
from cli.unfinished import Unfinished, unfinished
from cli.verified import print_verified
from runtime.errors import OutOfMemory
from runtime.protocol import PROTOCOL_VERSION
from runtime.words import count

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.progress import Progress

    from proving.machine.program import Program

_CUT = "segments.json"


@dataclass(frozen=True)
class _Run:
    """A run cut into segments whose checkpoints are kept.

    Attributes
    ----------
    statement
        Bytes of the `Statement` that the proofs of all segments show together.
    peak
        Most bytes of memory that proving one of the segments takes.
    """

    statement: bytes
    segments: int
    cycles: int
    peak: int

    def to_bytes(self) -> bytes:
        return json.dumps({**self.__dict__, "statement": self.statement.hex()}).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> _Run:
        found = json.loads(data)
        return cls(**{**found, "statement": bytes.fromhex(found["statement"])})


def prove(
    program: ProgramArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the proof is written.")],
    input_: InputOption = None,
    profile: ProfileOption = "",
    memory: MemoryOption = "",
    size_class: Annotated[int, typer.Option(help="log2 of the largest table; from the memory budget when 0.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda:N or emulated.")] = "",
    cycle_limit: Annotated[int | None, typer.Option(help=CYCLES_HELP, min=1)] = None,
    memory_limit: MemoryLimitOption = "1G",
    without_proof: Annotated[
        bool, typer.Option("--development", help="Only run it; the result is marked, and refused as a proof.")
    ] = False,
) -> None:
    """Prove that a program, run on some input, halts with its output; goes on where an earlier run was stopped.

    What no option says is as the settings say (`hallmark config check`).
    """
    from actors.backend import open_backend
    from proving import keys, stages
    from proving.machine.main_vm.shapes import SHAPES
    from proving.machine.program import Program
    from proving.stages import budget
    from runtime.settings import load_settings

    files.check_place(output)
    given = {"device": device, "memory": memory}
    settings = load_settings(**{name: value for name, value in given.items() if value})
    profile, size_class = profile or settings.profile, size_class or settings.size_class
    cycle_limit = cycle_limit or settings.cycle_limit
    # What was asked for without a budget is tried, whatever is free.
    most = 0 if size_class and not settings.memory else budget.memory_budget(settings.memory)
    largest = size_class or budget.LARGEST
    budget.check_rounds(settings.memory)
    budget.fitting(largest, most)
    elf, advice = files.read(program, limit=MAX_PROGRAM), read_input(input_)
    loaded = Program.from_elf(elf)
    # A plain run takes a thousandth of the time, tells what the program reports, and finds what it wrote.
    done = run(elf, loaded, advice, cycle_limit=cycle_limit, memory_limit=read_size(memory_limit))
    if without_proof:
        unproven.write(loaded, done, output)
        write_beside(done, output)
        return
    compute = open_backend(settings)
    start = time.perf_counter()
    identity = {
        "program": hashlib.sha256(elf).hexdigest(),
        "input": hashlib.sha256(advice.data).hexdigest(),
        "profile": profile,
        "key set": keys.key_set_digest(profile),
        "protocol version": PROTOCOL_VERSION,
        "size class": str(size_class or "by memory"),
        "shapes": hashlib.sha256(repr(SHAPES).encode()).hexdigest(),
    }
    with unfinished(output, identity) as kept:
        with display.progress() as bars:
            made = _cut(kept, bars, loaded, advice, largest, most, cycle_limit, read_size(memory_limit))
            del advice
            proof = Proofs(kept, made.statement, loaded, compute, profile).make_all(bars)
        files.write(output, proof)
    write_beside(done, output)
    shown = stages.verify_batch(proof, program_commitment=loaded.commitment, profile=profile)
    print_verified(shown, title=f"proved {output}")
    seconds = time.perf_counter() - start
    display.console.print(
        f"{made.cycles:,} cycles in {count(made.segments, 'segment')} took {seconds:.1f} s "
        f"({made.cycles / seconds / 1000:.1f} kHz), {display.size(len(proof))}"
    )


def _cut(
    kept: Unfinished,
    bars: Progress,
    program: Program,
    advice: NDArray[np.uint32],
    size_class: int,
    memory: int,
    cycle_limit: int,
    memory_limit: int,
) -> _Run:
    """Cut the run into segments and keep their checkpoints, unless that was done before."""
    from proving.stages.witness import cut, statement_of

    task = bars.add_task("witness", total=None, note="")
    before = kept.find(_CUT)
    if before is not None:
        found = _Run.from_bytes(before)
        if 0 < memory < found.peak:
            raise OutOfMemory(
                f"The segments of {kept.folder} take {found.peak / 2**30:.2f} GiB; the budget is "
                f"{memory / 2**30:.2f} GiB.",
                remedy="Give more with --memory, or remove the folder to cut smaller segments.",
            )
        bars.update(task, total=1, completed=1, note=f"{count(found.segments, 'segment')}, kept from before")
        return found
    ends: list[NDArray[np.uint64]] = []
    cycles, peak, final = 0, 0, program.initial_state
    for segment in cut(
        program, advice, size_class=size_class, memory=memory, cycle_limit=cycle_limit, memory_limit=memory_limit
    ):
        kept.keep(checkpoint_name(len(ends)), segment.checkpoint)
        ends.append(segment.end)
        cycles, peak, final = cycles + segment.cycles, max(peak, segment.peak), segment.state
        bars.update(task, note=f"{count(len(ends), 'segment')}, {cycles / 1e6:.1f} million cycles")
    made = _Run(statement_of(program, ends, final), len(ends), cycles, peak)
    kept.keep(_CUT, made.to_bytes())
    bars.update(task, total=1, completed=1)
    return made
