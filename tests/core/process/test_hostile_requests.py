"""Requests that no client of ours makes: each gets a typed refusal, and core serves the next one."""

from __future__ import annotations

import asyncio
import json

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from core.http import errors as http_errors
from core.process.node import Node
from core.proofs import proof_data_handler
from tests.core.chain import stand_in_proof
from tests.core.proofs.test_proof_data_handler import ask, outputs, seal, submissions, submit


async def exchange(server: TestServer, *parts: bytes) -> tuple[int, bytes]:
    """Send raw bytes, in packets of their own, and return the answer's status and body."""
    reader, writer = await asyncio.open_connection(server.host, server.port)
    for part in parts:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(0.1)
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    body = await reader.readexactly(int(lengths[0]))
    writer.close()
    return int(head.split()[1]), body


def request(method: str, path: str, *headers: bytes, body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1".encode(), b"Host: core", *headers]
    return b"\r\n".join([*lines, b"", body])


def code(body: bytes) -> str:
    return str(json.loads(body)["error"]["code"])


async def test_a_token_that_is_no_text_is_unknown(server: TestServer, node: Node) -> None:
    seal(node)
    for path in ("/submit_proof/1", "/renew_offer/1"):
        sent = request("POST", path, b"Hallmark-Offer: \xff\xfe", b"Content-Length: 0")
        status, body = await exchange(server, sent)
        assert (status, code(body)) == (403, "offer_unknown")


@pytest.mark.parametrize("path", ["/", "/proof_generation_data", "/submit_proof/1"])
@pytest.mark.parametrize("encoding", [b"gzip", b"deflate"])
async def test_a_compressed_body_is_refused(server: TestServer, node: Node, path: str, encoding: bytes) -> None:
    headers = (b"Content-Encoding: " + encoding, b"Content-Length: 5")
    status, body = await exchange(server, request("POST", path, *headers, body=b"hello"))
    assert (status, code(body)) == (400, "invalid_input")


@pytest.mark.parametrize("path", ["/", "/proof_generation_data", "/submit_proof/1"])
@pytest.mark.parametrize("rest", [b"ZZ\r\n", b"5\r\nhel"], ids=["broken", "stalled"])
async def test_a_body_that_never_ends_is_refused_and_gives_its_place_back(
    http: ClientSession, server: TestServer, node: Node, monkeypatch: pytest.MonkeyPatch, path: str, rest: bytes
) -> None:
    seal(node)
    token = (await ask(http))[1]["offer_token"]
    monkeypatch.setattr(http_errors, "BODY_SECONDS", 0.3)
    monkeypatch.setattr(proof_data_handler, "RECEIVE_SECONDS", 0.3)
    headers = (f"Hallmark-Offer: {token}".encode(), b"Transfer-Encoding: chunked")
    sent = (request("POST", path, *headers, body=b"5\r\nhello\r\n"), rest)
    answers = await asyncio.gather(*(exchange(server, *sent) for _ in range(4)))
    assert [status for status, _ in answers] == [400] * 4
    assert {code(body) for _, body in answers} <= {"invalid_input", "proof_truncated"}
    assert (await submit(http, 1, token, stand_in_proof(outputs(node)[1])))[0] == 200
    assert submissions(node)[-1] == "accepted"


async def test_a_batch_number_has_ascii_digits(server: TestServer, node: Node) -> None:
    seal(node)
    assert (await exchange(server, request("GET", "/batches/1")))[0] == 200
    status, body = await exchange(server, request("GET", "/batches/%D9%A1"))
    assert (status, code(body)) == (404, "batch_unknown")
