"""The committed bytecode is what the pinned compiler makes of the sources.

Compiling takes a minute, so it is done among the long tests; by default sources and bytecode are held against the
digests that the last compilation wrote down.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from tests.contracts.deployment import ROOT
from tests.contracts.node import install_packages

FOLDERS = ("contracts", "tests/contracts")
MADE = "contracts/artifacts/made.txt"


def test_sources_and_bytecode_are_those_of_one_compilation() -> None:
    """Neither was changed since without the other."""
    stated = {name: digest for digest, name in (line.split("  ") for line in (ROOT / MADE).read_text().splitlines())}
    files = [path for folder in FOLDERS for path in (ROOT / folder).glob("src/*.sol")]
    files += [path for folder in FOLDERS for path in (ROOT / folder).glob("artifacts/*.json")]
    files += [ROOT / "contracts/build.mjs", ROOT / "contracts/package-lock.json"]
    found = {str(path.relative_to(ROOT)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    assert found == stated, "run `node contracts/build.mjs`"


@pytest.mark.long
def test_the_committed_bytecode_is_rebuilt(tmp_path: Path) -> None:
    install_packages()
    built = subprocess.run(["node", "contracts/build.mjs", str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    for folder in FOLDERS:
        made, committed = (sorted((top / folder / "artifacts").glob("*.json")) for top in (tmp_path, ROOT))
        assert [path.name for path in made] == [path.name for path in committed]
        for one, other in zip(made, committed, strict=True):
            assert one.read_bytes() == other.read_bytes(), f"run `node contracts/build.mjs`: {other.name} differs"
    assert (tmp_path / MADE).read_bytes() == (ROOT / MADE).read_bytes()


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_artifact_names_the_pinned_compiler(folder: str) -> None:
    pinned = json.loads((ROOT / "contracts/package.json").read_text())["devDependencies"]["solc"]
    for path in (ROOT / folder / "artifacts").glob("*.json"):
        assert json.loads(path.read_text())["compiler"].startswith(f"{pinned}+"), path.name
