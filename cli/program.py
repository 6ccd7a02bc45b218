"""Proving any program from files: `execute`, `prove`, `verify`, `inspect`; no broker and no database."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import display, files, unproven
from cli.arguments import (
    MAX_INPUT,
    MAX_PROGRAM,
    MAX_PROOF,
    CyclesOption,
    InputOption,
    MemoryLimitOption,
    MemoryOption,
    ProfileOption,
    ProgramArgument,
    read_input,
    read_size,
)
from cli.execute import execute, run, write_beside
from cli.new import new
from runtime.errors import InvalidInput

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("new")(new)
    app.command("execute")(execute)
    app.command("prove")(prove)
    app.command("verify")(verify)
    app.command("inspect")(inspect)


def prove(
    program: ProgramArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the proof is written.")],
    input_: InputOption = None,
    profile: ProfileOption = "proven100",
    memory: MemoryOption = "",
    size_class: Annotated[int, typer.Option(help="log2 of the largest table; from the memory budget when 0.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda:N or emulated.")] = "auto",
    cycle_limit: CyclesOption = 1 << 32,
    memory_limit: MemoryLimitOption = "1G",
    without_proof: Annotated[
        bool, typer.Option("--development", help="Only run it; the result is marked, and refused as a proof.")
    ] = False,
) -> None:
    """Prove that a program, run on some input, halts with its output."""
    from actors.backend import open_backend
    from proving import stages
    from proving.machine.program import Program
    from proving.stages import budget
    from runtime.settings import load_settings

    files.check_place(output)
    settings = load_settings(device=device, **({"memory": memory} if memory else {}))
    chosen = budget.size_class(settings.memory, asked=size_class)
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
    with display.progress() as bars:
        task = bars.add_task("witness", total=None, note="")
        made = stages.basic_witness(
            elf,
            advice,
            size_class=chosen,
            cycle_limit=cycle_limit,
            memory_limit=read_size(memory_limit),
            progress=lambda done, note: bars.update(task, note=note),
        )
        bars.update(task, total=1, completed=1)
        proofs: list[bytes] = []
        count = len(made.checkpoints)
        whole = bars.add_task("all segments", total=count, note=f"0 of {count}")
        for index, checkpoint in enumerate(made.checkpoints):
            task = bars.add_task(f"segment {index + 1} of {count}", total=1, note="")
            tell = partial(_tell, bars, whole, task, index)
            proofs.append(stages.prove_segment(checkpoint, backend=compute, profile=profile, progress=tell))
            # The total stands for the segments that are done; a bar for each would outgrow the screen.
            bars.update(task, completed=1, note=display.size(len(proofs[-1])), visible=False)
            bars.update(whole, completed=index + 1, note=f"{index + 1} of {count}")
        task = bars.add_task("bundle", total=1, note="")
        joined = stages.join(proofs, made.statement, profile=profile)
        bars.update(task, completed=1, note=display.size(len(joined)))
    files.write(output, joined)
    write_beside(done, output)
    _print_verified(stages.verify_bundle(joined, program_commitment=None, profile=profile), title=f"proved {output}")
    seconds = time.perf_counter() - start
    display.console.print(
        f"{made.cycles:,} cycles took {seconds:.1f} s ({made.cycles / seconds / 1000:.1f} kHz), "
        f"{display.size(len(joined))}"
    )


def _tell(bars: Progress, whole: TaskID, task: TaskID, index: int, done: float, note: str) -> None:
    # Done is what has returned its proof, not what says so of itself.
    share = min(done, 0.99)
    bars.update(task, completed=share, note=note)
    bars.update(whole, completed=index + share)


def verify(
    proof: Annotated[Path, typer.Argument(help="A bundle made by `hallmark prove` or by the pipeline.")],
    program: Annotated[Path, typer.Option(help="The program that the proof must be about.")],
    output: Annotated[str, typer.Option(help="The public output that it must have, 64 hexadecimal digits.")] = "",
    output_file: Annotated[
        Path | None, typer.Option(help="An output of any length: the public output must be its hash.")
    ] = None,
    batch: Annotated[Path | None, typer.Option(help="A batch file: the proof must show its transition.")] = None,
    profile: ProfileOption = "proven100",
) -> None:
    """Verify a proof; program, output and profile come from here, never from the proof."""
    from proving import stages
    from proving.hash.text import digest_hex
    from proving.machine.program import Program
    from proving.machine.written import CAPACITY as WRITTEN_CAPACITY
    from proving.machine.written import hash_written
    from proving.stages.bundle import OtherOutput, OtherProgram

    expected = _output(output)
    if output_file is not None:
        written = hash_written(files.read(output_file, limit=WRITTEN_CAPACITY))
        if expected not in (None, written):
            raise OtherOutput("--output is not the hash of --output-file.")
        expected = written
    commitment = Program.from_elf(files.read(program, limit=MAX_PROGRAM)).commitment
    if batch is not None:
        from core.batch_file import MAX_BATCH_FILE_BYTES, read_batch_file

        stated = read_batch_file(files.read(batch, limit=MAX_BATCH_FILE_BYTES))
        if stated.program_commitment != digest_hex(commitment):
            raise OtherProgram(
                f"The batch file is about program {stated.program_commitment}, {program} is {digest_hex(commitment)}."
            )
        if expected is not None and expected != stated.output:
            raise OtherOutput("The batch file and --output state different outputs.")
        expected = stated.output
    start = time.perf_counter()
    shown = stages.verify_bundle(
        files.read(proof, limit=MAX_PROOF), program_commitment=commitment, profile=profile, output=expected
    )
    _print_verified(shown, title=f"{proof} is valid ({time.perf_counter() - start:.2f} s)")
    if batch is not None:
        display.console.print(
            display.pairs(
                f"batch {stated.header.batch_number} of chain {stated.header.chain_id}",
                [
                    ("old root", stated.old_root),
                    ("new root", stated.new_root),
                    ("input commitment", stated.input_commitment),
                    ("metadata commitment", stated.metadata_commitment),
                ],
            )
        )


def _output(text: str) -> bytes | None:
    if not text:
        return None
    try:
        raw = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raw = b""
    if len(raw) != 32:
        raise InvalidInput(f"An output is 64 hexadecimal digits, got {text!r}.")
    return raw


def _print_verified(shown: object, *, title: str) -> None:
    from proving.hash.text import digest_hex
    from proving.stages.bundle import Verified

    assert isinstance(shown, Verified)
    security = shown.security
    display.console.print(
        display.pairs(
            title,
            [
                ("program commitment", digest_hex(shown.program_commitment)),
                ("output", shown.output.hex()),
                ("segments", str(shown.segments)),
                ("security, segments", f"{security.summary}, {security.parameters.profile.name}"),
            ],
        )
    )


def inspect(file: Annotated[Path, typer.Argument(help="Any artifact, ELF or batch file.")]) -> None:
    """Say what is in a file: its kind, version and contents."""
    from cli.inspection import describe

    kind, rows = describe(files.read(file, limit=MAX_INPUT))
    display.console.print(display.pairs(f"{file}: {kind}", rows))
