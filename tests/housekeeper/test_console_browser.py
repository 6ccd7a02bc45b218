"""The console in a real browser: what follows the job store, what keys reach, what narrow and dark screens show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from broker.jobs import BatchState, JobState, JobStore, Outcome, Stage, Worker, open_store, status
from runtime.errors import ArtifactCorrupt
from runtime.settings import Settings
from tests.broker.test_jobs import make, must_claim, segments
from tests.browser import PATIENCE, Watched, chromium, served

TOKEN = "a-token-of-the-tests"
#: Pixels: a small telephone's width, and the least that a finger hits (WCAG 2.5.8).
NARROW, TARGET = 360, 24
#: Least contrast of text (WCAG 1.4.3).
CONTRAST = 4.5

#: The size of everything that is pressed and does not stand within a sentence.
CONTROLS = """() => [...document.querySelectorAll("nav a, td a, th a, button, input:not([type=hidden])")].map(each => {
  const box = each.getBoundingClientRect();
  return [each.textContent, Math.min(box.width, box.height)];
})"""

#: A word in every state's colour, on both backgrounds.
STATES = """states => document.querySelectorAll("main, .trouble").forEach(place => states.forEach(state => {
  const word = document.createElement("span");
  [word.className, word.textContent] = [state, state];
  place.append(word);
}))"""

#: The texts of a page, each with its contrast against the nearest background behind it.
CONTRASTS = """() => {
  const parts = text => text.match(/[\\d.]+/g).map(Number);
  const linear = value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = rgb => [0.2126, 0.7152, 0.0722].reduce((sum, share, i) => sum + share * linear(rgb[i] / 255), 0);
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const rgba = parts(getComputedStyle(at).backgroundColor);
      if (rgba.length === 3 || rgba[3] === 1) return rgba;
      if (rgba[3] !== 0) throw new Error("half transparent: " + at.tagName);
    }
    throw new Error("nothing is behind " + element.tagName);
  };
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement, text = texts.currentNode.data.trim();
    if (!text || !element.checkVisibility()) continue;
    const [a, b] = [light(parts(getComputedStyle(element).color)), light(behind(element))];
    found.push([text, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)]);
  }
  return found;
}"""


@dataclass
class Installation:
    """A console with a token, over a job store with something of everything."""

    browser: Browser
    origin: str
    store: JobStore
    running: int
    ended: int
    dead_job: int
    #: Cookies of somebody who has logged in.
    session: Any = None

    @property
    def paths(self) -> list[str]:
        """Every kind of page."""
        batches = [f"/batches/{self.running}", f"/batches/{self.running}?line=1", f"/batches/{self.ended}?line=2"]
        return ["/", *batches, f"/jobs/{self.dead_job}", "/queues", "/workers", "/dead", "/services", "/login"]


def with_rows(store: JobStore) -> tuple[int, int, int]:
    """Return a batch that runs, one that ended and the job of a third that is dead."""
    ended = make(store, 5)
    for _ in range(6):
        held = must_claim(store)
        store.complete(held, "s", segments(2) if held.job.stage is Stage.WITNESS else ())
    make(store, 6)
    store.complete(must_claim(store), "s", segments(3))
    dead = must_claim(store, Stage.VECTORS)
    store.fail(dead, ArtifactCorrupt("The artifact 4242/6/" + "0123456789abcdef" * 4 + " has other bytes."))
    running = make(store, 7)
    while (held := must_claim(store)).job.stage is not Stage.WITNESS:
        store.complete(held, "s")
    store.complete(held, "s", segments(12))
    held = must_claim(store, Stage.VECTORS, worker=Worker("gpu-7/vectors/1", "gpu-7", "cuda:1"))
    store.renew(held, progress=0.5, note="rows")
    return running, ended, dead.job_id


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("console")
    settings = Settings.load(state_dir=folder, store_url="", retry_seconds=0, token=TOKEN)
    store = open_store(settings, migrate=True)
    with chromium(folder) as browser, served(settings, store) as origin:
        made = Installation(browser, origin, store, *with_rows(store))
        context = browser.new_context()
        page = Watched(context, origin)
        log_in(page)
        assert page.faults == []
        made.session = context.storage_state()
        context.close()
        yield made


def log_in(watched: Watched) -> None:
    page = watched.open("/")
    expect(page).to_have_url(watched.origin + "/login")
    page.get_by_label("Token").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Stuck")).to_be_visible()


@pytest.fixture
def options() -> dict[str, Any]:
    """Parametrised by tests for what their browser is to be like."""
    return {}


@pytest.fixture
def watched(installation: Installation, options: dict[str, Any]) -> Iterator[Watched]:
    """A page of somebody who has logged in; whatever the browser complains about fails the test."""
    context = installation.browser.new_context(storage_state=installation.session, **options)
    found = Watched(context, installation.origin)
    yield found
    context.close()
    assert found.faults == []


def reach(page: Page, name: str) -> None:
    """Press the tabulator until a button has the focus, and see that it shows it."""
    for _ in range(50):
        page.keyboard.press("Tab")
        shown, outline = page.evaluate(
            "() => [document.activeElement.textContent.trim(), getComputedStyle(document.activeElement).outlineStyle]"
        )
        assert outline != "none", f"{shown} does not show that it has the focus"
        if shown == name:
            return
    pytest.fail(f"no key leads to {name}")


def test_pages_follow_the_job_store_without_being_loaded_again(installation: Installation, watched: Watched) -> None:
    context, store = watched.page.context, installation.store
    others = [Watched(context, installation.origin) for _ in range(2)]
    home = watched.open("/")
    timeline = others[0].open(f"/batches/{installation.running}?line=1")
    workers = others[1].open("/workers")
    line = timeline.locator("table").nth(1).locator("tr", has_text="in_progress")
    expect(line).to_have_count(1)
    for page in (home, timeline, workers):
        page.evaluate("window.kept = true")
    make(store, 8)
    must_claim(store, Stage.VECTORS, worker=Worker("gpu-8/vectors/1", "gpu-8", "cuda:1"))
    expect(home.get_by_role("rowheader", name="8", exact=True)).to_be_visible(timeout=PATIENCE)
    expect(line).to_have_count(2, timeout=PATIENCE)
    expect(workers.get_by_role("rowheader", name="gpu-8/vectors/1")).to_be_visible(timeout=PATIENCE)
    for page in (home, timeline, workers):
        assert page.evaluate("window.kept"), "the page was loaded again"
        expect(page.get_by_role("status")).to_contain_text("Updated")
    assert [fault for other in others for fault in other.faults] == []


def test_the_keyboard_alone_requeues_a_dead_job_and_only_with_the_forms_word(
    installation: Installation, watched: Watched
) -> None:
    job, store = installation.dead_job, installation.store
    page = watched.open("/dead")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    page.evaluate("document.querySelectorAll('[name=word]').forEach(word => word.remove())")
    reach(page, f"Requeue job {job}")
    page.keyboard.press("Enter")
    expect(page.get_by_text("This form is not from a page of this console")).to_be_visible()
    assert status.job(store, job).state is JobState.DEAD
    assert [fault for fault in watched.faults if "403" not in fault] == []
    watched.faults.clear()
    watched.open("/dead")
    reach(page, f"Requeue job {job}")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=f"Job {job}: vectors, queued")).to_be_visible()
    assert status.job(store, job).state is JobState.QUEUED
    store.fail(must_claim(store, Stage.VECTORS), ArtifactCorrupt("The artifact has other bytes."))


@pytest.mark.parametrize("options", [{"viewport": {"width": NARROW, "height": 640}, "is_mobile": True}])
def test_a_telephone_shows_every_page_without_scrolling_sideways(installation: Installation, watched: Watched) -> None:
    for path in installation.paths:
        page = watched.open(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW, path
        controls = page.evaluate(CONTROLS)
        assert len(controls) > 5 and [each for each in controls if each[1] < TARGET] == [], path


def test_texts_stand_out_from_what_is_behind_them_by_day_and_by_night(
    installation: Installation, watched: Watched
) -> None:
    backgrounds = set()
    for path in [*installation.paths, "/jobs/999999"]:
        page = watched.open(path)
        page.evaluate(STATES, [*BatchState, *JobState, *Outcome])
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found = page.evaluate(CONTRASTS)
            assert len(found) > 20 and [each for each in found if each[1] < CONTRAST] == [], (path, scheme)
            backgrounds.add(
                page.evaluate(
                    "[matchMedia('(prefers-color-scheme: dark)').matches, "
                    "getComputedStyle(document.body).backgroundColor].join()"
                )
            )
    assert len(backgrounds) == 2 and "false,rgb(255, 255, 255)" in backgrounds
    watched.faults[:] = [fault for fault in watched.faults if "404" not in fault]


@pytest.mark.parametrize("options", [{"java_script_enabled": False}])
def test_without_scripts_every_page_is_whole_and_its_buttons_work(installation: Installation, watched: Watched) -> None:
    shown = {
        "/": "Requeue job",
        f"/batches/{installation.running}?line=1": "Jobs of vectors",
        f"/jobs/{installation.dead_job}": "Traceback",
        "/queues": "vectors",
        "/workers": "gpu-7/vectors/1",
        "/dead": "artifact_corrupt",
        "/services": "job store: answers",
    }
    for path, text in shown.items():
        page = watched.open(path)
        expect(page.get_by_role("main")).to_contain_text(text)
    watched.open("/").get_by_role("button", name="Requeue job").first.click()
    expect(watched.page.get_by_role("heading", name="vectors, queued")).to_be_visible()
    installation.store.fail(
        must_claim(installation.store, Stage.VECTORS), ArtifactCorrupt("The artifact has other bytes.")
    )


def test_whoever_logs_out_sees_nothing_more(installation: Installation, watched: Watched) -> None:
    page = watched.open("/queues")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    watched.open("/dead")
    expect(page).to_have_url(watched.origin + "/login")
