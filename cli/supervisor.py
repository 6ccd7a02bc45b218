"""Keeps the processes of the Procfile running on one machine: restarts what dies, drains on SIGTERM.

A child runs in a session of its own, so that Ctrl-C reaches only the supervisor, which then drains the children in
order. Should the supervisor itself be killed, the kernel sends SIGTERM to every child (Linux `PR_SET_PDEATHSIG`).
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from cli.procfile import ProcessType

#: Seconds a child may take to finish after SIGTERM before it is killed.
DRAIN_SECONDS = 30.0
#: A child that lived this long is considered healthy: its back-off starts anew.
HEALTHY_SECONDS = 20.0
#: First and longest pause before a restart, in seconds.
BACKOFF_SECONDS = (0.5, 30.0)
#: Exit status of a process whose configuration is wrong (sysexits.h EX_CONFIG); restarting it cannot help.
EXIT_CONFIGURATION = 78

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Child:
    """One running (or restarting) instance of a process type."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    backoff: float = BACKOFF_SECONDS[0]
    restart_at: float = 0.0
    restarts: int = 0
    reader: threading.Thread | None = field(default=None, repr=False)


class Supervisor:
    """Runs process types until told to stop.

    Parameters
    ----------
    types
        Process types with how many instances of each; the order is the order of starting, and the reverse of stopping.
    environment
        The children's environment; `HALLMARK_PROCESS` (such as `prove.1`) is added for each.
    output
        Called with (child name, line) for every line a child prints.
    """

    def __init__(
        self,
        types: Sequence[tuple[ProcessType, int]],
        *,
        directory: Path,
        environment: Mapping[str, str],
        output: Callable[[str, str], None],
    ) -> None:
        self._directory = directory
        self._output = output
        self._stop = threading.Event()
        self.failed: Child | None = None
        self.children = [
            Child(
                f"{kind.name}.{index}",
                resolve(kind.command),
                {**environment, "HALLMARK_PROCESS": f"{kind.name}.{index}"},
            )
            for kind, count in types
            for index in range(1, count + 1)
        ]

    def stop(self) -> None:
        """Ask `run` to drain and return; safe in a signal handler and from other threads."""
        self._stop.set()

    def run(self) -> int:
        """Start everything, restart what dies, and drain when asked; returns the exit status."""
        try:
            while not self._stop.is_set():
                for child in self.children:
                    self._tend(child)
                    if self.failed is not None:
                        break
                self._stop.wait(0.1)
        finally:
            self._drain()
        return EXIT_CONFIGURATION if self.failed is not None else 0

    def _tend(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is None:
            if now >= child.restart_at:
                self._start(child)
            return
        status = child.process.poll()
        if status is None:
            if now - child.started > HEALTHY_SECONDS:
                child.backoff = BACKOFF_SECONDS[0]
            return
        child.process = None
        if status == EXIT_CONFIGURATION:
            self._output(child.name, "stopped: its configuration is wrong (see the message above)")
            self.failed = child
            self._stop.set()
            return
        child.restarts += 1
        child.restart_at = now + child.backoff
        self._output(child.name, f"ended with status {status}; starting it again in {child.backoff:.1f} s")
        child.backoff = min(child.backoff * 2, BACKOFF_SECONDS[1])

    def _start(self, child: Child) -> None:
        child.started = time.monotonic()
        child.process = subprocess.Popen(
            child.command,
            cwd=self._directory,
            env=dict(child.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
        assert child.process.stdout is not None
        child.reader = threading.Thread(target=self._read, args=(child.name, child.process.stdout), daemon=True)
        child.reader.start()

    def _read(self, name: str, stream: IO[bytes]) -> None:
        for line in stream:
            self._output(name, line.decode(errors="replace").rstrip("\n"))

    def _drain(self) -> None:
        running = [child for child in reversed(self.children) if child.process is not None]
        for child in running:
            _signal(child, signal.SIGTERM)
        deadline = time.monotonic() + DRAIN_SECONDS
        for child in running:
            assert child.process is not None
            try:
                child.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._output(child.name, f"did not finish within {DRAIN_SECONDS:.0f} s of SIGTERM; killing it")
            # The group outlives its leader when that left children of its own behind.
            _signal(child, signal.SIGKILL)
            child.process.wait()


def _signal(child: Child, number: signal.Signals) -> None:
    assert child.process is not None
    try:
        os.killpg(child.process.pid, number)
    except (ProcessLookupError, PermissionError):
        return


def resolve(command: Sequence[str]) -> Sequence[str]:
    """Run `python` of a Procfile line with this interpreter, whatever PATH says."""
    return [sys.executable, *command[1:]] if command[0] in {"python", "python3"} else command
