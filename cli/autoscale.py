"""`hallmark autoscale`: start and stop the workers of a stage as its queue asks."""

from __future__ import annotations

import contextlib
import shlex
import signal
import subprocess
import sys
import threading
import time
from typing import Annotated

import typer

from broker.jobs import JobStore, Stage, overview
from cli import configuration
from cli.options import opened
from cli.run import ROOT, patience
from cli.scaling import Limits, Scaler, Seen
from cli.supervisor import die_with_parent
from runtime.errors import HallmarkError, InvalidInput, Unavailable
from runtime.settings import Settings

#: Seconds that a command of the template may take.
COMMAND_SECONDS = 120.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("autoscale")(autoscale)


def autoscale(
    stage: Annotated[Stage, typer.Option(help="The stage whose workers are started and stopped.")],
    most: Annotated[int, typer.Option(min=1, max=10_000, help="Most workers.")],
    least: Annotated[int, typer.Option(min=0, help="Fewest workers.")] = 0,
    device: Annotated[str, typer.Option(help="Only jobs for this kind of device and for any: cpu, cuda.")] = "",
    grow_after: Annotated[float, typer.Option(min=0, help="A job that waits this many seconds asks for more.")] = 20.0,
    shrink_after: Annotated[float, typer.Option(min=0, help="Seconds without a waiting job before some go.")] = 300.0,
    every: Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds between two looks.")] = 5.0,
    command: Annotated[
        str,
        typer.Option(
            help="Run this at each change instead, such as 'kubectl scale deploy/prove --replicas={workers}'."
        ),
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
) -> None:
    """Start and stop workers of a stage, on this machine or by a command, by how long its jobs wait.

    Workers that go finish their job or give it back. All go when this command ends; those of a command stay.
    """
    if least > most:
        raise InvalidInput(f"The fewest workers, {least}, are more than the most, {most}.")
    found = configuration.checked()
    store = opened()
    workers: _Local | _Elsewhere
    workers = _Elsewhere(command, stage) if command else _Local(stage, configuration.for_children(found), found.general)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    scaler, asked = Scaler(Limits(least, most, grow_after, shrink_after)), 0
    try:
        while not stopping.is_set():
            with contextlib.suppress(Unavailable):
                seen = _look(store, found.general, stage, device)
                asked = _step(scaler, seen, asked, workers, stage, dry_run)
            stopping.wait(every)
    finally:
        workers.end()


def _look(store: JobStore, settings: Settings, stage: Stage, device: str) -> Seen:
    queues = [
        each
        for each in overview.queues(store)
        if each.stage is stage
        and each.protocol_version == settings.protocol_version
        and (not device or each.device in ("", device))
    ]
    return Seen(
        sum(each.queued for each in queues),
        sum(each.in_progress for each in queues),
        max((each.oldest_seconds for each in queues), default=0.0),
    )


def _step(scaler: Scaler, seen: Seen, asked: int, workers: _Local | _Elsewhere, stage: Stage, dry_run: bool) -> int:
    wanted = scaler.decide(seen, asked, time.monotonic())
    if wanted != asked:
        would = "would be " if dry_run else ""
        why = f"{seen.ready} ready, {seen.in_progress} in progress, the oldest waits {seen.oldest_seconds:.0f} s"
        typer.echo(f"{stage}: {why}: {wanted} workers {would}asked for, {asked} before")
    if not dry_run:
        try:
            workers.be(wanted)
        except HallmarkError as error:
            typer.echo(f"hallmark: {error.line()}", err=True)
            return asked
    return wanted


class _Local:
    """Workers that are this process's children; the kernel ends them with it, however it ends."""

    def __init__(self, stage: Stage, environment: dict[str, str], settings: Settings) -> None:
        self._stage, self._environment, self._patience = stage, environment, patience(settings)
        self._running: list[subprocess.Popen[bytes]] = []
        self._leaving: list[subprocess.Popen[bytes]] = []
        self._made = 0

    def be(self, number: int) -> None:
        """Have as many workers; one that died is replaced."""
        self._leaving = [each for each in self._leaving if each.poll() is None]
        self._running = [each for each in self._running if each.poll() is None]
        while len(self._running) > number:
            leaving = self._running.pop()
            leaving.terminate()
            self._leaving.append(leaving)
        while len(self._running) < number:
            self._made += 1
            self._running.append(
                subprocess.Popen(
                    [sys.executable, "-m", "actors.run", "--stage", str(self._stage)],
                    cwd=ROOT,
                    env={**self._environment, "HONCHO_PROCESS_NAME": f"{self._stage}.auto{self._made}"},
                    stdin=subprocess.DEVNULL,
                    preexec_fn=die_with_parent,
                )
            )

    def end(self) -> None:
        """Let all of them finish or give back what they hold."""
        self.be(0)
        deadline = time.monotonic() + self._patience
        for each in self._leaving:
            with contextlib.suppress(subprocess.TimeoutExpired):
                each.wait(max(0.1, deadline - time.monotonic()))
        for each in self._leaving:
            if each.poll() is None:
                each.kill()
                each.wait()


class _Elsewhere:
    """Workers that a command starts and stops; it is run when their number changes, and again when it failed."""

    def __init__(self, template: str, stage: Stage) -> None:
        try:
            self._words, self._stage = shlex.split(template), str(stage)
            self._filled(0)
        except (ValueError, KeyError, IndexError) as error:
            raise InvalidInput(
                f"The command cannot be read: {error}.", remedy="It may name {workers} and {stage}; { is written {{."
            ) from None
        self._number: int | None = None

    def be(self, number: int) -> None:
        """Run the command when the number is another one than it last succeeded for.

        Raises
        ------
        HallmarkError
        """
        if number == self._number:
            return
        words = self._filled(number)
        try:
            subprocess.run(words, check=True, timeout=COMMAND_SECONDS, stdin=subprocess.DEVNULL)
        except (OSError, subprocess.SubprocessError) as error:
            raise HallmarkError(f"{shlex.join(words)} failed: {error}") from error
        self._number = number

    def end(self) -> None:
        """Leave them as they are."""

    def _filled(self, number: int) -> list[str]:
        return [word.format(workers=number, stage=self._stage) for word in self._words]
