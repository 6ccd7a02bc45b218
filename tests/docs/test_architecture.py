"""The table of who may import whom and the import linter's contracts are one thing."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
LINTER: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
FLOORS = re.findall(r"`(\w+)/`", PAGE[PAGE.index("Inside `proving/`, each floor") : PAGE.index("## One idea")])[1:]

ROOMS = re.findall(
    r"`(\w+)/?`", PAGE[PAGE.index("Inside `core/`, each room") : PAGE.index("Inside `proving/`, each floor")]
)[1:]


def packages() -> set[str]:
    return {path.parent.name for path in ROOT.glob("*/__init__.py")}


def rows() -> dict[str, str]:
    """Folder -> what it may import, as the table's cell says it."""
    return dict(re.findall(r"^\| `(\w+)/` \|.*\| ([^|]+) \|$", PAGE, re.MULTILINE))


def forbidden(folder: str, cell: str) -> list[str]:
    allowed = set(re.findall(r"`([\w.]+)`", cell))
    found = []
    for package in packages() - {folder} - allowed:
        floors = {name for name in allowed if name.startswith(package + ".")}
        found += (
            [f"{package}.{floor}" for floor in FLOORS if f"{package}.{floor}" not in allowed] if floors else [package]
        )
    return sorted(found)


def test_every_folder_of_the_repository_is_a_row() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a checkout")
    folders = {line.split("/")[0] for line in listed.stdout.splitlines() if "/" in line and not line.startswith(".")}
    assert folders == set(rows())


def test_the_linter_holds_every_row_and_no_exception() -> None:
    contracts = [contract for contract in LINTER["contracts"] if contract["name"].startswith("The house: ")]
    expected = [
        {
            "name": f"The house: {folder}",
            "type": "forbidden",
            "source_modules": [folder],
            "forbidden_modules": forbidden(folder, cell),
        }
        for folder, cell in rows().items()
        if folder in packages() and cell != "everything"
    ]
    assert contracts == expected
    assert set(LINTER["root_packages"]) == packages()


def test_the_linter_holds_every_floor_of_proving() -> None:
    assert set(FLOORS) == {path.parent.name for path in (ROOT / "proving").glob("*/__init__.py")}
    [floors] = [contract for contract in LINTER["contracts"] if contract["name"] == "Floors of proving"]
    assert floors == {"name": "Floors of proving", "type": "layers", "layers": [f"proving.{f}" for f in FLOORS[::-1]]}


def test_the_linter_holds_every_room_of_core() -> None:
    found = {path.parent.name for path in (ROOT / "core").glob("*/__init__.py")}
    assert set(ROOMS) == found | {path.stem for path in (ROOT / "core").glob("[a-z]*.py")}
    [rooms] = [contract for contract in LINTER["contracts"] if contract["name"] == "Rooms of core"]
    assert rooms == {
        "name": "Rooms of core",
        "type": "layers",
        "containers": ["core"],
        "layers": ROOMS[::-1],
        "exhaustive": True,
        "exhaustive_ignores": ["__main__"],
    }


def test_imports_against_the_table_are_refused(tmp_path: Path) -> None:
    planted = {
        "cli/main.py": "tests.servers",
        "core/program/state_transition.py": "guest.build",
        "core/formats/witness_input.py": "core.store.models",
        "cuda/backend.py": "proving.stark.prover",
        "gateway/service.py": "proving.stages",
        "proving/hash/compression.py": "proving.stark.prover",
        "runtime/wire.py": "broker.jobs",
    }
    for package in packages():
        for source in (ROOT / package).rglob("*.py"):
            copy = tmp_path / source.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
    shutil.copyfile(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    for importer, imported in planted.items():
        with (tmp_path / importer).open("a", encoding="utf-8") as file:
            file.write(f"import {imported}\n")
    # The entry point's folder, not the current one, is first on the path: the copies must be what is read.
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    found = subprocess.run([*command, "--no-cache"], cwd=tmp_path, capture_output=True, text=True)
    assert found.returncode == 1, found.stderr
    for importer, imported in planted.items():
        assert f"{importer.removesuffix('.py').replace('/', '.')} -> {imported} " in found.stdout
