"""The endpoint of every process, towards clients that behave badly."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from prometheus_client.registry import CollectorRegistry

from runtime import endpoint
from runtime.endpoint import Endpoint
from runtime.pulse import Pulse
from runtime.settings import load_settings


@pytest.mark.parametrize("sent", [b"", b"GET /health HT", b"GET /health HTTP/1.1\r\nHost: a\r\n"])
def test_a_connection_that_stalls_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(endpoint, "REQUEST_SECONDS", 0.2)
    settings = load_settings(state_dir=tmp_path)
    served = Endpoint(settings, "test", Pulse(), port=0, registry=CollectorRegistry()).start()
    try:
        with socket.create_connection(("127.0.0.1", served.port), timeout=5) as connection:
            connection.sendall(sent)
            assert connection.recv(1000) == b""
    finally:
        served.stop()
