"""`hallmark debug`: why a proof does not hold."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import display, files
from cli.arguments import MAX_PROOF, JsonOption, ProfileOption
from cli.errors import EXIT_REFUSED
from runtime.words import count

#: Messages that are reported for each bus.
_MESSAGES = 5
#: Broken constraints whose values are printed.
_SHOWN = 10


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Say why a proof does not hold.", no_args_is_help=True)
    group.callback()(lambda: None)
    group.command("proof")(proof)
    app.add_typer(group, name="debug")


def proof(
    file: Annotated[
        Path, typer.Argument(help="A proof of a segment, a later round, a run or a batch; or a segment's witness.")
    ],
    witness: Annotated[
        Path | None, typer.Option(help="The segment's execution records or checkpoint, where it is at hand.")
    ] = None,
    profile: ProfileOption = "proven100",
    as_json: JsonOption = False,
) -> None:
    """Say which check refuses a proof, and which constraints its witness breaks, in which table and row, with values.

    Ends with 1 when something does not hold.
    """
    from proving.stages import debugging
    from runtime import artifact

    data = debugging.inner(files.read(file, limit=MAX_PROOF))
    is_witness = artifact.read_header(data).kind in debugging.WITNESSES
    told = data if is_witness else debugging.inner(files.read(witness, limit=MAX_PROOF)) if witness else None
    refused = None if is_witness else debugging.refusal(data, profile=profile)
    faults: list[debugging.Broken] = []
    other = False
    if told is not None:
        faults, publics = debugging.broken(told, limit=_MESSAGES)
        other = not is_witness and bool((debugging.publics_of(data) != publics).any())
    if as_json:
        from cli.options import print_json

        print_json(
            {
                "refused": refused.body() if refused else None,
                "other_segment": other,
                "broken": [{**each.violation.__dict__, "values": each.values} for each in faults],
            }
        )
    else:
        if not is_witness:
            display.console.print(f"verifier: {refused.line() if refused else 'the proof holds'}")
        if other:
            display.console.print("witness: of another segment than the proof, their digests differ")
        if told is not None:
            display.console.print(
                f"witness: {count(len(faults), 'broken constraint') if faults else 'every constraint holds'}"
            )
        for each in faults[:_SHOWN]:
            rows = [(name, str(value)) for name, value in each.values.items()]
            display.console.print(
                display.pairs(str(each.violation), rows or [("message", str(each.violation.message))])
            )
    if refused or other or faults:
        raise typer.Exit(EXIT_REFUSED)
