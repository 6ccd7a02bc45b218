"""The committed bytecode is what the pinned compiler makes of the sources."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.contracts.deployment import ROOT

FOLDERS = ("contracts", "tests/contracts")


def compiler() -> None:
    """Install what ``contracts/package-lock.json`` pins, where Node is at hand."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node is not installed; the committed bytecode is tested as it is")
    if not (ROOT / "contracts/node_modules/solc/package.json").is_file():
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        command += ["--cache", str(ROOT / ".hallmark/npm")]
        installed = subprocess.run(command, cwd=ROOT / "contracts", capture_output=True, text=True)
        if installed.returncode:
            pytest.skip(f"npm cannot install the compiler: {installed.stderr.strip()[-200:]}")


def test_the_committed_bytecode_is_rebuilt(tmp_path: Path) -> None:
    compiler()
    built = subprocess.run(["node", "contracts/build.mjs", str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    for folder in FOLDERS:
        made, committed = (sorted((top / folder / "artifacts").glob("*.json")) for top in (tmp_path, ROOT))
        assert [path.name for path in made] == [path.name for path in committed]
        for one, other in zip(made, committed, strict=True):
            assert one.read_bytes() == other.read_bytes(), f"run `node contracts/build.mjs`: {other.name} differs"


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_artifact_names_the_pinned_compiler(folder: str) -> None:
    pinned = json.loads((ROOT / "contracts/package.json").read_text())["devDependencies"]["solc"]
    for path in (ROOT / folder / "artifacts").glob("*.json"):
        assert json.loads(path.read_text())["compiler"].startswith(f"{pinned}+"), path.name
