"""A cgroup with little memory, as a container is one, for tests of what the kernel ends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runtime.limits import _groups


@contextmanager
def memory_group(limit: int) -> Iterator[Path]:
    """Make a group with ``limit`` bytes and no swap where this user may, and skip the test elsewhere."""
    for mounted_at, shown, group in _groups(Path("/"), "memory"):
        inside = os.path.relpath(group, shown) if Path(group).is_relative_to(shown) else "."
        folder = Path(mounted_at, inside, f"hallmark-{os.getpid()}")
        name = "memory.max" if Path(mounted_at, "cgroup.controllers").exists() else "memory.limit_in_bytes"
        try:
            folder.mkdir()
        except OSError:
            continue
        try:
            (folder / name).write_text(str(limit))
            yield folder
            return
        except OSError:
            continue
        finally:
            folder.rmdir()
    pytest.skip("no memory cgroup can be made here: that needs root, and a controller that is handed down")
