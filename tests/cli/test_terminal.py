"""Terminals and pipes that cannot show a name get it escaped; a proxy does not catch loopback."""

from __future__ import annotations

import http.server
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core.tools.client import CoreClient
from runtime.proxies import LOOPBACK, spare_loopback

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "guest" / "programs" / "stf.elf"


@pytest.mark.parametrize("name", ["é.elf".encode(), b"\xff.elf"], ids=["not ASCII", "not UTF-8"])
def test_a_name_that_cannot_be_shown_is_escaped(tmp_path: Path, name: bytes) -> None:
    shutil.copy(PROGRAM, os.fsencode(tmp_path) + b"/" + name)
    done = subprocess.run(
        [sys.executable.encode(), b"-m", b"cli.main", b"inspect", os.fsencode(tmp_path) + b"/" + name],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii() and b".elf" in done.stdout and not done.stderr


class _Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None: ...


def test_core_on_loopback_is_reached_past_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Ready) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        CoreClient(f"http://127.0.0.1:{server.server_address[1]}").ready()
        server.shutdown()


def test_every_client_library_is_told_to_spare_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "intern.example, 10.0.0.1")
    monkeypatch.setenv("NO_PROXY", "other.example")
    spare_loopback()
    assert os.environ["no_proxy"] == os.environ["NO_PROXY"]
    assert os.environ["no_proxy"].split(",") == ["intern.example", "10.0.0.1", "other.example", *LOOPBACK]
