"""`hallmark devices`: the CUDA devices of this machine, and whether each passes its self-test."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated

import typer

from actors import device_turns
from cli import display
from cuda import devices as cuda_devices
from cuda.nvml import Figures
from runtime.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("devices")(devices)


def devices(as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False) -> None:
    """List devices, driver, memory and who has them, and run a self-test against published vectors."""
    found = cuda_devices.report()
    turns = device_turns.report(device_turns.turns_folder(load_settings()))
    if as_json:
        both = {**dataclasses.asdict(found), "turns": [dataclasses.asdict(each) for each in turns]}
        typer.echo(json.dumps(both, indent=1))
        return
    display.console.print(
        display.pairs(
            "CUDA",
            [("driver", found.driver or "-"), ("kernels", found.kernels), ("problem", found.problem or "-")],
        )
    )
    if found.devices:
        header = ("device", "name", "capability", "memory", "free", "code", "now", "self-test")
        rows = [
            (
                str(each.number),
                each.name,
                each.capability,
                display.size(each.memory_total),
                display.size(each.memory_free),
                each.code,
                measured(each.figures),
                each.problem or "passed",
            )
            for each in found.devices
        ]
        display.console.print(display.columns(header, rows))
    if turns:
        told = [
            (each.device, each.held_by or "-", f"{each.waits} {device_turns.WAITS}" if each.waits else "-")
            for each in turns
        ]
        display.console.print(display.columns(("device", "held by", "next"), told))
    if any(each.problem for each in found.devices):
        raise typer.Exit(1)


def measured(figures: Figures | None) -> str:
    """Return what the driver measures of a device, in words."""
    if figures is None:
        return "-"
    said = (
        ("{:.0%} in use", figures.use),
        ("{:.0f} °C", figures.temperature),
        ("{:.0f} W", figures.power),
        ("slowed down by heat or power", figures.throttled or None),
    )
    return ", ".join(text.format(value) for text, value in said if value is not None) or "-"
