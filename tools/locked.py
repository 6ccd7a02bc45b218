"""Print a lock file's entries of some packages, with their hashes: ``locked.py LOCK NAME...``."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

_ENTRY = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?:.*\\\n)*.*\n", re.MULTILINE)


def entries(lock: str, names: Iterable[str]) -> str:
    """Return the entries of these packages; KeyError names the first that is not locked."""
    found = {match["name"]: match[0] for match in _ENTRY.finditer(lock)}
    return "".join(found[name] for name in names)


if __name__ == "__main__":
    print(entries(Path(sys.argv[1]).read_text(), sys.argv[2:]), end="")
