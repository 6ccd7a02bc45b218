from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from core.process.node import Node
from core.process.server import Server
from tests.core.chain import Clock, node_at
from tests.processes import started


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def node(tmp_path: Path, clock: Clock) -> Iterator[Node]:
    opened = node_at(tmp_path, clock)
    yield opened
    opened.store.close()


@pytest.fixture
async def server(node: Node) -> AsyncIterator[TestServer]:
    """Core's real server on a free port."""
    async with TestServer(Server(node, started(node.settings, "core")).application()) as served:
        yield served


@pytest.fixture
async def http(server: TestServer) -> AsyncIterator[ClientSession]:
    async with ClientSession(base_url=server.make_url("/")) as session:
        yield session
