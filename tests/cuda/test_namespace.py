"""NVIDIA's namespace packages below `cuda` stay importable beside this package, from any folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("theirs_first", [False, True])
def test_both_packages_can_be_imported(tmp_path: Path, theirs_first: bool) -> None:
    bindings = tmp_path / "site" / "cuda" / "bindings"
    bindings.mkdir(parents=True)
    (bindings / "__init__.py").write_text("WHO = 'nvidia'\n")
    paths = [str(ROOT), str(tmp_path / "site")]
    script = "import cuda.bindings, cuda.select; print(cuda.bindings.WHO, cuda.select.select_backend('cpu').name)"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths[::-1] if theirs_first else paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["nvidia", "native"]


def test_the_command_line_runs_from_another_folder_beside_them(tmp_path: Path) -> None:
    bindings = tmp_path / "site" / "cuda" / "bindings"
    bindings.mkdir(parents=True)
    (bindings / "__init__.py").touch()
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "devices"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path / "site")])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "No module named" not in done.stderr
    assert "driver" in done.stdout + done.stderr
