"""What commands load before they do anything: the short ones nothing that they do not use."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

from cli.run import ROOT
from proving.stages import key_digest
from proving.stark.key import PROOF_FORMAT
from runtime.protocol import PROTOCOL_VERSION
from tests.proving.stages.batch import batch
from tests.proving.stages.chain import elf_of

_REPORT = (
    "import atexit, json, sys; from cli.main import main;"
    "atexit.register(lambda: print('loaded', json.dumps(sorted(sys.modules)))); main()"
)


def loaded(*arguments: str | Path) -> set[str]:
    """Run a command and return the modules that its process has loaded at its end."""
    done = subprocess.run(
        [sys.executable, "-c", _REPORT, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1].removeprefix("loaded ")))


#: For operators' commands, wallets, settings; for proving.
PLATFORM = {"broker", "core", "eth_account", "structlog", "psycopg", "pydantic_settings", "asyncio", "cli.operate"}
PROVER = {"proving.stark.prover", "proving.stark.generate", "proving.machine.main_vm.circuit", "proving.stages.segment"}


def test_execute_loads_no_platform_and_no_prover(tmp_path: Path) -> None:
    program = tmp_path / "program.elf"
    program.write_bytes(elf_of(3000))
    assert not (PLATFORM | PROVER | {"proving.keys", "rich.progress"}) & loaded("execute", program)


def test_verify_loads_no_platform_and_no_prover(tmp_path: Path) -> None:
    program, proof = tmp_path / "program.elf", tmp_path / "proof"
    program.write_bytes(batch().elf)
    proof.write_bytes(batch().proofs[-1])
    assert not (PLATFORM | PROVER | {"rich.progress"}) & loaded("verify", proof, "--program", program)


def test_help_lists_the_commands_of_every_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for command in ("execute", "prove", "verify", "inspect", "run", "status", "config"):
        assert command in done.stdout


def test_version_names_release_protocol_version_and_the_pinned_key() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "--version"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    release = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert done.stdout == (
        f"hallmark {release}, protocol version {PROTOCOL_VERSION}, proof format {PROOF_FORMAT}, "
        f"key set {key_digest('proven100')} of proven100\n"
    )
