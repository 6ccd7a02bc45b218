"""`hallmark compress`: make the SNARK of a batch's proof, which L1 takes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from cli import display, files
from cli.arguments import MAX_PROOF, MemoryOption, ProfileOption
from cli.verified import print_verified


def compress(
    proof: Annotated[Path, typer.Argument(help="A batch's proof, made by `hallmark prove` or by the pipeline.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the SNARK is written.")],
    key_output: Annotated[Path | None, typer.Option(help="Where its verifying key is written.")] = None,
    profile: ProfileOption = "",
    memory: MemoryOption = "",
    setup: Annotated[
        Path | None, typer.Option(help="A public ceremony's .ptau file; this machine's test setup when left out.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda:N or emulated.")] = "",
) -> None:
    """Make the SNARK of a batch's proof, and verify it under this machine's key.

    What no option says is as the settings say (`hallmark config check`).
    """
    from cli.device import opened
    from proving import stages
    from proving.stages import budget
    from proving.stages.compression import verifying_key
    from runtime.settings import load_settings

    for place in (output, key_output):
        if place is not None:
            files.check_place(place)
    given = {"device": device, "memory": memory, "setup": setup}
    settings = load_settings(**{name: value for name, value in given.items() if value})
    profile = profile or settings.profile
    budget.check_compression(settings.memory)
    data = files.read(proof, limit=MAX_PROOF)
    start = time.perf_counter()
    with opened(settings, "compress") as compute, display.progress() as bars:
        task = bars.add_task("compress", total=1, note="")
        made = compute.compressed(data, profile, lambda done, note: bars.update(task, completed=done, note=note))
        bars.update(task, completed=1, note="")
    files.write(output, made)
    key = verifying_key(profile, settings.setup)
    if key_output is not None:
        files.write(key_output, key.to_bytes())
    shown = stages.verify_snark(made, key, profile=profile)
    print_verified(shown, title=f"compressed to {output}: {display.size(len(made))}")
    display.console.print(f"{time.perf_counter() - start:.1f} s")
