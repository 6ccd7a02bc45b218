"""Proving any program from files: `execute`, `prove`, `compress`, `verify`, `inspect`; no broker and no database."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import debug, display, files
from cli.arguments import MAX_INPUT, MAX_PROGRAM, MAX_PROOF, ProfileOption
from cli.completion import completion
from cli.compress import compress
from cli.execute import execute
from cli.new import new
from cli.prove import prove
from cli.prove_batch import prove_batch
from cli.snark_key import read_snark_key
from cli.verified import print_verified
from runtime.errors import InvalidInput

if TYPE_CHECKING:
    from proving.stages import Verified, VerifiedSnark


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("new")(new)
    app.command("execute")(execute)
    app.command("prove")(prove)
    app.command("prove-batch")(prove_batch)
    app.command("compress")(compress)
    app.command("verify")(verify)
    app.command("inspect")(inspect)
    debug.register(app)
    app.command("completion")(completion)


def verify(
    proof: Annotated[
        Path, typer.Argument(help="A proof, made by `hallmark prove` or by the pipeline, or a batch's SNARK.")
    ],
    program: Annotated[Path, typer.Option(help="The program that the proof must be about.")],
    output: Annotated[str, typer.Option(help="The public output that it must have, 64 hexadecimal digits.")] = "",
    output_file: Annotated[
        Path | None, typer.Option(help="An output of any length: the public output must be its hash.")
    ] = None,
    batch: Annotated[Path | None, typer.Option(help="A batch file: the proof must show its transition.")] = None,
    snark_key: Annotated[
        Path | None, typer.Option(help="File of a SNARK's verifying key: the proof is a batch's SNARK.")
    ] = None,
    profile: ProfileOption = "proven100",
) -> None:
    """Verify a proof; program, output and profile come from here, never from the proof."""
    from proving import stages
    from proving.hash.text import digest_hex
    from proving.machine.program import Program
    from proving.machine.written import CAPACITY as WRITTEN_CAPACITY
    from proving.machine.written import hash_written
    from proving.stages.batch_proof import OtherOutput, OtherProgram

    expected = _output(output)
    if output_file is not None:
        written = hash_written(files.read(output_file, limit=WRITTEN_CAPACITY))
        if expected not in (None, written):
            raise OtherOutput("--output is not the hash of --output-file.")
        expected = written
    commitment = Program.from_elf(files.read(program, limit=MAX_PROGRAM)).commitment
    if batch is not None:
        from core.proofs.batch_file import MAX_BATCH_FILE_BYTES, read_batch_file

        stated = read_batch_file(files.read(batch, limit=MAX_BATCH_FILE_BYTES))
        if stated.program_commitment != digest_hex(commitment):
            raise OtherProgram(
                f"The batch file is about program {stated.program_commitment}, {program} is {digest_hex(commitment)}."
            )
        if expected is not None and expected != stated.output:
            raise OtherOutput("The batch file and --output state different outputs.")
        expected = stated.output
    start = time.perf_counter()
    data = files.read(proof, limit=MAX_PROOF)
    shown: Verified | VerifiedSnark
    if snark_key is None:
        shown = stages.verify_run(data, program_commitment=commitment, profile=profile, output=expected)
    else:
        shown = stages.verify_snark(
            data, read_snark_key(snark_key), program_commitment=commitment, profile=profile, output=expected
        )
    print_verified(shown, title=f"{proof} is valid ({time.perf_counter() - start:.2f} s)")
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


def inspect(file: Annotated[Path, typer.Argument(help="Any artifact, ELF or batch file.")]) -> None:
    """Say what is in a file: its kind, version and contents."""
    from cli.inspection import describe

    kind, rows = describe(files.read(file, limit=MAX_INPUT))
    display.console.print(display.pairs(f"{file}: {kind}", rows))
