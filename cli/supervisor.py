"""Keeps the processes of the Procfile running on one machine: restarts what dies, drains on SIGTERM.

A child runs in a session of its own, so that Ctrl-C reaches only the supervisor, which then drains the children in
order. Should the supervisor itself be killed, the kernel sends SIGTERM to every child (Linux `PR_SET_PDEATHSIG`).

Wrong configuration (status 78) ends everything only when a process says it at its first start, before it has ever been
up: then the operator stands there. Later it is an outage of something else, and is retried with a growing pause.
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
from typing import IO, Any

from cli.procfile import ProcessType
from runtime.memory_kills import MemoryKills, killed_since, memory_kills
from runtime.process import Exit

#: Seconds a child may take to finish after SIGTERM before it is killed, where nothing else is asked for.
DRAIN_SECONDS = 30.0
#: A child that lived this long is considered healthy: its back-off starts anew.
HEALTHY_SECONDS = 20.0
#: First and longest pause before a restart, in seconds.
BACKOFF_SECONDS = (0.5, 30.0)
#: Seconds to wait for the last lines of a child that ended.
READ_SECONDS = 1.0
#: Characters of a child's last line that are kept as the reason of its end.
MAX_REASON = 500
#: What is told of a child that was killed while the kernel's count of processes ended for memory rose.
KILLED_FOR_MEMORY = "the kernel ended it because memory ran out: lower HALLMARK_MEMORY, or run fewer processes here"

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent ends; called in a child before it runs its program."""
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
    up: bool = False
    status: int = 0
    last_line: str = ""
    memory_kills: MemoryKills = field(default_factory=memory_kills, repr=False)
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
        Called with (child name, line) for every line a child prints; must not block.
    stopping
        Ends the run when set.
    came_up
        Whether the child with a process id has said that it is up.
    told
        Called with how every child is, whenever that changes.
    drain_seconds
        A child may take this long to finish after SIGTERM before it is killed.
    """

    def __init__(
        self,
        types: Sequence[tuple[ProcessType, int]],
        *,
        directory: Path,
        environment: Mapping[str, str],
        output: Callable[[str, str], None],
        stopping: threading.Event | None = None,
        came_up: Callable[[int], bool] = lambda pid: False,
        told: Callable[[Sequence[dict[str, Any]]], None] = lambda children: None,
        drain_seconds: float = DRAIN_SECONDS,
    ) -> None:
        self._directory = directory
        self._output, self._came_up, self._told = output, came_up, told
        self._drain_seconds = drain_seconds
        self._stop = stopping or threading.Event()
        self.failed: Child | None = None
        self.children = [
            Child(
                f"{kind.name}.{index}",
                resolve_command(kind.command),
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
        return Exit.CONFIGURATION if self.failed is not None else Exit.OK

    def _tend(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is None:
            if now >= child.restart_at:
                self._start(child)
            return
        status = child.process.poll()
        if status is None:
            healthy = now - child.started > HEALTHY_SECONDS
            child.up = child.up or healthy or self._came_up(child.process.pid)
            if healthy:
                child.backoff = BACKOFF_SECONDS[0]
            return
        child.process, child.status = None, status
        if child.reader is not None:
            child.reader.join(READ_SECONDS)
        if status == Exit.CONFIGURATION and not child.up and not child.restarts:
            self._output(child.name, "stopped: its configuration is wrong (see the message above)")
            self.failed = child
            self._stop.set()
            return
        if status == -signal.SIGKILL and killed_since(child.memory_kills):
            child.last_line = KILLED_FOR_MEMORY
            self._output(child.name, KILLED_FOR_MEMORY)
        child.restarts += 1
        child.restart_at = now + child.backoff
        self._output(child.name, f"ended with status {status}; starting it again in {child.backoff:.1f} s")
        child.backoff = min(child.backoff * 2, BACKOFF_SECONDS[1])
        self._tell()

    def _tell(self) -> None:
        """Tell how every child is; the moment of a restart in epoch seconds, None while it runs."""
        clock = time.time() - time.monotonic()
        self._told(
            [
                {
                    "name": child.name,
                    "pid": None if child.process is None else child.process.pid,
                    "restarts": child.restarts,
                    "status": child.status,
                    "reason": child.last_line,
                    "restart_at": clock + child.restart_at if child.process is None else None,
                }
                for child in self.children
            ]
        )

    def _start(self, child: Child) -> None:
        child.started = time.monotonic()
        child.memory_kills = memory_kills()
        child.process = subprocess.Popen(
            child.command,
            cwd=self._directory,
            env=dict(child.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        assert child.process.stdout is not None
        child.reader = threading.Thread(target=self._read, args=(child, child.process.stdout), daemon=True)
        child.reader.start()
        self._tell()

    def _read(self, child: Child, stream: IO[bytes]) -> None:
        for line in stream:
            text = line.decode(errors="replace").rstrip("\n")
            child.last_line = text[:MAX_REASON]
            self._output(child.name, text)

    def _drain(self) -> None:
        running = [child for child in reversed(self.children) if child.process is not None]
        for child in running:
            _signal(child, signal.SIGTERM)
        deadline = time.monotonic() + self._drain_seconds
        for child in running:
            assert child.process is not None
            try:
                child.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._output(child.name, f"did not finish within {self._drain_seconds:.0f} s of SIGTERM; killing it")
            # The group outlives its leader when that left children of its own behind.
            _signal(child, signal.SIGKILL)
            child.process.wait()


def _signal(child: Child, number: signal.Signals) -> None:
    assert child.process is not None
    try:
        os.killpg(child.process.pid, number)
    except (ProcessLookupError, PermissionError):
        return


def resolve_command(command: Sequence[str]) -> Sequence[str]:
    """Run `python` of a Procfile line with this interpreter, whatever PATH says."""
    return [sys.executable, *command[1:]] if command[0] in {"python", "python3"} else command
