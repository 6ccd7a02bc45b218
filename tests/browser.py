"""A browser without a window that opens the console's pages: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiohttp.test_utils import TestServer
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response, sync_playwright

from broker.jobs import JobStore
from housekeeper.console.application import Console
from housekeeper.console.guard import HEADERS
from runtime.settings import Settings
from tests.processes import started
from tests.servers import find_chromium, missing, unpacked, unpacked_libraries

#: Milliseconds that a page has for what is waited for; machines with tests on every core are slow.
PATIENCE = 30_000

FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
<dir>/usr/share/fonts</dir><dir>{unpacked}/usr/share/fonts</dir><cachedir>{folder}/fonts</cachedir>
<selectfont><rejectfont><glob>*Math*</glob></rejectfont><rejectfont><glob>*Serif*</glob></rejectfont></selectfont>
<alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>
"""


@contextmanager
def chromium(folder: Path) -> Iterator[Browser]:
    """Start the browser, with everything that it writes in a folder."""
    found = find_chromium()
    if found is None:
        missing("Chromium")
        raise AssertionError
    # A bare system has no configuration of fonts, and every system another.
    fonts = folder / "fonts.conf"
    fonts.write_text(FONTS.format(unpacked=unpacked(), folder=folder))
    variables = {**os.environ, **unpacked_libraries(), "HOME": str(folder), "FONTCONFIG_FILE": str(fonts)}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, env={**variables}, args=["--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def served(settings: Settings, store: JobStore) -> Iterator[str]:
    """Serve the console from a thread of its own, and return its origin."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="console")
    thread.start()
    server = TestServer(Console(started(settings, "console"), store).application())
    try:
        asyncio.run_coroutine_threadsafe(server.start_server(), loop).result(30)
        yield str(server.make_url("")).rstrip("/")
        asyncio.run_coroutine_threadsafe(server.close(), loop).result(30)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


class Watched:
    """A page of the console, and everything about it that must not be.

    Attributes
    ----------
    faults
        What the browser complained about (errors of scripts, breaches of the content security policy, files that did
        not load), requests to anywhere else, and answers without the headers that browsers obey.
    """

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self.origin = origin
        self.faults: list[str] = []
        self.page: Page = context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        self.page.on("request", self._request)
        self.page.on("response", self._response)

    def open(self, path: str) -> Page:
        """Open a page and return it once it is loaded."""
        self.page.goto(self.origin + path)
        return self.page

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"{message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith(self.origin + "/"):
            self.faults.append(f"asked elsewhere: {request.url}")

    def _response(self, response: Response) -> None:
        wrong = [name for name, value in HEADERS.items() if response.headers.get(name.lower()) != value]
        if wrong:
            self.faults.append(f"{response.url} came without {wrong}")
