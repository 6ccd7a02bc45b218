"""The walk through docs/walkthrough.md: three prepared faults, found and mended from the page's own words.

Workers are real processes on real servers; their stages are small stand-ins. One of the faults is mended in the console
as well; the other two there are marked ``long``.
"""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from broker.jobs import BatchState, JobState, Stage, status
from runtime import run_files
from tests.actors.cluster import ROOT, Cluster
from tests.actors.conftest import server_variables
from tests.actors.small_stages import key_digest
from tests.actors.test_pipeline import finish
from tests.servers import shared_rabbitmq

PAGE = (ROOT / "docs" / "walkthrough.md").read_text(encoding="utf-8")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path, **server_variables())
    yield made
    made.stop()


class Operator:
    """Somebody at a terminal who has the page's section before them, and types what it says, in its order."""

    def __init__(self, cluster: Cluster, section: str) -> None:
        self.cluster = cluster
        [found] = [part for part in PAGE.split("\n## ") if part.startswith(section)]
        [block] = re.findall(r"```\n(.*?)```", found, re.DOTALL)
        self.left = block.splitlines()

    def types(self, command: str, *, expect: int = 0, numbers: dict[str, int] | None = None, **variables: str) -> str:
        """Type the page's next command, with numbers where it has words, and return what was printed."""
        assert self.left and self.left.pop(0) == command, f"the page does not say {command!r} here"
        for word, number in (numbers or {}).items():
            command = command.replace(word, str(number))
        done = subprocess.run(
            [sys.executable, "-m", "cli.main", *command.split()[1:]],
            cwd=ROOT,
            env={**os.environ, **self.cluster.variables, "COLUMNS": "200", **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == expect, (done.stdout, done.stderr)
        # Lines are folded to the terminal's width.
        return " ".join((done.stdout + done.stderr).split())


class Browser:
    """Somebody at the console page, who reads and presses buttons."""

    def __init__(self, cluster: Cluster, **variables: str) -> None:
        process = cluster.start("housekeeper.console", HALLMARK_CONSOLE_PORT="0", **variables)
        found: list[dict[str, Any]] = []

        def answers() -> bool:
            running = run_files.running(cluster.settings.state_dir)
            found.extend(entry for entry in running if entry["pid"] == process.pid)
            return bool(found)

        cluster.until(answers, 60)
        self.host = f"{found[0]['host']}:{found[0]['port']}"

    def read(self, path: str) -> str:
        return self._ask("GET", path)[1]

    def press(self, page: str, button: str) -> None:
        """Press a button of a page, with what its form carries."""
        form = rf'<form method="post" action="([^"]+)"><input type="hidden" name="word" value="(\w+)"><button>{button}<'
        [(action, word)] = set(re.findall(form, self.read(page)))
        assert self._ask("POST", action, urlencode({"word": word}))[0] == 303

    def _ask(self, method: str, path: str, body: str = "") -> tuple[int, str]:
        connection = http.client.HTTPConnection(self.host, timeout=30)
        headers = {"Origin": f"http://{self.host}", "Content-Type": "application/x-www-form-urlencoded"}
        try:
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


def with_a_corrupt_artifact(cluster: Cluster) -> tuple[int, int]:
    """Damage a checkpoint before anybody reads it; return the dead job and the one that made the checkpoint."""
    cluster.start("actors.run", "--stage", "witness")
    cluster.batch(1, segments=2)
    cluster.until(lambda: len(status.jobs(cluster.store)) > 1, 30)
    name = status.jobs(cluster.store, stage=Stage.VECTORS)[0].inputs["checkpoint"]
    path = Path(str(cluster.artifacts.folder)) / name
    path.write_bytes(path.read_bytes()[:-3] + b"???")
    cluster.start_all()
    cluster.wait(1, BatchState.DEAD)
    [dead] = status.jobs(cluster.store, state=JobState.DEAD)
    return dead.id, status.jobs(cluster.store, stage=Stage.WITNESS)[0].id


def with_workers_of_other_keys(cluster: Cluster) -> None:
    """Offer a batch to workers that hold other keys than it was made for."""
    cluster.start("housekeeper")
    cluster.start("housekeeper", "clock")
    cluster.start("actors.run", "--stage", "witness", HALLMARK_PROFILE="proven128")
    cluster.batch(1, segments=2, key_identity=f"proven100:{key_digest('proven100')}")
    cluster.until(lambda: status.jobs(cluster.store)[0].error_code == "other_keys", 30)
    assert status.jobs(cluster.store)[0].attempts == 0


def end_workers(cluster: Cluster) -> None:
    """Stop what runs, as a supervisor does that is to start it again with other settings."""
    for process in cluster.processes:
        process.terminate()
    for process in cluster.processes:
        process.wait(30)


def test_a_corrupt_artifact_with_the_command_line(cluster: Cluster) -> None:
    dead, maker = with_a_corrupt_artifact(cluster)
    operator = Operator(cluster, "A dead job, because an artifact is corrupt")
    said = operator.types("hallmark status --check", expect=3)
    assert f"job {dead} " in said and "artifact_corrupt" in said and f"made by job {maker}" in said
    said = operator.types("hallmark artifact verify BATCH", expect=1, numbers={"BATCH": 1})
    found = re.search(r"`hallmark job requeue (\d+)`", said)
    assert found is not None and "1 damaged" in said, said
    operator.types("hallmark job requeue JOB", numbers={"JOB": int(found[1])})
    finish(cluster, 1)
    assert not operator.left


def test_a_corrupt_artifact_in_the_console(cluster: Cluster) -> None:
    dead, _ = with_a_corrupt_artifact(cluster)
    browser = Browser(cluster)
    assert "dead_job" in browser.read("/") and f'href="/jobs/{dead}"' in browser.read("/")
    page = browser.read("/dead")
    [maker] = re.findall(r'Job <a href="/jobs/(\d+)">\d+</a> made what is damaged', page)
    assert "artifact_corrupt" in page
    browser.press("/dead", f"Requeue job {maker}")
    finish(cluster, 1)
    assert "No job is dead" in browser.read("/dead")


def test_missing_keys_with_the_command_line(cluster: Cluster) -> None:
    with_workers_of_other_keys(cluster)
    operator = Operator(cluster, "Workers without the batch's keys")
    said = operator.types("hallmark status --check", expect=3)
    wanted, held = (f"{name}:{key_digest(name)}" for name in ("proven100", "proven128"))
    assert "other_keys" in said and wanted in said and held in said
    said = operator.types("hallmark config check", expect=78, HALLMARK_PROFILE="proven128")
    assert "HALLMARK_PROFILE" in said and "proven128" in said
    end_workers(cluster)
    cluster.start_all()
    finish(cluster, 1)
    assert not operator.left


@pytest.mark.long
def test_missing_keys_in_the_console(cluster: Cluster) -> None:
    with_workers_of_other_keys(cluster)
    page = Browser(cluster).read("/")
    assert "other_keys" in page and all(f"{name}:{key_digest(name)}" in page for name in ("proven100", "proven128"))
    end_workers(cluster)
    cluster.start_all()
    finish(cluster, 1)


def test_a_wrong_broker_password_with_the_command_line(cluster: Cluster) -> None:
    wrong = {"HALLMARK_BROKER_URL": shared_rabbitmq().url(password="mistyped")}
    assert cluster.start("actors.run", "--stage", "witness", **wrong).wait(60) == 78
    cluster.batch(1)
    operator = Operator(cluster, "A wrong password for the broker")
    said = operator.types("hallmark doctor", expect=1, **wrong)
    assert "refuses user or password" in said and "mistyped" not in said
    said = operator.types("hallmark config check", **wrong)
    assert "HALLMARK_BROKER_URL" in said and "environment" in said and "mistyped" not in said
    assert operator.left == ["hallmark run"], "the processes are started one by one here"
    cluster.start_all()
    finish(cluster, 1)


@pytest.mark.long
def test_a_wrong_broker_password_in_the_console(cluster: Cluster) -> None:
    wrong = {"HALLMARK_BROKER_URL": shared_rabbitmq().url(password="mistyped")}
    assert cluster.start("actors.run", "--stage", "witness", **wrong).wait(60) == 78
    cluster.batch(1)
    page = Browser(cluster, **wrong).read("/services")
    assert "broker: wrong" in page and "refuses user or password" in page and "mistyped" not in page
    assert "job store: answers" in page and "artifact store: answers" in page
    end_workers(cluster)
    cluster.start_all()
    page = Browser(cluster).read("/services")
    assert "broker: answers" in page and "RabbitMQ" in page
    finish(cluster, 1)
