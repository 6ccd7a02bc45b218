"""Readers of the published vector files."""

from __future__ import annotations

import json
import lzma
import tarfile
from collections.abc import Iterator
from typing import Any

from tests import vectors


def archive(name: str, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield name and content of each JSON file of an archive."""
    with tarfile.open(vectors.path(name), "r:xz") as content:
        for member in content:
            if member.isfile() and member.name.startswith(prefix) and member.name.endswith(".json"):
                stream = content.extractfile(member)
                assert stream is not None
                yield member.name, json.load(stream)


def compressed(name: str) -> Any:
    with lzma.open(vectors.path(name), "rt") as stream:
        return json.load(stream)
