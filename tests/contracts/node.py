"""What needs Node: the packages of ``contracts/package-lock.json``, and a development node of Ethereum from them."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest
from web3 import HTTPProvider, Web3

from tests import node
from tests.contracts.deployment import ROOT

#: Seconds that the development node has to start.
START_SECONDS = 30


def packages_missing() -> str:
    """Install what is pinned, where Node is at hand; return why it is not there, else an empty text."""
    return node.packages_missing(ROOT / "contracts", "solc")


def install_packages() -> None:
    """Install what is pinned; where it cannot be, the calling test is skipped."""
    if reason := packages_missing():
        pytest.skip(reason)


@contextlib.contextmanager
def anvil(*options: str) -> Iterator[Web3]:
    """Run a development node on a free port of this host."""
    install_packages()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    command = ["node", "contracts/node_modules/@foundry-rs/anvil/bin.mjs", "--silent", "--port", str(port), *options]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        web3 = Web3(HTTPProvider(f"http://127.0.0.1:{port}"))
        deadline = time.monotonic() + START_SECONDS
        while not web3.is_connected():
            assert process.poll() is None and time.monotonic() < deadline, "anvil does not start"
            time.sleep(0.05)
        yield web3
    finally:
        process.terminate()
        process.wait(START_SECONDS)
