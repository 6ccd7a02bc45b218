"""What a demo takes from the configuration of whoever starts it, and that it ends at once where it cannot succeed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cli import configuration, demo
from cli.commands import folder_of_demos
from cli.run import ROOT
from gateway.settings import GatewaySettings
from runtime.settings import Settings


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder in which no variable is set."""
    for name in [name for name in os.environ if name.startswith("HALLMARK_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_how_it_computes_is_the_callers_and_nothing_else(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".env").write_text("HALLMARK_SIZE_CLASS=16\nHALLMARK_KEY_DIR=keys\nHALLMARK_LEASE_SECONDS=100\n")
    monkeypatch.setenv("HALLMARK_PROFILE", "proven128")
    monkeypatch.setenv("HALLMARK_DATABASE_URL", "postgresql://u:p@host/db")
    monkeypatch.setenv("HALLMARK_CORE_GENESIS", "genesis.json")
    general, core, gateway = demo.own_configuration(configuration.load(), folder / "demo")
    assert (general.size_class, general.key_dir, general.profile) == (16, folder / "keys", "proven128")
    assert (general.lease_seconds, general.state_dir) == (Settings.of().lease_seconds, folder / "demo")
    assert general.sqlite and str(folder / "demo") in general.database_url
    assert (core.core_profile, core.core_genesis) == ("proven128", None)
    assert gateway == GatewaySettings.of()


def test_a_profile_that_its_core_would_refuse_ends_it_at_once(folder: Path) -> None:
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "demo"],
        cwd=ROOT,
        env={
            **os.environ,
            "HALLMARK_STATE_DIR": str(folder / "state"),
            "HALLMARK_PROFILE": "proven128",
            "HALLMARK_CORE_PROFILE": "proven100",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 78 and "HALLMARK_CORE_PROFILE" in done.stderr and len(done.stderr.splitlines()) == 1
    assert time.monotonic() - start < 60


def test_demos_lie_beside_the_state_folder_or_in_the_named_one(folder: Path) -> None:
    assert folder_of_demos(Settings.of()) == ROOT / ".hallmark"
    assert folder_of_demos(Settings.of(state_dir=folder)) == folder
