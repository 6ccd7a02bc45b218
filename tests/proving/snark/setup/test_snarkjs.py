"""snarkjs, where Node is at hand: it reads a file of ours, and what it makes of it is read here."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from proving.snark.errors import InsecureSetup
from proving.snark.setup import ptau
from tests.proving.snark.setup.ptau_files import join, sections

ROOT = Path(__file__).resolve().parents[4]
LOCK = Path(__file__).parent / "snarkjs"
INSTALLED = ROOT / ".hallmark/snarkjs"
PROGRAM = INSTALLED / "node_modules/snarkjs/build/cli.cjs"


@pytest.fixture(scope="module")
def snarkjs() -> Path:
    """The program; without Node or the registry the test is left out and says so."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node is not installed: the comparison with snarkjs is left out")
    if not PROGRAM.is_file():
        shutil.copytree(LOCK, INSTALLED, dirs_exist_ok=True)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        command += ["--cache", str(ROOT / ".hallmark/npm")]
        installed = subprocess.run(command, cwd=INSTALLED, capture_output=True, text=True)
        if installed.returncode:
            pytest.skip(f"npm cannot install snarkjs, the comparison is left out: {installed.stderr.strip()[-200:]}")
    return PROGRAM


def run(program: Path, folder: Path, *arguments: str) -> str:
    done = subprocess.run(["node", str(program), "powersoftau", *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_snarkjs_contributes_to_our_file_and_we_read_the_outcome(snarkjs: Path, tmp_path: Path) -> None:
    (tmp_path / "ours.ptau").write_bytes(join(sections(2, 12345)))
    before = ptau.read(tmp_path / "ours.ptau", 4)
    run(snarkjs, tmp_path, "contribute", "ours.ptau", "theirs.ptau", "--name=test", "-e=not secret")
    after = ptau.read(tmp_path / "theirs.ptau", 7)
    assert after.point != before.point and (after.powers[0] == before.powers[0]).all()


def test_a_file_that_snarkjs_makes(snarkjs: Path, tmp_path: Path) -> None:
    run(snarkjs, tmp_path, "new", "bn128", "4", "0.ptau")
    run(snarkjs, tmp_path, "contribute", "0.ptau", "1.ptau", "--name=test", "-e=not secret")
    run(snarkjs, tmp_path, "prepare", "phase2", "1.ptau", "2.ptau")
    assert "Powers of Tau Ok!" in run(snarkjs, tmp_path, "verify", "2.ptau")
    setup = ptau.read(tmp_path / "2.ptau", 16)
    with pytest.raises(InsecureSetup):
        setup.require_production()
