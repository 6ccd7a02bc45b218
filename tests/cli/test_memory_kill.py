"""A process that the kernel ends for memory, for real: in a memory cgroup, as a container is one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.supervisor import KILLED_FOR_MEMORY
from runtime.limits import _groups
from tests.actors.cluster import ROOT

LIMIT = 256 << 20

#: Moves itself into the group, then supervises one process that takes more than there is until it was told of.
SUPERVISING = """
import os, sys, threading, pathlib
from cli.procfile import ProcessType
from cli.supervisor import Supervisor
from cli.supervisor import KILLED_FOR_MEMORY

pathlib.Path(sys.argv[1], "cgroup.procs").write_text(str(os.getpid()))

def output(name, line):
    print(name, line, flush=True)
    if line == KILLED_FOR_MEMORY:
        supervisor.stop()

hoard = "held = [bytearray(b'1' * (8 << 20)) for _ in range(1000)]"
supervisor = Supervisor(
    [(ProcessType("big", (sys.executable, "-c", hoard)), 1)],
    directory=pathlib.Path.cwd(),
    environment=dict(os.environ),
    output=output,
    came_up=lambda pid: False,
    told=lambda children: None,
    drain_seconds=1,
)
threading.Timer(40, supervisor.stop).start()
supervisor.run()
os._exit(0)
"""


@pytest.fixture
def memory_group() -> Iterator[Path]:
    """A cgroup with little memory and no swap, where this user may make one."""
    for mounted_at, shown, group in _groups(Path("/"), "memory"):
        inside = os.path.relpath(group, shown) if Path(group).is_relative_to(shown) else "."
        folder = Path(mounted_at, inside, f"hallmark-{os.getpid()}")
        limit = "memory.max" if Path(mounted_at, "cgroup.controllers").exists() else "memory.limit_in_bytes"
        try:
            folder.mkdir()
        except OSError:
            continue
        try:
            (folder / limit).write_text(str(LIMIT))
            yield folder
            return
        except OSError:
            continue
        finally:
            folder.rmdir()
    pytest.skip("no memory cgroup can be made here: that needs root, and a controller that is handed down")


def test_a_process_that_the_kernel_ends_for_memory_is_told_as_such(memory_group: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", SUPERVISING, str(memory_group)]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, timeout=60, text=True
    )
    assert f"big.1 {KILLED_FOR_MEMORY}" in done.stdout.splitlines(), done.stdout[-2000:] + done.stderr[-2000:]
