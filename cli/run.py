"""`hallmark run`: the whole system on one machine, from the Procfile."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Annotated

import typer

from cli import configuration, development
from cli.procfile import ProcessType, read_procfile
from cli.supervisor import EXIT_CONFIGURATION, Supervisor, resolve
from core.client import CoreClient
from runtime.errors import ConfigurationError, HallmarkError
from runtime.settings import CHECKOUT

#: The checkout; Hallmark runs from its tree.
ROOT = CHECKOUT
#: The process type that prepares (migrations) before the others start.
RELEASE = "release"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run")(run)


def run(
    only: Annotated[str, typer.Option(help="Comma-separated process types; all of the Procfile when empty.")] = "",
    count: Annotated[list[str] | None, typer.Option(help="Instances of a process type, such as prove=2.")] = None,
    procfile: Annotated[Path, typer.Option(help="The Procfile.")] = ROOT / "Procfile",
) -> None:
    """Run the processes of the Procfile, restart what dies, drain on SIGTERM or Ctrl-C."""
    found = configuration.checked()
    environment = configuration.for_children(found)
    types = choose(read_procfile(procfile), only=only, counts=count or [])
    release(read_procfile(procfile), environment)
    lock = threading.Lock()
    width = max(len(kind.name) + 2 for kind, _ in types)

    def output(name: str, line: str) -> None:
        with lock:
            print(f"{name:<{width}} | {line}", flush=True)

    supervisor = Supervisor(types, directory=ROOT, environment=environment, output=output)
    if any(kind.name == "core" for kind, _ in types):
        threading.Thread(target=_announce, args=(found, lock), daemon=True).start()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: supervisor.stop())
    sys.exit(supervisor.run())


def _announce(found: configuration.Configuration, lock: threading.Lock) -> None:
    """Print where to connect and how to send a transaction, as soon as core answers."""
    client = CoreClient(found.general.core_url, found.general.token.get_secret_value())
    while True:
        try:
            client.ready()
        except HallmarkError:
            time.sleep(0.2)
        else:
            break
    lines = development.describe(found.general, found.core)
    with lock:
        print("\n".join(["", *lines, ""]), flush=True)


def release(
    types: Mapping[str, ProcessType], environment: Mapping[str, str], *, output: IO[bytes] | None = None
) -> None:
    """Run the `release` line once, before anything starts.

    Parameters
    ----------
    output
        Where its output goes; to this process's when left out.

    Raises
    ------
    ConfigurationError
        It failed; its own message is on standard error.
    """
    if RELEASE not in types:
        return
    done = subprocess.run(resolve(types[RELEASE].command), cwd=ROOT, env=dict(environment), stdout=output, check=False)
    if done.returncode == EXIT_CONFIGURATION:
        sys.exit(EXIT_CONFIGURATION)
    if done.returncode:
        raise ConfigurationError(
            f"The release step ended with status {done.returncode}.", remedy="Mend what the message above names."
        )


def choose(
    types: Mapping[str, ProcessType], *, only: str = "", counts: Sequence[str] = ()
) -> list[tuple[ProcessType, int]]:
    """Return the process types to run with their instance counts.

    Raises
    ------
    ConfigurationError
        A name that the Procfile does not have, or a count that is not `name=number`.
    """
    names = [name for name in only.split(",") if name] or [name for name in types if name != RELEASE]
    instances = dict.fromkeys(names, 1)
    for text in counts:
        name, _, number = text.partition("=")
        if name not in instances or not number.isdecimal():
            raise ConfigurationError(
                f"{text!r} is not a count.", remedy="Write it as a process type and a number: prove=2."
            )
        instances[name] = int(number)
    unknown = sorted(set(names) - set(types))
    if unknown:
        raise ConfigurationError(
            f"The Procfile has no process type {', '.join(unknown)}.", remedy=f"It has {', '.join(types)}."
        )
    return [(types[name], instances[name]) for name in names]
