"""What a supervisor writes down about its processes, for `hallmark status`; and that there is one per state folder."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from runtime.errors import ConfigurationError
from runtime.private import private_file
from runtime.run_files import run_folder


class AlreadyRunning(ConfigurationError):
    """Another `hallmark run` uses the state folder."""

    code = "already_running"
    default_remedy = "Stop it first, or give this one a HALLMARK_STATE_DIR and ports of its own."


@contextlib.contextmanager
def only_supervisor(state_dir: Path) -> Iterator[None]:
    """Hold the state folder; the kernel frees it when the process ends, however it ends.

    Raises
    ------
    AlreadyRunning
        Another supervisor holds it.
    """
    with private_file(run_folder(state_dir) / "supervisor.lock").open("r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise AlreadyRunning(f"Another `hallmark run` (pid {lock.read().strip()}) uses {state_dir}.") from None
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        try:
            yield
        finally:
            _path(state_dir).unlink(missing_ok=True)
            lock.truncate(0)


def write(state_dir: Path, children: Sequence[dict[str, Any]]) -> None:
    """Write down how the processes are; a disk that is full loses it, nothing else."""
    path = _path(state_dir)
    with contextlib.suppress(OSError):
        temporary = private_file(path.with_suffix(".part"))
        temporary.write_text(json.dumps({"pid": os.getpid(), "children": list(children)}), encoding="utf-8")
        temporary.replace(path)


def outages(state_dir: Path) -> list[str]:
    """Return a line for every process that its supervisor could not keep running."""
    try:
        found = json.loads(_path(state_dir).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    if not Path(f"/proc/{found['pid']}").exists():
        return []
    return [_line(child) for child in found["children"] if child["restart_at"] is not None]


def _line(child: dict[str, Any]) -> str:
    wait = max(0.0, child["restart_at"] - time.time())
    reason = f": {child['reason']}" if child["reason"] else ""
    return (
        f"{child['name']} is down (status {child['status']}, restarts so far {child['restarts']}, "
        f"the next in {wait:.0f} s){reason}"
    )


def _path(state_dir: Path) -> Path:
    return run_folder(state_dir) / "supervisor.json"
