"""The console against real job stores, through HTTP as browsers and their attackers speak it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from broker.jobs import BatchState, JobDatabase, JobState, JobStore, Stage, Worker, open_store, status
from housekeeper.console import guard
from housekeeper.console.application import Console
from runtime.errors import ArtifactCorrupt
from runtime.settings import Settings
from tests.broker.test_jobs import make, must_claim, segments
from tests.processes import started
from tests.servers import free_port, shared_postgresql

TOKEN = "a-token-of-the-tests"
EVIL = "<script>alert(1)</script>"


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    url = f"sqlite:///{tmp_path}/hallmark.db" if request.param == "sqlite" else shared_postgresql().create_database()
    return Settings.load(state_dir=tmp_path, database_url=url, store_url="", retry_seconds=0)


@pytest.fixture
def store(settings: Settings) -> JobStore:
    return open_store(settings, migrate=True)


@asynccontextmanager
async def console(settings: Settings, store: JobStore, **changed: Any) -> AsyncIterator[Browser]:
    process = started(settings.model_copy(update=changed), "console")
    async with TestServer(Console(process, store).application()) as server, ClientSession() as session:
        yield Browser(session, str(server.make_url("")).rstrip("/"))


class Browser:
    """Asks as a browser does, and follows no redirect."""

    def __init__(self, session: ClientSession, url: str) -> None:
        self.session, self.url = session, url

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        async with self.session.get(self.url + path, headers=headers, allow_redirects=False) as answer:
            return answer.status, await answer.text()

    async def post(self, path: str, form: dict[str, str], **headers: str) -> tuple[int, str]:
        sent = {"Origin": self.url, **headers}
        async with self.session.post(self.url + path, data=form, headers=sent, allow_redirects=False) as answer:
            return answer.status, answer.headers.get("Location", "")

    async def word(self, path: str) -> str:
        """Return what the forms of a page carry."""
        [word] = set(re.findall(r'name="word" value="(\w+)"', (await self.get(path))[1]))
        return str(word)


def with_a_dead_job(store: JobStore) -> int:
    make(store, 7)
    store.complete(must_claim(store), "s", segments(3))
    dead = must_claim(store, Stage.VECTORS)
    store.fail(dead, ArtifactCorrupt(EVIL))
    held = must_claim(store, Stage.VECTORS, worker=Worker("gpu-7/vectors/1", "gpu-7", "cuda:1", clock_skew=-90.0))
    store.renew(held, progress=0.5, note="rows")
    return dead.job_id


async def test_every_page_shows_its_part_and_escapes_what_it_did_not_write(settings: Settings, store: JobStore) -> None:
    job = with_a_dead_job(store)
    batch = status.job(store, job).batch_id
    shown = {
        "/": ["Stuck", "dead_job", f"Requeue job {job}", ">dead<"],
        f"/batches/{batch}": ["Batch 7 of chain 4242", "<rect", "hallmark trace 7"],
        f"/batches/{batch}?line=1": [f'/jobs/{job}"', 'class="failed"', "50 % rows"],
        f"/jobs/{job}": ["artifact_corrupt", "Traceback", "1 of 1 attempts"],
        "/queues": ["vectors", "any"],
        "/workers": ["gpu-7/vectors/1", "cuda:1", "50 % rows", "-90 s"],
        "/dead": ["artifact_corrupt", f"Requeue job {job}"],
        "/services": ["job store: answers", "broker: answers", "artifact store: answers"],
    }
    async with console(settings, store) as browser:
        for path, texts in shown.items():
            code, page = await browser.get(path)
            assert code == 200, path
            assert [text for text in texts if text not in page] == [], path
            assert EVIL not in page and page.count("<script") == 1, path


async def test_the_queue_report_is_for_programs(settings: Settings, store: JobStore) -> None:
    with_a_dead_job(store)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with console(with_token(settings), store) as browser:
        assert (await browser.get("/queue_report"))[0] == 401
        code, body = await browser.get("/queue_report", **headers)
    report = json.loads(body)
    [vectors] = [each for each in report["queues"] if each["stage"] == "vectors"]
    assert code == 200 and report["cluster"] == settings.cluster
    assert (vectors["queue"], vectors["queued"], vectors["in_progress"], vectors["open"]) == ("vectors", 1, 1, 1)
    assert vectors["oldest_seconds"] >= 0 and vectors["protocol_version"] == "1"
    assert report["stages"]["vectors"] == {"open": 1, "in_progress": 1, "wanted": 2}
    assert report["stages"]["compress"] == {"open": 0, "in_progress": 0, "wanted": 0}


async def test_the_button_requeues_the_job(settings: Settings, store: JobStore) -> None:
    job = with_a_dead_job(store)
    async with console(settings, store) as browser:
        form = {"word": await browser.word("/dead")}
        assert await browser.post(f"/jobs/{job}/requeue", form) == (303, f"/jobs/{job}")
        assert status.job(store, job).state is JobState.QUEUED
        assert status.batch(store, 7).state is BatchState.IN_PROGRESS
        assert (await browser.post("/jobs/999999/requeue", form))[0] == 404


@pytest.mark.parametrize(
    ("headers", "spoiled"),
    [
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": ""}, False),
        ({}, True),
    ],
    ids=["another page's origin", "a hidden origin", "no origin", "a wrong word"],
)
async def test_no_other_page_requeues(
    settings: Settings, store: JobStore, headers: dict[str, str], spoiled: bool
) -> None:
    job = with_a_dead_job(store)
    async with console(settings, store) as browser:
        word = await browser.word("/dead")
        code, _ = await browser.post(f"/jobs/{job}/requeue", {"word": "0" * 64 if spoiled else word}, **headers)
        assert code == 403 and status.job(store, job).state is JobState.DEAD


async def test_a_name_that_is_not_the_consoles_is_refused(settings: Settings, store: JobStore) -> None:
    async with console(settings, store) as browser:
        assert (await browser.get("/", Host="evil.example"))[0] == 421
        assert (await browser.get("/health", Host="10.0.0.7:3070"))[0] == 200
    async with console(settings, store, console_url="https://ops.example/") as browser:
        assert (await browser.get("/", Host="ops.example"))[0] == 200
        job = with_a_dead_job(store)
        form = {"word": await browser.word("/dead")}
        code, _ = await browser.post(f"/jobs/{job}/requeue", form, Host="ops.example", Origin="https://ops.example")
        assert code == 303


def with_token(settings: Settings) -> Settings:
    return Settings.load(state_dir=settings.state_dir, database_url=settings.database_url, store_url="", token=TOKEN)


async def test_with_a_token_nothing_is_shown_or_changed_before_it_is(settings: Settings, store: JobStore) -> None:
    job = with_a_dead_job(store)
    async with console(with_token(settings), store) as browser:
        word = await browser.word("/login")
        for path in ("/", "/dead", f"/jobs/{job}", "/queues"):
            async with browser.session.get(browser.url + path, allow_redirects=False) as answer:
                assert (answer.status, answer.headers["Location"]) == (303, "/login")
        assert (await browser.get("/events"))[0] == 401
        assert (await browser.post(f"/jobs/{job}/requeue", {"word": word}))[0] == 401
        assert (await browser.get("/metrics"))[0] == 401 and (await browser.get("/health"))[0] == 200
        assert status.job(store, job).state is JobState.DEAD
        assert (await browser.get("/", Authorization=f"Bearer {TOKEN}"))[0] == 200


async def test_a_session_is_opened_by_the_token_and_forged_by_nobody(
    settings: Settings, store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "WRONG_TOKEN_SECONDS", 0.0)
    async with console(with_token(settings), store) as browser:
        form = {"word": await browser.word("/login")}
        assert (await browser.post("/login", {**form, "token": "wrong"}))[0] == 401
        for forged in ("", "9999999999", "9999999999.00", f"9999999999.{'0' * 64}", "é.é"):
            assert (await browser.get("/", Cookie=f"{guard.COOKIE}={forged}"))[0] == 303
        async with browser.session.post(
            browser.url + "/login",
            data={**form, "token": TOKEN},
            headers={"Origin": browser.url},
            allow_redirects=False,
        ) as answer:
            cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and TOKEN not in cookie
        name, _, value = cookie.partition(";")[0].partition("=")
        assert (await browser.get("/", Cookie=f"{name}={value}"))[0] == 200
        until, _, signature = value.partition(".")
        assert (await browser.get("/", Cookie=f"{name}={int(until) + 1}.{signature}"))[0] == 303
        monkeypatch.setattr(guard.time, "time", lambda: int(until) + 1.0)
        assert (await browser.get("/", Cookie=f"{name}={value}"))[0] == 303


async def test_every_answer_carries_the_headers_that_browsers_obey(settings: Settings, store: JobStore) -> None:
    async with console(settings, store) as browser:
        for path in ("/", "/nowhere", "/jobs/999999", "/static/console.js", "/health"):
            async with browser.session.get(browser.url + path) as answer:
                assert {name: answer.headers[name] for name in guard.HEADERS} == guard.HEADERS, path
                page = await answer.text()
            assert "style=" not in page and not re.search(r"<script(?! src)|\son\w+=|<style", page)


async def test_a_long_line_is_shown_in_pages(settings: Settings, store: JobStore) -> None:
    batch = make(store, 1)
    store.complete(must_claim(store), "s", segments(450))
    async with console(settings, store) as browser:
        first = (await browser.get(f"/batches/{batch}?line=2"))[1]
        assert first.count('<th scope="row">') == 4 + 200 and "first=200" in first
        last = (await browser.get(f"/batches/{batch}?line=2&first=400"))[1]
        assert last.count('<th scope="row">') == 4 + 50 and "Next jobs" not in last
        for odd in ("line=99", "line=-1", "line=x", "line=1&first=99999999999"):
            assert (await browser.get(f"/batches/{batch}?{odd}"))[0] in (200, 404)
        assert (await browser.get("/batches/999999"))[0] == 404


async def test_browsers_are_told_of_changes(settings: Settings, store: JobStore) -> None:
    make(store)
    async with console(settings, store) as browser, browser.session.get(browser.url + "/events") as stream:
        assert stream.content_type == "text/event-stream"

        async def change() -> str:
            while not (line := (await stream.content.readline()).decode()).startswith("data:"):
                pass
            return line

        first = await asyncio.wait_for(change(), 20)
        await asyncio.to_thread(must_claim, store)
        assert await asyncio.wait_for(change(), 20) != first


async def test_a_database_that_is_away_is_said(tmp_path: Path) -> None:
    away = f"postgresql://hallmark:hidden-word@127.0.0.1:{free_port()}/hallmark"
    settings = Settings.load(state_dir=tmp_path, database_url=away, store_url="")
    async with console(settings, JobStore(JobDatabase(away))) as browser:
        code, page = await browser.get("/")
        assert code == 503 and "database_unavailable" in page
        assert "Traceback" not in page and "hidden-word" not in page
