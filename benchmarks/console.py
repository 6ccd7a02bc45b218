"""The console page of a large batch, from request to last byte, as a browser asks for it."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Final

from aiohttp.test_utils import TestClient, TestServer

from benchmarks.figure import Figure, figure
from broker.jobs import JobSpec, JobStore, Stage, Worker, open_store
from housekeeper.console.application import Console
from runtime.settings import Settings
from tests.broker.test_jobs import segments
from tests.processes import started
from tests.servers import shared_postgresql

#: Of the 30,000 jobs, how many have been done; each as one attempt.
DONE: Final = 6000
_SEGMENTS: Final = 15_000
_LOOKS: Final = 15


def page() -> list[Figure]:
    """Measure a batch's timeline with a page of jobs on both databases; the value is the slower one's median."""
    shown = {}
    with tempfile.TemporaryDirectory(prefix="hallmark-console-") as folder:
        for name, url in {"sqlite": "", "postgresql": shared_postgresql().create_database()}.items():
            settings = Settings.load(state_dir=Path(folder), database_url=url, store_url="")
            store = open_store(settings, migrate=True)
            batch = _fill(store)
            shown[name] = asyncio.run(_looks(settings, store, f"/batches/{batch}?line=1"))
    value = max(found["median_ms"] for found in shown.values())
    context = {"jobs": 2 * _SEGMENTS + 2, "attempts": DONE + 1, "databases": shown}
    return [figure("console.page", value, "ms", "lower", context=context)]


def _fill(store: JobStore) -> int:
    worker, specs = Worker("host/prove/1", "host", "cpu"), segments(_SEGMENTS)
    batch, _ = store.create_batch(1, protocol_version="1", jobs=[JobSpec(Stage.WITNESS)])
    first = store.claim(list(Stage), worker, protocol_versions=["1"])
    assert first is not None
    store.complete(first, "statement", specs)
    for _ in range(DONE):
        held = store.claim(list(Stage), worker, protocol_versions=["1"])
        assert held is not None
        store.complete(held, "result")
    if not store.database.sqlite:
        store.database.transact(lambda session: session.run("ANALYZE"))
    return batch.id


async def _looks(settings: Settings, store: JobStore, path: str) -> dict[str, float]:
    console = Console(started(settings, "console"), store)
    times, size = [], 0
    async with TestClient(TestServer(console.application())) as client:
        for _ in range(_LOOKS):
            start = time.perf_counter()
            async with client.get(path) as answer:
                answer.raise_for_status()
                size = len(await answer.read())
            times.append(1000 * (time.perf_counter() - start))
    return {"median_ms": round(statistics.median(times), 1), "slowest_ms": round(max(times), 1), "bytes": size}
