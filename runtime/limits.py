"""What this process may use: memory and CPUs of the machine, or of its container (cgroup v1 or v2), and descriptors."""

from __future__ import annotations

import math
import os
import re
import resource
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: A version 1 limit from here on means none; the kernel's own number depends on its page size.
_NO_LIMIT = 1 << 62


@dataclass(frozen=True)
class Memory:
    """Bytes in all, and free now without touching swap."""

    total: int
    available: int


def memory(root: Path = Path("/")) -> Memory:
    """Return the memory of the machine or the container, whichever is less.

    Parameters
    ----------
    root
        Where ``proc`` and the cgroup file systems are.
    """
    # Here, because every command asks for CPUs and few for memory.
    import psutil

    machine = psutil.virtual_memory()
    total, available = int(machine.total), int(machine.available)
    for folder in group_folders(root, "memory"):
        limit = _number(folder, "memory.max", "memory.limit_in_bytes")
        if limit is None or limit >= _NO_LIMIT:
            continue
        used = _number(folder, "memory.current", "memory.usage_in_bytes") or 0
        total = min(total, limit)
        available = min(available, max(0, limit - used + _reclaimable(folder)))
    return Memory(total, available)


def cpus(root: Path = Path("/")) -> int:
    """Return how many CPUs this process may keep busy: those it may run on, or its container's quota, rounded up."""
    found = len(os.sched_getaffinity(0))
    for folder in group_folders(root, "cpu"):
        quota = _quota(folder)
        if quota is not None:
            found = min(found, max(1, math.ceil(quota)))
    return found


def connections(most: int) -> int:
    """Return how many connections a server of this process may hold: half of the descriptors that it has left."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return most
    used = sum(1 for _ in Path("/proc/self/fd").iterdir())
    return max(2, min(most, (soft - used) // 2))


def group_folders(root: Path, controller: str) -> Iterator[Path]:
    """Yield the cgroup of this process and those above it, as far as they are mounted; a limit of any of them holds."""
    for mounted_at, shown, path in _groups(root, controller):
        inside = Path(os.path.relpath(path, shown)) if Path(path).is_relative_to(shown) else Path()
        base = root / mounted_at.lstrip("/")
        for folder in (base / inside, *(base / above for above in inside.parents)):
            if folder.is_dir():
                yield folder


def _groups(root: Path, controller: str) -> Iterator[tuple[str, str, str]]:
    """Yield ``(mount point, root of the mount, this process's group)`` for a controller."""
    groups: dict[str, str] = {}
    for line in lines_of(root / "proc/self/cgroup"):
        _, names, path = line.split(":", 2)
        groups |= dict.fromkeys(names.split(",") if names else ["cgroup2"], path)
    for line in lines_of(root / "proc/self/mountinfo"):
        left, _, right = line.partition(" - ")
        fields, kinds = left.split(), right.split()
        if len(fields) < 5 or len(kinds) < 3:
            continue
        shown, mounted_at = (_unescaped(field) for field in fields[3:5])
        if kinds[0] == "cgroup2" and "cgroup2" in groups:
            yield mounted_at, shown, groups["cgroup2"]
        elif kinds[0] == "cgroup" and controller in kinds[2].split(",") and controller in groups:
            yield mounted_at, shown, groups[controller]


def _quota(folder: Path) -> float | None:
    """Return the CPU quota of a group in CPUs, None when it has none."""
    for line in lines_of(folder / "cpu.max"):
        quota, _, period = line.partition(" ")
        return None if quota == "max" else int(quota) / int(period or 100_000)
    given, every = _number(folder, "cpu.cfs_quota_us"), _number(folder, "cpu.cfs_period_us")
    return given / every if given and given > 0 and every else None


def _reclaimable(folder: Path) -> int:
    """Return the bytes of cached files that the kernel drops before it calls the memory spent."""
    found = dict(line.split(" ", 1) for line in lines_of(folder / "memory.stat") if " " in line)
    return int(found.get("total_inactive_file") or found.get("inactive_file") or 0)


def _number(folder: Path, *names: str) -> int | None:
    for name in names:
        for line in lines_of(folder / name):
            return int(line) if re.fullmatch(r"-?\d+", line) else None
    return None


def lines_of(path: Path) -> list[str]:
    """Return a file's lines, none when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _unescaped(field: str) -> str:
    """Undo the octal escapes of ``mountinfo``."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), field)
