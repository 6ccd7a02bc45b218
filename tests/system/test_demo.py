"""The demo as a newcomer runs it, and its proof against everything that it does not prove.

With its SNARK and L1 it is marked ``long``: those take two cores without AVX-512 five minutes, and their keys two more.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from cli import demo
from cli.run import ROOT
from core.proofs.batch_file import read_batch_file
from proving import stages
from proving.hash.text import digest_from_hex
from runtime.errors import VerificationError
from runtime.settings import Settings

#: The demo proves a whole batch down to the SNARK, which a shared CPU without AVX-512 takes longer for.
pytestmark = pytest.mark.timeout(1500)

PROFILE = "proven100"


with_snark = pytest.param("--snark", marks=pytest.mark.long)


@pytest.fixture(scope="module", params=["--no-snark", with_snark])
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the demo once, with a batch of two segments, and return its folder."""
    base = tmp_path_factory.mktemp("demo")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HALLMARK_")}
    environment |= {"HALLMARK_STATE_DIR": str(base), "HALLMARK_SIZE_CLASS": "17"}
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "demo", "--transactions", "1", request.param],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for part in ("program commitment", "old state root", "new state root", "100", "proof size", "prove", "total"):
        assert part in done.stdout
    for part in ("start the processes: done", "stage prove: done", "core verifies and accepts: done"):
        assert part in done.stderr
    assert ("L1 verifies and executes: done" in done.stderr) is (request.param == "--snark")
    (base / "demo" / "printed").write_text(done.stdout)
    return base / "demo"


def hallmark(*arguments: str | Path, status: int) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_proof_is_accepted_and_refused_where_it_must(finished: Path, tmp_path: Path) -> None:
    proof, batch = finished / "proofs" / "batch-1.proof", finished / "proofs" / "batch-1.json"
    stf = ROOT / "guest" / "programs" / "stf.elf"
    assert "new root" in hallmark("verify", proof, "--program", stf, "--batch", batch, status=0)
    hallmark("verify", proof, "--program", ROOT / "guest" / "programs" / "keccak.elf", status=1)
    hallmark("verify", proof, "--program", stf, "--output", "11" * 32, status=1)
    hallmark("verify", proof, "--program", stf, "--batch", batch, "--profile", "proven128", status=1)

    other = json.loads(batch.read_text())
    other["new_root"] = other["old_root"]
    (tmp_path / "other.json").write_text(json.dumps(other))
    assert "expected output" in hallmark(
        "verify", proof, "--program", stf, "--batch", tmp_path / "other.json", status=65
    )


def test_printed_commands_can_be_pasted(finished: Path) -> None:
    printed = (finished / "printed").read_text()
    assert printed.startswith("batch 1: ")
    lines = printed.split("Look at it again:\n")[1].split("\n\n")[0].splitlines()
    shown = [word for line in lines for word in ("status", "trace", "verify") if f"hallmark {word} " in line]
    assert shown == ["status", "trace", "verify", *(["verify"] if (finished / "snark.key").exists() else [])]
    for line in lines:
        done = subprocess.run(
            ["sh", "-c", line], cwd=ROOT, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (line, done.stderr)


@pytest.mark.parametrize("finished", [with_snark], indirect=True)
def test_l1_acts_on_the_new_root(finished: Path) -> None:
    """What is printed of L1: each transaction with its gas, and the batch's new root as L1's."""
    printed = (finished / "printed").read_text().split("L1 (")[1]
    stated = read_batch_file((finished / "proofs" / "batch-1.json").read_bytes())
    assert stated.new_root in printed.split("state root")[1].splitlines()[0]
    for action in ("commit", "prove", "execute"):
        assert re.search(rf"^  {action} +0x[0-9a-f]{{64}}, [1-9][0-9,]+ gas$", printed, re.MULTILINE)
    gas = json.loads((finished / "last.json").read_text())["l1_gas"]
    assert set(gas) == {"commit", "prove", "execute"} and gas["prove"] < 500_000


@pytest.mark.parametrize("finished", [with_snark], indirect=True)
def test_the_snark_shows_the_batch(finished: Path) -> None:
    stf = ROOT / "guest" / "programs" / "stf.elf"
    snark, batch = finished / "proofs" / "batch-1.snark", finished / "proofs" / "batch-1.json"
    words = ("verify", snark, "--program", stf, "--snark-key", finished / "snark.key")
    assert "INSECURE-TEST" in hallmark(*words, "--batch", batch, status=0)
    hallmark(*words, "--output", "11" * 32, status=1)


def test_any_one_byte_change_is_refused(finished: Path) -> None:
    proof = (finished / "proofs" / "batch-1.proof").read_bytes()
    stated = read_batch_file((finished / "proofs" / "batch-1.json").read_bytes())
    commitment = digest_from_hex(stated.program_commitment)
    stages.verify_batch(proof, program_commitment=commitment, profile=PROFILE, output=stated.output)
    rng = random.Random(7)
    for place in [0, 8, 10, 12, 20, 30, 63, 64, 80, *(rng.randrange(len(proof)) for _ in range(100))]:
        changed = bytearray(proof)
        changed[place] ^= 1 << rng.randrange(8)
        with pytest.raises(VerificationError):
            stages.verify_batch(bytes(changed), program_commitment=commitment, profile=PROFILE, output=stated.output)


def test_nothing_is_left_running(finished: Path) -> None:
    left = []
    for process in psutil.process_iter(["pid", "environ"]):
        environment = process.info["environ"] or {}
        if environment.get("HALLMARK_STATE_DIR") == str(finished):
            left.append(process.info["pid"])
    assert left == []


def test_two_demos_take_two_folders(tmp_path: Path) -> None:
    settings = Settings.of(state_dir=tmp_path)
    with demo._folder(settings) as first, demo._folder(settings) as second:
        assert first != second
    with demo._folder(settings) as again:
        assert again == first
