from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.guest.native import Host, compile_host


@pytest.fixture(scope="session")
def host_executable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("guest") / "host"
    compile_host(target)
    return target


@pytest.fixture
def host(host_executable: Path) -> Iterator[Host]:
    running = Host(host_executable)
    yield running
    running.close()
