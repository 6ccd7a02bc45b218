"""Where the larger published test vectors lie: beside the checkout, or where HALLMARK_VECTORS says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_CHECKOUT = Path(__file__).parent.parent


def path(relative: str) -> Path:
    """Return the path of a vector file; without it the test is skipped, or fails when CI is set."""
    root = Path(os.environ.get("HALLMARK_VECTORS") or _CHECKOUT.parent / "shared" / "vectors")
    found = root / relative
    if not found.exists():
        message = f"test vectors {relative} are not at {root}; set HALLMARK_VECTORS to their folder"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return found
