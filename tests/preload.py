"""Libraries of a test's own that stand before the C library in the processes that it starts."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


def preloaded(source: str, folder: Path) -> dict[str, str]:
    """Compile a C source and return the variable under which processes load it."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler (apt-get install gcc)")
    library = folder / "preloaded.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-x", "c", "-", "-o", str(library), "-ldl"]
    subprocess.run(command, input=source.encode(), check=True)
    return {"LD_PRELOAD": str(library)}
