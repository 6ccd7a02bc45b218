"""A local L1 for demos and tests: anvil where Node is at hand, else py-evm in a process of its own."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from cli import node_packages
from core.eth_sender.connection import connect
from core.eth_sender.errors import L1Error, L1Unavailable
from runtime.settings import CHECKOUT

#: Private key of the first account of the published mnemonic; it has ether on every local L1, and nothing elsewhere.
KEY = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"

CONTRACTS = CHECKOUT / "contracts"
_ANVIL = Path("node_modules/@foundry-rs/anvil/bin.mjs")
#: Seconds that a node has to start; py-evm loads for a while.
START_SECONDS = 60.0
#: Seconds that a node has to end.
END_SECONDS = 10.0


class LocalL1Failed(L1Error):
    """The local L1 does not start."""

    code = "local_l1_failed"
    default_remedy = "Run it by itself to see why: `python -m cli.evm_node --port 8545`."


def packages_missing() -> str:
    """Install what ``contracts/package-lock.json`` pins, where Node is at hand; return why it cannot be, or nothing."""
    return node_packages.packages_missing(CONTRACTS, "solc")


def anvil(*options: str) -> list[str]:
    """Return the command line of anvil, but for its port."""
    return ["node", str(CONTRACTS / _ANVIL), "--silent", *options]


def evm_node() -> list[str]:
    """Return the command line of the node in Python, but for its port."""
    return [sys.executable, "-m", "cli.evm_node"]


@contextlib.contextmanager
def local_l1() -> Iterator[tuple[str, str]]:
    """Run a local L1 and yield what it is and its URL."""
    name, command = ("py-evm", evm_node()) if packages_missing() else ("anvil", anvil())
    with running(command) as url:
        yield name, url


@contextlib.contextmanager
def running(command: Sequence[str]) -> Iterator[str]:
    """Run a node on a free port of this host and yield its URL.

    Raises
    ------
    LocalL1Failed
    """
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    process = subprocess.Popen([*command, "--port", str(port)], cwd=CHECKOUT, stdout=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url, process)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    web3 = connect(url)
    deadline = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(L1Unavailable):
            _ = web3.eth.chain_id
            return
        if process.poll() is not None or time.monotonic() > deadline:
            raise LocalL1Failed()
        time.sleep(0.05)
