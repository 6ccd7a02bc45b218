"""Results are written where they were asked to be, and that place is checked before work begins."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cli import files
from runtime.errors import InvalidInput

ROOT = Path(__file__).resolve().parents[2]


def test_places_where_nothing_can_be_written_are_refused_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path, tmp_path / "none" / "proof", tmp_path / "file" / "proof", Path("/sys/proof")):
        with pytest.raises(InvalidInput, match=str(place)):
            files.check_place(place)
        with pytest.raises(InvalidInput, match=str(place)):
            files.write(place, b"proof")
    files.check_place(tmp_path / "proof")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_link_and_a_device_stay_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "proof").symlink_to(tmp_path / "disk" / "real")
    for place in (tmp_path / "proof", Path("/dev/null")):
        files.check_place(place)
        files.write(place, b"proof")
    assert (tmp_path / "proof").is_symlink()
    assert (tmp_path / "disk" / "real").read_bytes() == b"proof"
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.parametrize("command", [["run"], ["demo"], ["config", "check"]])
def test_a_state_folder_that_cannot_be_used_is_one_line(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "state"
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", *command],
        env={**os.environ, "HALLMARK_STATE_DIR": str(folder), "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    (line,) = done.stderr.splitlines()
    assert done.returncode == 78 and "HALLMARK_STATE_DIR" in line and str(tmp_path / "file") in line


@pytest.mark.parametrize("option", ["--output-file", "--flame-graph"])
def test_execute_looks_at_the_place_of_its_results_before_it_looks_at_the_program(tmp_path: Path, option: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "execute", "absent.elf", option, str(tmp_path / "none" / "result")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    (line,) = done.stderr.splitlines()
    assert done.returncode == 65 and str(tmp_path / "none" / "result") in line
