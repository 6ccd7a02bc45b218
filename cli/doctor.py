"""`hallmark doctor`: is everything that Hallmark needs there, and is it the same everywhere?"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable

import typer

from broker.checks import LATER, SERVICES, find
from cli import display
from cli.options import JsonOption, print_json
from runtime import limits
from runtime.errors import HallmarkError
from runtime.settings import Settings, load_settings
from runtime.words import count


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor(as_json: JsonOption = False) -> None:
    """Check machine, native library, keys, program, database, broker and artifact store."""
    settings = load_settings()
    findings = list(find(settings, CHECKS))
    if as_json:
        print_json(findings)
    else:
        display.console.print(
            display.pairs("doctor", [(each.name, f"{'ok ' if each.well else 'BAD'} {each.text}") for each in findings])
        )
    if not all(finding.well for finding in findings):
        raise typer.Exit(1)


def _machine(_: Settings) -> str:
    memory = limits.memory()
    cores = count(limits.cpus(), "core")
    return (
        f"{cores}, {memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GiB memory free, "
        f"Python {sys.version.split()[0]}"
    )


def _native(_: Settings) -> str:
    from proving import native

    return f"{native.isa()}, {count(native.threads(), 'thread')}"


def _known_answers(_: Settings) -> str:
    import numpy as np

    from proving.hash.permutation import Poseidon2

    # Poseidon2 over Goldilocks, width 12, Plonky3's published instance on 0..11: first element.
    answer = int(Poseidon2(12).permute(np.arange(12, dtype=np.uint64)[None, :])[0, 0])
    if answer != 0xF292AB67C0F14B03:
        raise HallmarkError(f"Poseidon2 gives {answer:016x} instead of f292ab67c0f14b03.", remedy="Run `make native`.")
    return "Poseidon2 gives its published answer"


def _key(settings: Settings) -> str:
    from proving.stages import key_digest

    return f"{key_digest(settings.profile)}, {settings.profile}"


def _program(settings: Settings) -> str:
    from core.program.state_transition import Program
    from core.settings import load_core_settings
    from guest.build import manifest

    own = load_core_settings()
    found = Program.read(own.program_path(), own.core_cycle_limit)
    committed = manifest()["stf"]
    if own.core_program is None and (found.commitment, found.sha256) != (committed["commitment"], committed["sha256"]):
        raise HallmarkError("stf.elf is not the program of guest/programs/manifest.json.", remedy="Check it out again.")
    if own.core_program is None and not found.compiled:
        return f"{found.commitment}, not compiled for this machine: core seals slowly (make native compiles it)"
    return found.commitment


def _size_class(settings: Settings) -> str:
    from proving.stages import budget

    chosen = budget.size_class(settings.memory, asked=settings.size_class)
    least, kept = (count / 2**30 for count in (budget.peak_bytes(chosen), budget.kept_peak_bytes(chosen)))
    return f"{chosen} (at least {least:.1f} GiB, {kept:.1f} to keep all extended columns)"


def _state(settings: Settings) -> str:
    folder = settings.state_dir
    # Looked at, not made: the nearest folder that is there tells disk and permissions.
    nearest = next(each for each in (folder, *folder.parents) if each.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise HallmarkError(f"{nearest} is not a folder that may be written to.", remedy="Set HALLMARK_STATE_DIR.")
    free = shutil.disk_usage(nearest).free
    if free < settings.disk_reserve:
        raise HallmarkError(f"{folder} has only {display.size(free)} left.", remedy="Free disk space.")
    return f"{folder}, {display.size(free)} free" + ("" if nearest == folder else LATER)


#: This machine's, then those of the services that it shares with others.
CHECKS: dict[str, Callable[[Settings], str]] = {
    "machine": _machine,
    "native library": _native,
    "known answers": _known_answers,
    "key of main_vm": _key,
    "state-transition program": _program,
    "size class": _size_class,
    "state directory": _state,
    **SERVICES,
}
