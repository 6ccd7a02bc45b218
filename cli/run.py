"""`hallmark run`: the whole system on one machine, from the Procfile."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from cli import configuration, development, supervised
from cli.configuration import Configuration
from cli.output import Output
from cli.procfile import ProcessType, read_procfile
from cli.supervisor import DRAIN_SECONDS, Supervisor, die_with_parent, resolve_command
from core.tools.client import CoreClient
from runtime import run_files
from runtime.addresses import bound
from runtime.errors import ConfigurationError, HallmarkError
from runtime.private import usable_folder
from runtime.process import Exit
from runtime.proxies import spare_loopback
from runtime.settings import CHECKOUT, Settings

#: The checkout; Hallmark runs from its tree.
ROOT = CHECKOUT
#: Seconds that a worker has for giving its job back, when it was not finished in time.
GIVE_BACK_SECONDS = 10.0
#: Brings the job store's schema up to date before anything starts.
MIGRATE = ("python", "-m", "broker.jobs", "migrate")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run")(run)


def run(
    only: Annotated[str, typer.Option(help="Comma-separated process types; all of the Procfile when empty.")] = "",
    count: Annotated[list[str] | None, typer.Option(help="Instances of a process type, such as prove=2.")] = None,
    procfile: Annotated[Path, typer.Option(help="The Procfile.")] = ROOT / "Procfile",
) -> None:
    """Run the processes of the Procfile, restart what dies, drain on SIGTERM or Ctrl-C."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stopping.set())
    found = configuration.checked()
    types = choose(read_procfile(procfile), only=only, counts=count or [])
    state_dir = usable_folder(found.general.state_dir, "HALLMARK_STATE_DIR")
    spare_loopback()
    environment = configuration.for_children(found)
    with supervised.only_supervisor(state_dir):
        _check_ports(found, {kind.name for kind, _ in types})
        if not migrate(environment, stopping):
            return
        output = Output(max(len(kind.name) + 2 for kind, _ in types))
        supervisor = Supervisor(
            types,
            directory=ROOT,
            environment=environment,
            output=output,
            stopping=stopping,
            came_up=lambda pid: run_files.came_up(state_dir, pid),
            told=lambda children: supervised.write(state_dir, children),
            drain_seconds=patience(found.general),
        )
        if any(kind.name == "core" for kind, _ in types):
            threading.Thread(target=_announce, args=(found, output), daemon=True).start()
        status = supervisor.run()
        output.close()
    sys.exit(status)


def patience(settings: Settings) -> float:
    """Return the seconds that workers may take to finish or give back their jobs after SIGTERM."""
    return max(DRAIN_SECONDS, settings.drain_seconds + GIVE_BACK_SECONDS)


def _announce(found: configuration.Configuration, output: Output) -> None:
    """Print where to connect and how to send a transaction, as soon as core answers."""
    client = CoreClient(found.general.core_url, found.general.token.get_secret_value())
    while True:
        try:
            client.ready()
        except HallmarkError:
            time.sleep(0.2)
        else:
            break
    output.say("\n".join(["", *development.describe(found.general, found.core), ""]))


def migrate(environment: Mapping[str, str], stopping: threading.Event | None = None) -> bool:
    """Bring the job store's schema up to date; return whether that was done before `stopping` was set.

    Raises
    ------
    ConfigurationError
        It failed otherwise than by its configuration; its own message is on standard error.
    """
    stopping = stopping or threading.Event()
    with subprocess.Popen(
        resolve_command(MIGRATE),
        cwd=ROOT,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        preexec_fn=die_with_parent,
    ) as step:
        while step.poll() is None:
            if stopping.wait(0.05):
                step.terminate()
                step.wait()
                return False
    if step.returncode == Exit.CONFIGURATION:
        sys.exit(Exit.CONFIGURATION)
    if step.returncode:
        raise ConfigurationError(
            f"The schema could not be brought up to date (status {step.returncode}).",
            remedy="Mend what the message above names.",
        )
    return True


def choose(
    types: Mapping[str, ProcessType], *, only: str = "", counts: Sequence[str] = ()
) -> list[tuple[ProcessType, int]]:
    """Return the process types to run with their instance counts.

    Raises
    ------
    ConfigurationError
        A name that the Procfile does not have, or a count that is not `name=number`.
    """
    names = [name for name in only.split(",") if name] or list(types)
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


def _check_ports(found: Configuration, names: set[str]) -> None:
    """Refuse ports that are taken before anything starts."""
    settings = found.general
    places = {
        "core": (settings.core_host, settings.core_port),
        "gateway": (settings.gateway_host, settings.gateway_port),
        "console": (settings.console_host, settings.console_port),
    }
    for name in names & places.keys():
        for opened in bound(*places[name], prefix=f"HALLMARK_{name.upper()}"):
            opened.close()
