"""Published vectors beside the checkout; a test that needs them is skipped without them, and fails in CI."""

from __future__ import annotations

import json
import lzma
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "vectors"


def vector_file(name: str) -> Path:
    path = FOLDER / name
    if not path.exists():
        message = f"the vector file {name} is not there"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return path


def archive(name: str, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield name and content of each JSON file of an archive."""
    with tarfile.open(vector_file(name), "r:xz") as content:
        for member in content:
            if member.isfile() and member.name.startswith(prefix) and member.name.endswith(".json"):
                stream = content.extractfile(member)
                assert stream is not None
                yield member.name, json.load(stream)


def compressed(name: str) -> Any:
    with lzma.open(vector_file(name), "rt") as stream:
        return json.load(stream)
