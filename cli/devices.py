"""`hallmark devices`: the CUDA devices of this machine, and whether each passes its self-test."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated

import typer

from cli import display
from cuda import devices as cuda_devices


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("devices")(devices)


def devices(as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False) -> None:
    """List devices, driver and memory, and run a self-test against published vectors."""
    found = cuda_devices.report()
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(found), indent=1))
        return
    display.console.print(
        display.pairs(
            "CUDA",
            [("driver", found.driver or "-"), ("kernels", found.kernels), ("problem", found.problem or "-")],
        )
    )
    if found.devices:
        header = ("device", "name", "capability", "memory", "free", "code", "self-test")
        rows = [
            (
                str(each.number),
                each.name,
                each.capability,
                display.size(each.memory_total),
                display.size(each.memory_free),
                each.code,
                each.problem or "passed",
            )
            for each in found.devices
        ]
        display.console.print(display.columns(header, rows))
    if any(each.problem for each in found.devices):
        raise typer.Exit(1)
