"""The kernel's counts of processes that it ended for memory, of a group that stays, is made anew, or is none."""

from __future__ import annotations

import shutil
from pathlib import Path

from runtime.memory_kills import killed_since, memory_kills
from tests.runtime.test_limits import V2, make

BOOT = "proc/sys/kernel/random/boot_id"
EVENTS = "sys/fs/cgroup/memory.events"


def machine(root: Path, kills: int, *, boot: str = "one") -> Path:
    return make(root, {"proc/vmstat": f"pgfault 5\noom_kill {kills}\n", BOOT: boot})


def group(root: Path, kills: int) -> Path:
    files = {"proc/self/cgroup": "0::/\n", "proc/self/mountinfo": V2, EVENTS: f"oom 9\noom_kill {kills}\n"}
    return make(root, files)


def test_without_a_group_the_machine_counts(tmp_path: Path) -> None:
    before = memory_kills(machine(tmp_path, 7))
    assert (before.in_group, before.on_machine) == (0, 7)
    assert not killed_since(before, tmp_path)
    assert killed_since(before, machine(tmp_path, 8))


def test_while_the_group_stays_others_on_the_machine_do_not_count(tmp_path: Path) -> None:
    before = memory_kills(group(machine(tmp_path, 7), 3))
    assert (before.in_group, before.on_machine) == (3, 7)
    assert not killed_since(before, machine(tmp_path, 8))
    assert killed_since(before, group(tmp_path, 4))


def test_a_group_that_was_made_anew_leaves_it_to_the_machine(tmp_path: Path) -> None:
    before = memory_kills(group(machine(tmp_path, 7), 3))
    # Renamed first, so that the new folder cannot get the old one's number.
    shutil.move(tmp_path / "sys/fs/cgroup", tmp_path / "gone")
    group(tmp_path, 0)
    assert not killed_since(before, tmp_path)
    assert killed_since(before, machine(tmp_path, 8))


def test_after_a_restart_of_the_machine_nothing_is_known(tmp_path: Path) -> None:
    before = memory_kills(machine(tmp_path, 7))
    assert not killed_since(before, machine(tmp_path, 9, boot="two"))


def test_version_1_counts_too(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "5:memory:/docker/abc\n",
        "proc/self/mountinfo": "31 23 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
        "sys/fs/cgroup/memory/docker/abc/memory.oom_control": "oom_kill_disable 0\noom_kill 2\n",
    }
    assert memory_kills(make(tmp_path, files)).in_group == 2
