"""Which web pages a browser lets call core, and that the others are refused and not only left unread."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, WSServerHandshakeError
from aiohttp.test_utils import TestServer

from core.process.node import Node
from core.process.server import Server
from core.settings import load_core_settings
from runtime.errors import ConfigurationError
from tests.core.chain import node_at
from tests.processes import started

PAGE = "http://localhost:5173"
ASKED = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
CALL = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}


@asynccontextmanager
async def session_of(node: Node) -> AsyncIterator[ClientSession]:
    async with (
        TestServer(Server(node, started(node.settings, "core")).application()) as served,
        ClientSession(base_url=served.make_url("/")) as session,
    ):
        yield session


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[ClientSession]:
    """A session with a core that asks for a token and allows one page."""
    node = node_at(tmp_path, token="secret", core_origins=f"{PAGE}, moz-extension://1b2c")
    async with session_of(node) as session:
        yield session
    node.store.close()


async def test_a_preflight_of_an_allowed_page_is_answered_without_a_token(browser: ClientSession) -> None:
    for origin in (PAGE, "moz-extension://1b2c"):
        async with browser.options("/", headers={"Origin": origin, **ASKED}) as answer:
            assert answer.status == 204
            assert answer.headers["Access-Control-Allow-Origin"] == origin
            assert "POST" in answer.headers["Access-Control-Allow-Methods"]
            assert "content-type" in answer.headers["Access-Control-Allow-Headers"]


async def test_the_call_itself_names_the_page_and_needs_the_token(browser: ClientSession) -> None:
    for token, status in (("secret", 200), ("wrong", 401)):
        headers = {"Origin": PAGE, "Authorization": f"Bearer {token}"}
        async with browser.post("/", json=CALL, headers=headers) as answer:
            assert answer.status == status
            assert answer.headers["Access-Control-Allow-Origin"] == PAGE


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:5174", "*", PAGE + ".evil.example"]
)
async def test_other_pages_are_refused_whatever_they_send(browser: ClientSession, origin: str) -> None:
    headers = {"Origin": origin, "Authorization": "Bearer secret"}
    async with browser.options("/", headers=headers | ASKED) as answer:
        assert answer.status == 403 and "Access-Control-Allow-Origin" not in answer.headers
    body = '{"jsonrpc":"2.0","method":"hallmark_sealBatch","id":1}'
    async with browser.post("/", data=body, headers=headers | {"Content-Type": "text/plain"}) as answer:
        assert answer.status == 403
        assert "HALLMARK_CORE_ORIGINS" in (await answer.json())["error"]["remedy"]
    with pytest.raises(WSServerHandshakeError):
        await browser.ws_connect("/", headers=headers)


async def test_a_star_allows_every_page(tmp_path: Path) -> None:
    node = node_at(tmp_path, core_origins="*")
    headers = {"Origin": "http://any.example"}
    async with session_of(node) as session, session.post("/", json=CALL, headers=headers) as answer:
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, "http://any.example")
    node.store.close()


@pytest.mark.parametrize("value", ["localhost:5173", "http://localhost/", "http://a.example,b", "http://a b"])
def test_what_is_no_origin_is_refused_at_the_start(value: str) -> None:
    with pytest.raises(ConfigurationError, match="HALLMARK_CORE_ORIGINS"):
        load_core_settings(core_origins=value)
