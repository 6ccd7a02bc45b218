"""What is true of the whole run: what comes first, what is left out and said to be, and what is tried once more.

Tests in which processes and servers meet on a clock are tried once more when they fail, and that is told in full.
Nothing else is: a rule of a circuit, a proof or an encoding holds or does not. ``docs/decisions/0035`` says more, and
``docs/decisions/0037`` about what is left out.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from _pytest.terminal import TerminalReporter

from tests import shared

#: Folders of the tests whose outcome may depend on when the machine lets which process run.
TIMED = {"actors", "broker", "cli", "core", "deploy", "gateway", "housekeeper", "runtime", "system"}

#: Files that begin before all others, so that no process is left with one of them while the others have no work.
FIRST = (
    "system/test_demo.py",
    "proving/native/test_arm64.py",
    "cli/test_prove.py",
)

#: What runs the tests that a marker leaves out.
ELSEWHERE = {"long": "make test-long", "gpu": "make test-gpu"}

_TESTS = Path(__file__).resolve().parent
_LEFT_OUT = pytest.StashKey[Counter[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Nothing is left out yet, and nothing shared; workers find the folder that the process above them made."""
    config.stash[_LEFT_OUT] = Counter()
    if not hasattr(config, "workerinput"):
        os.environ[shared.FOLDER] = tempfile.mkdtemp(prefix="hallmark-shared-")


def pytest_sessionfinish() -> None:
    """End the servers that tests of this process have started."""
    if (servers := sys.modules.get("tests.servers")) is not None:
        servers.ENDING.close()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove what was shared."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop(shared.FOLDER), ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that are tried once more, and put the longest files first."""
    for item in items:
        if item.path.relative_to(_TESTS).parts[0] in TIMED:
            item.add_marker(pytest.mark.flaky(reruns=1))
    places = {_TESTS / name: place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Count what is left out, in the process of a worker too."""
    for item in items:
        left_out = item.config.stash[_LEFT_OUT]
        left_out.update(name for name in ELSEWHERE if item.get_closest_marker(name))
        if (output := getattr(item.config, "workeroutput", None)) is not None:
            output["left_out"] = dict(left_out)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker counted; each of them leaves out the same."""
    node.config.stash[_LEFT_OUT] = Counter(getattr(node, "workeroutput", {}).get("left_out", {}))


def pytest_terminal_summary(terminalreporter: TerminalReporter, config: pytest.Config) -> None:
    """Say what was left out; show each first failure as a failure is shown, whatever became of the test."""
    for name, count in sorted(config.stash[_LEFT_OUT].items()):
        terminalreporter.line(f"left out: {count} tests marked {name}; `{ELSEWHERE[name]}` runs them")
    for report in terminalreporter.stats.get("rerun", []):
        terminalreporter.section(f"failed at first, tried once more: {report.nodeid}")
        terminalreporter.line(report.longreprtext)
        for name, content in report.sections:
            terminalreporter.line(f"{name}\n{content}")
