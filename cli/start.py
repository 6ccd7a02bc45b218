"""`hallmark start`: one process of the Procfile, for supervisors of others: systemd, containers, Kubernetes."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from cli.procfile import read_procfile
from cli.run import ROOT, choose
from cli.supervisor import resolve_command


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("start")(start)


def start(
    name: Annotated[str, typer.Argument(help="A process type of the Procfile; prove.2 is an instance of prove.")],
) -> None:
    """Become one process of the Procfile; nothing stands between it and who supervises it."""
    kind, _, instance = name.partition(".")
    [(chosen, _)] = choose(read_procfile(ROOT / "Procfile"), only=kind)
    command = list(resolve_command(chosen.command))
    # What a supervisor named already keeps its name.
    named = {"HALLMARK_PROCESS": name} if instance else {}
    os.chdir(ROOT)
    os.execve(command[0], command, {**named, **os.environ})
