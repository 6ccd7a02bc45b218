"""`hallmark prove`: cut a run into segments, prove each, and join the proofs to one; goes on where it was stopped.

A run of one segment that requests nothing has one proof already.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

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
from cli.proofs import Proofs
from cli.segments import Wanted, cut_run
from cli.unfinished import unfinished
from cli.verified import print_verified
from runtime.words import count


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
    join: Annotated[
        bool, typer.Option("--join", help="Join the proof of a single segment too, as a SNARK and core need it.")
    ] = False,
    without_proof: Annotated[
        bool, typer.Option("--development", help="Only run it; the result is marked, and refused as a proof.")
    ] = False,
) -> None:
    """Prove that a program, run on some input, halts with its output; goes on where an earlier run was stopped.

    What no option says is as the settings say (`hallmark config check`).
    """
    from cli.device import opened
    from proving import stages
    from proving.machine.program import Program
    from runtime.settings import load_settings

    files.check_place(output)
    given = {"device": device, "memory": memory}
    settings = load_settings(**{name: value for name, value in given.items() if value})
    wanted = Wanted.of(
        settings,
        memory_limit=read_size(memory_limit),
        profile=profile,
        size_class=size_class,
        cycle_limit=cycle_limit or 0,
    )
    elf, advice = files.read(program, limit=MAX_PROGRAM), read_input(input_)
    loaded = Program.from_elf(elf)
    # A plain run takes a thousandth of the time, tells what the program reports, and finds what it wrote.
    done = run(elf, loaded, advice, cycle_limit=wanted.cycle_limit, memory_limit=wanted.memory_limit)
    if without_proof:
        unproven.write(loaded, done, output)
        write_beside(done, output)
        return
    start = time.perf_counter()
    with unfinished(output, wanted.identity(elf, advice.data)) as kept, opened(settings, "prove") as compute:
        with display.progress() as bars:
            made = cut_run(kept, bars, loaded, advice, wanted.on(compute.memory))
            del advice
            proofs = Proofs(kept, made.statement, made.requests, loaded, compute, wanted.profile, join=join)
            proof = proofs.make_all(bars)
        files.write(output, proof)
    write_beside(done, output)
    shown = stages.verify_run(proof, program_commitment=loaded.commitment, profile=wanted.profile)
    print_verified(shown, title=f"proved {output}")
    seconds = time.perf_counter() - start
    display.console.print(
        f"{made.cycles:,} cycles in {count(made.segments, 'segment')} took {seconds:.1f} s "
        f"({made.cycles / seconds / 1000:.1f} kHz), {display.size(len(proof))}"
    )
