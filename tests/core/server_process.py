"""A process of Hallmark under test: free port, state folder of its own, log file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.servers import free_port

START_SECONDS = 90


class ServerProcess:
    """``python -m MODULE`` with its HTTP server on a free port."""

    def __init__(self, module: str, folder: Path, **environment: str) -> None:
        port = free_port()
        self.module = module
        self.url = f"http://127.0.0.1:{port}"
        self.log = folder / f"{module}.log"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HALLMARK_")}
        self.environment = kept | {
            "HALLMARK_STATE_DIR": str(folder),
            f"HALLMARK_{module.upper()}_PORT": str(port),
            "HALLMARK_CORE_BATCH_SECONDS": "0",
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, **changes: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.module], env=self.environment | changes, stderr=log, stdout=log
            )
        return self.process

    def wait_for(self, path: str, status: int = 200) -> dict[str, Any]:
        """Ask until the server answers with this status, and return the JSON body."""
        assert self.process is not None
        for _ in range(START_SECONDS * 10):
            assert self.process.poll() is None, self.log.read_text()
            try:
                with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                    found, body = answer.status, answer.read()
            except urllib.error.HTTPError as error:
                found, body = error.code, error.read()
            except OSError:
                found, body = 0, b"{}"
            if found == status:
                content: dict[str, Any] = json.loads(body)
                return content
            time.sleep(0.1)
        pytest.fail(f"{self.module} did not answer {status}: {self.log.read_text()}")

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", self.module, *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60, check=False)

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
