"""``python -m tests.core.eth_watch.core_process FOLDER PORT L1 EXECUTOR KEY``: a core that may be killed at any time.

It seals by itself, watches L1 and sends what has a proof; KEY is the digest of the verifying key that the contract has.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from aiohttp import web
from web3 import Web3

from core.eth_sender.connection import connect
from core.eth_sender.executor import Executor, Rules
from core.eth_sender.sender import EthSender, Expected, Terms
from core.eth_sender.signer import Signer
from core.eth_watch.watcher import Watcher
from core.process.server import Server
from tests.core.chain import CHAIN_ID, node_at
from tests.core.eth_sender.rollup import GWEI, KEY, KEY_SET
from tests.processes import started

CONFIRMATIONS = 2


def main() -> None:
    folder, port, url, address, key = sys.argv[1:]
    web3: Web3 = connect(url)
    node = node_at(Path(folder), time.time, core_batch_seconds=0.3, core_l1_poll_seconds=0.1)
    executor = Executor(web3, address)
    rules = Rules(1, bytes.fromhex(node.program.commitment), KEY_SET, bytes.fromhex(key))
    sender = EthSender(
        node.store,
        node.snarks,
        web3,
        executor,
        Signer(KEY, "the test"),
        Expected(CHAIN_ID, rules),
        Terms(CONFIRMATIONS, 5.0, 500 * GWEI),
    )
    watcher = Watcher(node.store, web3, executor, CONFIRMATIONS, 0)
    server = Server(node, started(node.settings, "core"), sender.step, watcher.step)
    web.run_app(server.application(), host="127.0.0.1", port=int(port), print=None)


if __name__ == "__main__":
    main()
