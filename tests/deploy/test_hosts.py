"""systemd's units and the compose file are what their readers take, and start what the Procfile has."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.procfile import read_procfile
from cli.run import ROOT, patience
from runtime.settings import Settings
from tests.docs.test_variables import SETTINGS

FOLDER = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))
PROCESSES = set(read_procfile(ROOT / "Procfile"))
#: Where the units expect the checkout.
INSTALLED = "/opt/hallmark"


def test_the_compose_file_is_of_its_schema() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, str(FOLDER / "compose.yaml")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_compose_file_runs_every_process() -> None:
    ours = {name: each for name, each in COMPOSE["services"].items() if "IMAGE" in each["image"]}
    assert {each["command"][1] for each in ours.values()} == set(ours) == PROCESSES
    for each in ours.values():
        assert each["command"][0] == "start"
        assert int(each["stop_grace_period"].removesuffix("s")) > patience(Settings())


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_the_units_are_what_systemd_takes(tmp_path: Path) -> None:
    for path in (FOLDER / "systemd").iterdir():
        (tmp_path / path.name).write_text(path.read_text("utf-8").replace(INSTALLED, str(ROOT)))
    units = [str(tmp_path / f"hallmark@{name}.service") for name in ("core", "prove.0")]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units, str(tmp_path / "hallmark.target")],
        capture_output=True,
        text=True,
        check=False,
    )
    # What other units of this machine lack is said as well.
    assert done.returncode == 0 and "hallmark" not in done.stderr, done.stderr


def test_the_unit_lets_a_worker_drain() -> None:
    unit = (FOLDER / "systemd" / "hallmark@.service").read_text("utf-8")
    found = re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    assert found is not None and int(found[1]) > patience(Settings())


def test_every_variable_is_a_setting_that_is_accepted() -> None:
    [settings] = yaml.safe_load_all((FOLDER / "kubernetes" / "settings.yaml").read_text("utf-8"))
    example = (FOLDER / "systemd" / "hallmark.env").read_text("utf-8")
    given = {
        "settings.yaml": settings["data"],
        "hallmark.env": dict(re.findall(r"^([A-Z0-9_]+)=(.*)$", example, re.MULTILINE)),
    }
    for where, values in given.items():
        assert set(values) <= SETTINGS, where
        Settings.of(
            **{"token": "x" * 32, **{name.removeprefix("HALLMARK_").lower(): text for name, text in values.items()}}
        )
    for path in (*FOLDER.rglob("*.yaml"), *FOLDER.rglob("*.service"), FOLDER / "Dockerfile"):
        named = set(re.findall(r"\b(HALLMARK_[A-Z0-9_]+)", path.read_text("utf-8")))
        assert named <= SETTINGS, path


def test_the_image_belongs_to_the_user_that_pods_run_as() -> None:
    text = (FOLDER / "Dockerfile").read_text("utf-8")
    [user] = re.findall(r"^USER (\d+)$", text, re.MULTILINE)
    assert f"--uid {user}" in text and f"--chown={user}" in text
    for path in (FOLDER / "kubernetes").glob("*.yaml"):
        assert set(re.findall(r"(?:runAsUser|fsGroup): (\d+)", path.read_text("utf-8"))) <= {user}
