"""How long a batch that core has ready waits until the gateway has it: ``python -m benchmarks.fetching``.

A real core and a real gateway in one process, over loopback, with a proof's verification left out. Batches become ready
at random moments, so that the gateway's rhythm does not meet them.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestServer

from broker.artifacts import open_artifacts
from broker.jobs import Batch, JobStore, open_store
from core.process.server import Server
from gateway.cores import cores
from gateway.service import Gateway
from gateway.settings import load_gateway_settings
from runtime.logging import configure_logging
from runtime.settings import load_settings
from tests.core.chain import CHAIN_ID, KEY_DIGEST, WALLETS, node_at, transfer
from tests.processes import started

BATCHES = 30

#: Longest pause before a batch, in seconds; longer than the gateway's pause between two questions.
PAUSE_SECONDS = 1.0


class NotingStore(JobStore):
    """A job store that notes when each batch came."""

    came: dict[int, float]

    def create_batch(self, number: int, **more: Any) -> tuple[Batch, bool]:
        """Create it as ever."""
        made = super().create_batch(number, **more)
        self.came[number] = time.monotonic()
        return made


async def measure(folder: Path, wait_seconds: float) -> list[float]:
    """Return the seconds from ready to fetched of each batch."""
    node = node_at(folder / "core")
    ready: dict[int, float] = {}
    async with TestServer(Server(node, started(node.settings, "core")).application()) as core:
        settings = load_settings(state_dir=folder / "prover", core_url=str(core.make_url("/")), chain_id=CHAIN_ID)
        settings.state_dir.mkdir()
        own = load_gateway_settings(gateway_wait_seconds=wait_seconds, gateway_max_batches=BATCHES + 1)
        opened = open_store(settings)
        store = NotingStore(opened.database, chain_id=CHAIN_ID)
        store.came = {}
        process = started(settings, "gateway")
        gateway = Gateway(process, own, cores(settings, own), store, open_artifacts(settings), KEY_DIGEST)

        def seal(nonce: int) -> None:
            node.sequencer.submit(transfer(WALLETS[0], nonce))
            number = node.seal_and_settle()
            assert number is not None
            ready[number] = time.monotonic()

        async with TestServer(gateway.application()):
            for nonce in range(BATCHES):
                await asyncio.sleep(random.uniform(0.3, PAUSE_SECONDS))
                await asyncio.to_thread(seal, nonce)
            while len(store.came) < BATCHES:
                await asyncio.sleep(0.05)
    node.store.close()
    return [max(0.0, store.came[number] - at) for number, at in ready.items()]


def main() -> None:
    """Measure polling alone, then waiting."""
    configure_logging(load_settings(log_level="error"), process="fetching")
    for name, seconds in (("polling", 0.0), ("waiting", 10.0)):
        with tempfile.TemporaryDirectory() as folder:
            found = sorted(asyncio.run(measure(Path(folder), seconds)))
        print(
            f"{name}: median {1000 * statistics.median(found):.0f} ms, "
            f"90th percentile {1000 * found[len(found) * 9 // 10]:.0f} ms, {len(found)} batches"
        )


if __name__ == "__main__":
    main()
