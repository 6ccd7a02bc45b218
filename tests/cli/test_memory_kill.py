"""A process that the kernel ends for memory, for real: in a memory cgroup, as a container is one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from cli.supervisor import KILLED_FOR_MEMORY
from tests.actors.cluster import ROOT
from tests.memory_group import memory_group

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


def test_a_process_that_the_kernel_ends_for_memory_is_told_as_such(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with memory_group(LIMIT) as group:
        command = [sys.executable, "-c", SUPERVISING, str(group)]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, timeout=60, text=True)
    assert f"big.1 {KILLED_FOR_MEMORY}" in done.stdout.splitlines(), done.stdout[-2000:] + done.stderr[-2000:]
