"""Tests in which processes and servers meet on a clock are tried once more when they fail, and that is told in full.

Nothing else is: a rule of a circuit, a proof or an encoding holds or does not. ``docs/decisions/0035`` says more.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from _pytest.terminal import TerminalReporter

#: Folders of the tests whose outcome may depend on when the machine lets which process run.
TIMED = {"actors", "broker", "cli", "core", "deploy", "gateway", "housekeeper", "runtime", "system"}

_TESTS = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that are tried once more."""
    for item in items:
        if item.path.relative_to(_TESTS).parts[0] in TIMED:
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Show each first failure as a failure is shown, whatever became of the test."""
    for report in terminalreporter.stats.get("rerun", []):
        terminalreporter.section(f"failed at first, tried once more: {report.nodeid}")
        terminalreporter.line(report.longreprtext)
        for name, content in report.sections:
            terminalreporter.line(f"{name}\n{content}")
