"""Pictures of the console for the pages in ``docs/``: ``make screenshots``.

Rows are those of real worker processes over the embedded store and broker; proofs are timed stand-ins
(``tests/actors/small_stages.py``), and the pages that show the pictures say so.
"""

from __future__ import annotations

import socket
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser

from broker.jobs import BatchState, JobState, JobStore, Stage, open_store, status
from runtime.settings import Settings
from tests.actors.cluster import ROOT, Cluster
from tests.browser import Watched, chromium, served

IMAGES: Final = ROOT / "docs" / "images"
#: Most bytes of a picture: a page with all of them still loads at once.
MOST_BYTES: Final = 100_000
#: Pixels; a page of the site shows them as they are.
WIDTH: Final = 860
SCHEMES: Final = ("light", "dark")
#: Picture -> page of the console; words stand for batches.
PAGES: Final = {
    "console-batch": "/batches/{running}?line=2",
    "console-timeline": "/batches/{proven}",
    "console-dead": "/dead",
}
#: Batches by what becomes of them.
DEAD, PROVEN, RUNNING = 1, 2, 3


def pictures() -> list[str]:
    """Return the names of all pictures."""
    return [f"{name}-{scheme}.png" for name in PAGES for scheme in SCHEMES]


@contextmanager
def platform(folder: Path) -> Iterator[Cluster]:
    """Run workers until one batch is dead, one is proven and one is half way."""
    cluster = Cluster(folder)
    try:
        cluster.start("actors.run", "--stage", "witness")
        cluster.batch(DEAD)
        cluster.until(lambda: len(status.jobs(cluster.store)) > 1, 30)
        checkpoint = status.jobs(cluster.store, stage=Stage.VECTORS)[0].inputs["checkpoint"]
        damaged = Path(str(cluster.artifacts.folder)) / checkpoint
        damaged.write_bytes(damaged.read_bytes()[:-3] + b"???")
        cluster.start_all(provers=2)
        cluster.wait(DEAD, BatchState.DEAD)
        cluster.batch(PROVEN, segments=3, seconds=1.0, later_seconds=0.4, run_seconds=1.0)
        cluster.wait(PROVEN, seconds=60)
        cluster.batch(RUNNING, segments=3, seconds=2.0, run_seconds=1.0)
        batch = status.batch(cluster.store, RUNNING).id

        def half_way() -> bool:
            done = status.jobs(cluster.store, batch_id=batch, stage=Stage.PROVE, state=JobState.SUCCESSFUL)
            return len(done) >= 2

        cluster.until(half_way, 60)
        yield cluster
    finally:
        cluster.stop()


def copied(cluster: Cluster, folder: Path) -> tuple[Settings, JobStore]:
    """Return a copy of the job store at this instant, in which this machine has another name."""
    with (
        closing(sqlite3.connect(cluster.settings.state_dir / "hallmark.db")) as source,
        closing(sqlite3.connect(folder / "hallmark.db")) as copy,
    ):
        source.backup(copy)
        for table in ("jobs", "attempts"):
            copy.execute(f"UPDATE {table} SET worker = replace(worker, ?, 'worker-1')", (socket.gethostname(),))
        copy.commit()
    settings = Settings.load(state_dir=folder, store_url="")
    return settings, open_store(settings)


def take(browser: Browser, settings: Settings, store: JobStore) -> None:
    """Take every picture in both schemes."""
    numbers = {"proven": PROVEN, "running": RUNNING}
    batches = {name: status.batch(store, number).id for name, number in numbers.items()}
    with served(settings, store) as origin:
        for scheme in SCHEMES:
            context = browser.new_context(viewport={"width": WIDTH, "height": 200}, color_scheme=scheme)
            watched = Watched(context, origin)
            for name, path in PAGES.items():
                watched.open(path.format(**batches)).screenshot(path=IMAGES / f"{name}-{scheme}.png", full_page=True)
            context.close()
            assert watched.faults == []


def main() -> None:
    """Take the pictures anew."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="hallmark-pictures-") as name:
        folder = Path(name)
        (folder / "copy").mkdir()
        with platform(folder) as cluster:
            settings, store = copied(cluster, folder / "copy")
        with chromium(folder) as browser:
            take(browser, settings, store)
    for name in pictures():
        print(f"{name}: {(IMAGES / name).stat().st_size} bytes")


if __name__ == "__main__":
    main()
