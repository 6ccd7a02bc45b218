"""`hallmark keys`: make the keys of this release, list them, verify what is stored, and show what a circuit costs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli import display, files
from cli.snark_key import read_snark_key
from runtime.errors import InvalidInput
from runtime.words import count

ProfilesOption = Annotated[
    list[str] | None, typer.Option("--profile", help="Security profile, more than once for several; all when left out.")
]
#: A process that makes a key takes about this much memory, in bytes.
_PROCESS_BYTES = 1 << 30


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="The circuit key generator, and what is in the keystore.", no_args_is_help=True)
    group.command("generate")(generate)
    group.command("list")(list_)
    group.command("verify")(verify)
    group.command("info")(info)
    group.command("export-verifier")(export_verifier)
    app.add_typer(group, name="keys")


def generate(
    profile: ProfilesOption = None,
    processes: Annotated[int, typer.Option(min=0, help="Keys made at once; by cores and memory when 0.")] = 0,
) -> None:
    """Make every key that is missing or damaged; what is there and whole is kept.

    The SNARK's keys follow from its circuit and the setup that the settings name, and are made for that one.
    """
    from proving.keys import generate as generator
    from proving.keys import keystore
    from proving.stages.compression import snark_key_digest
    from runtime.settings import load_settings

    setup = load_settings().setup

    wanted = generator.entries(profile or ())
    with display.progress() as bars:
        task = bars.add_task("keys", total=len(wanted), note="")
        made = generator.generate(
            profile or (),
            processes=processes or _processes(),
            done=lambda name: bars.update(task, advance=1, note=name),
        )
        snarks = generator.snark_profiles(entry.name for entry in wanted)
        if snarks:
            task = bars.add_task("keys of the SNARK", total=len(snarks), note="")
        for name in snarks:
            snark_key_digest(name, setup)
            bars.update(task, advance=1, note=name)
    total = sum(entry.bytes for entry in generator.entries(profile or ()))
    display.console.print(
        f"{count(len(made), 'key')} made, {len(wanted) - len(made)} kept: {display.size(total)} in {keystore.folder()}"
    )


def list_(profile: ProfilesOption = None) -> None:
    """List the keys of this release with their digests, and whether each is stored."""
    from proving import keys
    from proving.keys import generate as generator
    from proving.keys import keystore

    found = generator.entries(profile or ())
    rows = [(entry.name, entry.digest, display.size(entry.bytes) if entry.bytes else "not stored") for entry in found]
    display.console.print(display.columns(("circuit", "digest", "file"), rows))
    sets = [(name, digest) for name, digest in keys.key_sets().items() if not profile or name in profile]
    display.console.print(display.pairs("key sets", sets))
    total = sum(entry.bytes for entry in found)
    display.console.print(f"{display.size(total)} in {keystore.folder()}")


def verify(profile: ProfilesOption = None) -> None:
    """Check every stored key against what the repository pins; ends with status 1 when one is damaged."""
    from proving.keys import generate as generator

    damaged = []
    found = [entry for entry in generator.entries(profile or ()) if entry.bytes]
    with display.progress() as bars:
        task = bars.add_task("keys", total=len(found), note="")
        for entry in found:
            if not generator.check(entry.name):
                damaged.append(entry)
            bars.update(task, advance=1, note=entry.name)
    for entry in damaged:
        display.console.print(f"{entry.name}: {entry.path} does not hold the pinned key")
    display.console.print(f"{count(len(found), 'stored key')} checked, {len(damaged)} damaged")
    if damaged:
        display.errors.print("`hallmark keys generate` makes damaged keys anew.")
        sys.exit(1)


def info(circuit: Annotated[str, typer.Argument(help="Name, as `hallmark keys list` prints it.")]) -> None:
    """Show a circuit's tables, columns and security, and of one that verifies proofs what it consists of."""
    from proving import keys
    from proving.keys.generate import snark_profiles
    from proving.snark.circuit import UNUSED
    from proving.stark.profile import profile_text

    for profile in snark_profiles([circuit]):
        written = keys.snark_circuit(profile)
        rows = [
            ("rows", f"{written.rows:,}, used {int((written.wires != UNUSED).any(axis=0).sum()):,}"),
            ("public inputs", f"{written.public_inputs.size:,}"),
            ("lookup table", f"{int(written.table.max()) + 1:,} numbers"),
            ("variables", f"{written.variables:,}"),
        ]
        display.console.print(display.pairs(f"{circuit}: the SNARK's circuit", rows))
        return
    if circuit not in keys.pinned():
        raise InvalidInput(f"There is no circuit {circuit}.", remedy="`hallmark keys list` prints their names.")
    display.console.print(profile_text(keys.key(circuit)))
    if not keys.pinned()[circuit].program:
        return
    program = keys.program(circuit)
    rows = [
        ("compressions", f"{program.rows.shape[0]:,}"),
        ("extension operations", f"{program.field.shape[0]:,}"),
        ("elements taken apart", f"{program.bits.shape[0]:,}"),
        ("entries and readings of caps", f"{program.caps.shape[0]:,}"),
        ("wires", f"{program.wires:,}"),
    ]
    display.console.print(display.pairs("what it consists of", rows))


def export_verifier(
    key: Annotated[Path, typer.Argument(help="File of a SNARK's verifying key.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File for what other tools deploy.")] = None,
) -> None:
    """Show the Solidity verifier of a SNARK's key and what its constructor takes; write both as JSON."""
    from core.eth_sender.contracts import artifact, verifier_creation
    from proving.snark.layout import INSECURE_TEST

    verifying = read_snark_key(key)
    made = verifier_creation(verifying)
    arguments, bytecode = f"0x{made.arguments.hex()}", f"0x{made.code.hex()}"
    rows = [
        ("setup", verifying.mark.upper() if verifying.mark == INSECURE_TEST else verifying.mark),
        ("key digest", verifying.digest.hex()),
        ("rows", f"{verifying.rows:,}"),
        ("constructor arguments", arguments),
    ]
    display.console.print(display.pairs(made.contract, rows))
    if output is not None:
        content = {
            "contract": made.contract,
            "mark": verifying.mark,
            "keyDigest": f"0x{verifying.digest.hex()}",
            "constructorArguments": arguments,
            "bytecode": bytecode,
            "abi": artifact(made.contract)["abi"],
        }
        files.write(output, (json.dumps(content, indent=1) + "\n").encode())


def _processes() -> int:
    from runtime import limits

    return max(1, min(limits.cpus(), limits.memory().available // _PROCESS_BYTES))
