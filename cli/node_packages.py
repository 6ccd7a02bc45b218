"""What needs Node: packages as a ``package-lock.json`` pins them, installed where Node is at hand."""

from __future__ import annotations

import functools
import shutil
import subprocess
from pathlib import Path

from runtime.settings import CHECKOUT


@functools.cache
def packages_missing(folder: Path, package: str) -> str:
    """Install what is pinned in `folder`, where Node is at hand; return why `package` is missing, else nothing."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "Node is not installed"
    if not (folder / "node_modules" / package / "package.json").is_file():
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        command += ["--cache", str(CHECKOUT / ".hallmark/npm")]
        installed = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if installed.returncode:
            return f"npm cannot install its packages: {installed.stderr.strip()[-200:]}"
    return ""
