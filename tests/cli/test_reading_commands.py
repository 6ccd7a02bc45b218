"""Commands that only look make nothing; they say where they look, and what they print can be pasted."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from eth_account import Account

from broker.jobs import DatabaseMissing, open_existing, open_store
from cli import commands, development
from cli.run import ROOT
from cli.wallet import MNEMONIC
from core.settings import CoreSettings
from core.state.genesis import read_genesis
from runtime.settings import CHECKOUT, Settings


def hallmark(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HALLMARK_")}
    environment |= {
        "HOME": str(folder / "home"),
        "COLUMNS": "80",
        "HALLMARK_STATE_DIR": str(folder / "state"),
    } | variables
    (folder / "home").mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "arguments", [("status",), ("status", "--json"), ("status", "1"), ("trace", "1"), ("config", "check"), ("doctor",)]
)
def test_looking_makes_nothing(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = hallmark(tmp_path, *arguments)
    assert done.returncode == (70 if arguments[-1] == "1" else 0), done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
    assert list((tmp_path / "home").iterdir()) == []


def test_status_names_its_folder_and_those_of_the_demos(tmp_path: Path) -> None:
    open_store(Settings.load(state_dir=tmp_path / "state" / "demo-2", database_url="", store_url=""))
    done = hallmark(tmp_path, "status")
    assert str(tmp_path / "state") in done.stdout
    assert str(tmp_path / "state" / "demo-2") in done.stdout
    assert "no batch yet" in done.stdout


def test_looking_changes_no_schema(tmp_path: Path) -> None:
    settings = Settings.load(state_dir=tmp_path, database_url="", store_url="")
    with pytest.raises(DatabaseMissing):
        open_existing(settings)
    assert list(tmp_path.iterdir()) == []
    open_store(settings)
    before = (tmp_path / "hallmark.db").read_bytes()
    open_existing(settings)
    assert (tmp_path / "hallmark.db").read_bytes() == before


def test_config_check_cuts_nothing(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 40)
    assert str(folder / "hallmark.db") in hallmark(tmp_path, "config", "check", HALLMARK_STATE_DIR=str(folder)).stdout


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"HALLMARK_PROFILE": "proven128"}, "HALLMARK_CORE_PROFILE"),
        ({"HALLMARK_PROFILE": "legacy-conjectured"}, "HALLMARK_CORE_PROFILE"),
        ({"HALLMARK_CORE_PROFILE": "legacy-conjectured"}, "HALLMARK_CORE_ACCEPT_INSECURE"),
        ({"HALLMARK_CORE_PROFILE": "none"}, "HALLMARK_CORE_PROFILE"),
    ],
)
def test_config_check_names_profiles_that_core_would_refuse(
    tmp_path: Path, variables: dict[str, str], named: str
) -> None:
    done = hallmark(tmp_path, "config", "check", **variables)
    assert done.returncode == 78
    assert named in done.stdout + done.stderr


def test_state_lies_below_the_checkout_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HALLMARK_STATE_DIR", raising=False)
    assert Settings.load().state_dir == CHECKOUT / ".hallmark" / "state"


def test_lines_paste_in_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = tmp_path / "it's a state"
    for folder in (ROOT, tmp_path):
        monkeypatch.chdir(folder)
        line = commands.line("status", state=odd)
        done = subprocess.run(
            ["sh", "-c", line], capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"}, check=False
        )
        assert done.returncode == 0, (line, done.stderr)
        assert str(odd) in done.stdout


def test_the_account_shown_is_the_published_and_funded_one() -> None:
    Account.enable_unaudited_hdwallet_features()
    first, second = (Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{i}") for i in (0, 1))
    assert (first.address, "0x" + first.key.hex()) == (development.ACCOUNT, development.PRIVATE_KEY)
    assert second.address == development.RECEIVER
    assert read_genesis(None).accounts[bytes.fromhex(first.address[2:])].balance > 0


def test_the_python_example_imports_what_it_says_to_install(tmp_path: Path) -> None:
    first, *program, last = development.web3(Settings.of(state_dir=tmp_path)).splitlines()
    assert (first, last) == ("python3 - <<'END'", "END")
    imported = [
        node for node in ast.walk(ast.parse("\n".join(program))) if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert [ast.unparse(node) for node in imported] == ["from web3 import Web3"]


def test_an_account_is_shown_for_the_development_genesis_only(tmp_path: Path) -> None:
    settings = Settings.load(state_dir=tmp_path, core_url="http://127.0.0.1:3999")
    text = "\n".join(development.describe(settings, CoreSettings.load()))
    for part in (development.PRIVATE_KEY, "cast send", "from web3", "http://127.0.0.1:3999", "hallmark watch"):
        assert part in text
    # Pasted into another terminal, the line still looks at this system.
    setting = text.splitlines()[-1].partition("HALLMARK_STATE_DIR=")[2].split()[0]
    assert Path(setting).resolve() == tmp_path.resolve()
    assert development.PRIVATE_KEY not in "\n".join(
        development.describe(settings, CoreSettings.load(core_genesis=tmp_path / "genesis.json"))
    )
