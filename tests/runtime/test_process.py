"""What is written about processes is what they do."""

from __future__ import annotations

from pathlib import Path

from runtime.process import MEANINGS, Exit

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"


def test_the_documentation_lists_every_exit_status() -> None:
    text = OPERATIONS.read_text(encoding="utf-8")
    assert set(MEANINGS) == set(Exit)
    for status, meaning in MEANINGS.items():
        assert f"| {status.value} | {meaning} |" in text
