"""A container's limits count as the machine's, in the files of cgroup v1 and v2."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from runtime.limits import cpus, memory

GIB = 1 << 30


def make(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


V2 = "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
V1 = (
    "31 23 0:27 {root} /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "32 23 0:28 {root} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
)


def test_version_2_with_its_own_namespace(tmp_path: Path) -> None:
    root = make(
        tmp_path,
        {
            "proc/self/cgroup": "0::/\n",
            "proc/self/mountinfo": V2,
            "sys/fs/cgroup/memory.max": f"{GIB}\n",
            "sys/fs/cgroup/memory.current": f"{GIB // 2}\n",
            "sys/fs/cgroup/memory.stat": f"anon 5\ninactive_file {GIB // 8}\n",
            "sys/fs/cgroup/cpu.max": "100000 100000\n",
        },
    )
    found = memory(root)
    assert (found.total, found.available) == (GIB, GIB // 2 + GIB // 8)
    assert cpus(root) == 1


def test_version_2_where_a_group_above_has_the_limit(tmp_path: Path) -> None:
    root = make(
        tmp_path,
        {
            "proc/self/cgroup": "0::/system.slice/hallmark.service\n",
            "proc/self/mountinfo": V2,
            "sys/fs/cgroup/system.slice/memory.max": str(2 * GIB),
            "sys/fs/cgroup/system.slice/hallmark.service/memory.max": "max\n",
            "sys/fs/cgroup/system.slice/hallmark.service/cpu.max": "50000 100000\n",
        },
    )
    assert memory(root).total == 2 * GIB
    assert cpus(root) == 1


@pytest.mark.parametrize(
    ("shown", "inside"), [("/", "/docker/abc"), ("/docker/abc", "")], ids=["host's view", "container's view"]
)
def test_version_1(tmp_path: Path, shown: str, inside: str) -> None:
    groups = "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n"
    root = make(
        tmp_path,
        {
            "proc/self/cgroup": groups,
            "proc/self/mountinfo": V1.format(root=shown),
            f"sys/fs/cgroup/memory{inside}/memory.limit_in_bytes": f"{GIB}\n",
            f"sys/fs/cgroup/memory{inside}/memory.usage_in_bytes": f"{GIB}\n",
            f"sys/fs/cgroup/memory{inside}/memory.stat": f"inactive_file 1\ntotal_inactive_file {GIB // 4}\n",
            f"sys/fs/cgroup/cpu,cpuacct{inside}/cpu.cfs_quota_us": "50000\n",
            f"sys/fs/cgroup/cpu,cpuacct{inside}/cpu.cfs_period_us": "100000\n",
        },
    )
    assert (memory(root).total, memory(root).available) == (GIB, GIB // 4)
    assert cpus(root) == 1


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"proc/self/cgroup": "0::/\n", "proc/self/mountinfo": V2, "sys/fs/cgroup/cpu.max": "max 100000\n"},
        {
            "proc/self/cgroup": "5:memory:/\n4:cpu,cpuacct:/\n",
            "proc/self/mountinfo": V1.format(root="/"),
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        },
    ],
    ids=["no cgroup", "version 2 without limits", "version 1 without limits"],
)
def test_without_a_limit_the_machine_counts(tmp_path: Path, files: dict[str, str]) -> None:
    root = make(tmp_path, files)
    assert memory(root).total == psutil.virtual_memory().total
    assert cpus(root) == len(os.sched_getaffinity(0))
