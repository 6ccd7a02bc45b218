from __future__ import annotations

import asyncio
import threading

import pytest

from core.errors import Busy
from core.http.pools import Pool


async def test_what_is_beyond_threads_and_waiting_is_refused_and_places_come_back() -> None:
    pool, release = Pool("test", 1, 1), threading.Event()
    under_way = [asyncio.create_task(pool.run(release.wait, 20)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Busy, match="test"):
        await pool.run(release.wait)
    under_way[1].cancel()
    release.set()
    assert await under_way[0] is True
    for _ in range(5):
        assert await pool.run(lambda: "result") == "result"


async def test_a_failure_reaches_the_caller_and_frees_the_place() -> None:
    pool = Pool("test", 1, 0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            await pool.run(lambda: 1 // 0)
        await asyncio.sleep(0.01)
