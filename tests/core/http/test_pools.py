from __future__ import annotations

import asyncio
import threading

import pytest

from core.errors import Busy
from core.http.pools import CLIENT, Pool


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


async def test_clients_take_turns_and_none_takes_every_place() -> None:
    pool, release, order = Pool("test", 1, 8, 4), threading.Event(), []

    async def ask(client: str, number: int) -> None:
        CLIENT.set(client)
        await pool.run(order.append, (client, number))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(pool.run(release.wait, 20))
        await asyncio.sleep(0)
        for number in range(4):
            tasks.create_task(ask("much", number))
        await asyncio.sleep(0)
        for client in ("a", "b"):
            tasks.create_task(ask(client, 0))
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await asyncio.create_task(ask("much", 4))
        gone = tasks.create_task(ask("c", 0))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0.01)
        release.set()
    assert order == [("much", 0), ("a", 0), ("b", 0), ("much", 1), ("much", 2), ("much", 3)]


async def test_a_caller_may_call_again_as_soon_as_it_has_its_answer() -> None:
    pool = Pool("test", 1, 0)
    for number in range(300):
        assert await pool.run(lambda n=number: n) == number
