"""`hallmark execute`: run a program without proving it, hear what it reports, and see where its cycles go."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import display, files
from cli.arguments import (
    MAX_PROGRAM,
    CyclesOption,
    InputOption,
    MemoryLimitOption,
    ProgramArgument,
    read_input,
    read_size,
)
from runtime.words import count

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from proving.machine.observe import Observed
    from proving.machine.program import Program

#: Functions in the table of a profile.
_SHOWN = 25


def execute(
    program: ProgramArgument,
    input_: InputOption = None,
    cycle_limit: CyclesOption = 1 << 36,
    memory_limit: MemoryLimitOption = "1G",
    profile: Annotated[bool, typer.Option("--profile", help="Show cycles by function and by marker.")] = False,
    flame_graph: Annotated[
        Path | None,
        typer.Option(help="Also draw the profile: an .svg file, or folded stacks under any other name."),
    ] = None,
    output_file: Annotated[
        Path | None, typer.Option(help="Write what the program wrote, an output of any length, to this file.")
    ] = None,
) -> None:
    """Run a program without proving it and print its output."""
    from proving.hash.text import digest_hex
    from proving.machine.program import Program

    for place in filter(None, (flame_graph, output_file)):
        files.check_place(place)
    elf = files.read(program, limit=MAX_PROGRAM)
    loaded = Program.from_elf(elf)
    advice = read_input(input_)
    done = run(
        elf,
        loaded,
        advice,
        cycle_limit=cycle_limit,
        memory_limit=read_size(memory_limit),
        profile=profile or flame_graph is not None,
    )
    speed = done.execution.cycles / max(done.seconds, 1e-9) / 1e6
    rows = [
        ("program commitment", digest_hex(loaded.commitment)),
        ("output", done.execution.output.hex()),
        ("cycles", f"{done.execution.cycles:,}"),
        ("memory written", display.size(done.execution.memory_bytes)),
        ("time", f"{done.seconds:.3f} s ({speed:.0f} million instructions/s)"),
    ]
    if done.written is not None:
        rows.insert(2, ("written", f"{display.size(len(done.written))}, of which the output is the hash"))
    display.console.print(display.pairs("executed (not proven)", rows))
    if done.execution.code_stores is not None:
        times, first = done.execution.code_stores
        display.errors.print(
            f"warning: the program stores to its code, {count(times, 'time')}, first at {first:#010x}. "
            "Code never changes: what is executed is what the file holds.",
            soft_wrap=True,
        )
    if output_file is not None:
        write_output(done, output_file)
    _show_markers(done)
    if profile:
        _show_functions(done)
    if flame_graph is not None:
        _draw(done, flame_graph, program.name)


def run(
    elf: bytes,
    loaded: Program,
    advice: NDArray[np.uint32],
    *,
    cycle_limit: int,
    memory_limit: int,
    profile: bool = False,
) -> Observed:
    """Run a program, pass what it prints to standard error, and return what was seen.

    Raises
    ------
    Trap
        With the program's own reason, or function and line.
    """
    from proving.machine.observe import observe
    from proving.machine.symbols import Symbols

    try:
        return observe(
            loaded,
            Symbols(elf),
            advice,
            printed=sys.stderr.write,
            cycle_limit=cycle_limit,
            memory_limit=memory_limit,
            profile=profile,
        )
    finally:
        sys.stderr.flush()


def write_output(done: Observed, path: Path) -> None:
    """Write the output of any length to a file.

    Raises
    ------
    InvalidInput
        The program has none.
    """
    from runtime.errors import InvalidInput

    if done.written is None:
        raise InvalidInput(
            "The program wrote no output of its own length.",
            remedy="Write it with hallmark_write_bytes and end with hallmark_finish (docs/guest.md).",
        )
    files.write(path, done.written)


def write_beside(done: Observed, proof: Path) -> None:
    """Write the output of any length beside a proof, where the program has one, and say where."""
    if done.written is not None:
        path = proof.with_name(f"{proof.name}.output")
        files.write(path, done.written)
        display.console.print(f"what the program wrote: {path} ({display.size(len(done.written))})")


def _show_markers(done: Observed) -> None:
    markers = done.markers
    lines = [
        (
            name,
            f"{counted.cycles:,} cycles, {counted.cycles / max(done.execution.cycles, 1):.1%}, {counted.times} times",
        )
        for name, counted in markers.closed.items()
    ]
    lines += [(name, "began and did not end") for name, _ in markers.open]
    lines += [(name, "ended and had not begun") for name in sorted(markers.unmatched)]
    if lines:
        display.console.print(display.pairs("markers", lines))


def _show_functions(done: Observed) -> None:
    from rich.table import Table

    assert done.profile is not None
    functions = done.profile.functions()
    table = Table(title="cycles by function", title_justify="left", box=None, pad_edge=False)
    for name in ("own", "share", "with callees", "calls"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("function", overflow="fold")
    for item in functions[:_SHOWN]:
        share = f"{item.own / max(done.profile.cycles, 1):.1%}"
        table.add_row(f"{item.own:,}", share, f"{item.total:,}", f"{item.calls:,}", item.name)
    display.console.print(table)
    if len(functions) > _SHOWN:
        display.console.print(f"and {len(functions) - _SHOWN} functions more")
    if len(functions) == 1:
        display.console.print("The file names no functions: link without -s to see them.")


def _draw(done: Observed, path: Path, title: str) -> None:
    from cli import flame_graph

    assert done.profile is not None
    drawn = flame_graph.svg(done.profile, title) if path.suffix == ".svg" else flame_graph.folded(done.profile)
    files.write(path, drawn.encode())
    display.console.print(f"flame graph: {path}")
