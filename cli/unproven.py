"""Development mode of `hallmark prove`: the run and its output, and no proof."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cli import display, files

if TYPE_CHECKING:
    from proving.machine.observe import Observed
    from proving.machine.program import Program

#: Stands wherever something of development mode is shown.
MARK = "DEVELOPMENT MODE, NOT PROVEN"


def write(program: Program, done: Observed, output: Path) -> None:
    """Write what the run states, marked as unproven, and say so."""
    from proving.hash.text import digest_hex
    from proving.stages.development import DevelopmentRun

    run = DevelopmentRun(program.commitment, done.execution.output, done.execution.cycles)
    files.write(output, run.pack())
    display.console.print(
        display.pairs(
            f"{MARK}: {output} holds no proof and is refused by `hallmark verify` and by core",
            [
                ("program commitment", digest_hex(run.program_commitment)),
                ("output (unproven)", run.output.hex()),
                ("cycles", f"{run.cycles:,}"),
            ],
        )
    )
