"""How many processes the kernel has ended for memory: a count that is taken twice tells who was killed, and by whom.

The kernel counts per group (a container, a unit of systemd) and for the whole machine. A group is made anew when its
container or unit starts again, and its count begins at 0; then only the machine's still tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runtime.limits import group_folders, lines_of

#: Files of a memory cgroup that hold its count, of version 2 and 1.
_IN_GROUP = ("memory.events", "memory.oom_control")


@dataclass(frozen=True)
class MemoryKills:
    """The counts at one moment.

    Parameters
    ----------
    boot
        Which run of the kernel counted.
    group, identity
        Folder of the process's cgroup and the number that no later group of that name has; empty and 0 without one.
    in_group, on_machine
        Processes ended for memory, 0 where the kernel does not count them.
    """

    boot: str
    group: str
    identity: int
    in_group: int
    on_machine: int


def memory_kills(root: Path = Path("/")) -> MemoryKills:
    """Return the counts of this process's group and of the machine.

    Parameters
    ----------
    root
        Where ``proc`` and the cgroup file systems are.
    """
    group, identity, in_group = "", 0, 0
    for folder in group_folders(root, "memory"):
        counted = _in_group(folder)
        if counted is not None:
            group, identity, in_group = str(folder), _identity(folder), counted
            break
    return MemoryKills(_boot(root), group, identity, in_group, _on_machine(root))


def killed_since(before: MemoryKills, root: Path = Path("/")) -> bool:
    """Return whether the kernel has ended a process of the same group for memory since then.

    Where that group is gone, or there was none, a process of the machine counts; after a restart of the machine nothing
    is known.
    """
    if _boot(root) != before.boot:
        return False
    folder = Path(before.group)
    if before.group and _identity(folder) == before.identity:
        return (_in_group(folder) or 0) > before.in_group
    return _on_machine(root) > before.on_machine


def _in_group(folder: Path) -> int | None:
    for name in _IN_GROUP:
        for line in lines_of(folder / name):
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return None


def _on_machine(root: Path) -> int:
    return sum(int(line.split()[1]) for line in lines_of(root / "proc/vmstat") if line.startswith("oom_kill "))


def _identity(folder: Path) -> int:
    try:
        return folder.stat().st_ino
    except OSError:
        return 0


def _boot(root: Path) -> str:
    return "".join(lines_of(root / "proc/sys/kernel/random/boot_id"))
