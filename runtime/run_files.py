"""``STATE_DIR/run``: one small file per running process with its address, so that people and tools find its pages."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
from pathlib import Path
from typing import Any

from runtime.private import private_folder
from runtime.process import Process

#: Name of a process, host, process id; two of a kind never share a file.
_NAME = re.compile(r"(?P<name>.+)@(?P<host>[^@]+)\.(?P<pid>\d+)\.json")


def run_folder(state_dir: Path) -> Path:
    """Return the folder of the files."""
    return state_dir / "run"


def write(process: Process, host: str, port: int) -> Path:
    """Write this process's file, remove those of processes that are gone, and return its path."""
    folder = private_folder(run_folder(process.settings.state_dir))
    _remove_stale(folder)
    here = socket.gethostname().replace("@", "_")
    path = folder / f"{process.name.replace('@', '_')}@{here}.{os.getpid()}.json"
    entry = {
        "process": process.name,
        "pid": os.getpid(),
        "host": host,
        "port": port,
        "started": process.started,
        "ready": not process.waits_for,
    }
    temporary = path.with_suffix(".part")
    temporary.write_text(json.dumps(entry), encoding="utf-8")
    temporary.replace(path)
    return path


def remove(path: Path) -> None:
    """Remove a process's own file."""
    with contextlib.suppress(OSError):
        path.unlink()


def running(state_dir: Path) -> list[dict[str, Any]]:
    """Return what the files of processes on this host say, oldest first, those of ended processes left out."""
    found = []
    for path in run_folder(state_dir).glob("*.json"):
        parts = _NAME.fullmatch(path.name)
        if parts is None or not _runs(parts):
            continue
        with contextlib.suppress(OSError, ValueError):
            found.append(json.loads(path.read_text(encoding="utf-8")))
    return sorted(found, key=lambda entry: float(entry["started"]))


def came_up(state_dir: Path, pid: int) -> bool:
    """Return whether the process with this id on this host has been ready."""
    return any(entry["pid"] == pid and entry["ready"] for entry in running(state_dir))


def _remove_stale(folder: Path) -> None:
    for path in folder.glob("*.json"):
        parts = _NAME.fullmatch(path.name)
        if parts is not None and not _runs(parts):
            remove(path)


def _runs(parts: re.Match[str]) -> bool:
    """Return whether the process may run; of another host's processes nothing is known."""
    if parts["host"] != socket.gethostname().replace("@", "_"):
        return True
    return Path(f"/proc/{parts['pid']}").exists()
