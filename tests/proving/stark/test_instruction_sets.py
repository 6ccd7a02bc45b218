"""The same proof bytes on every instruction set."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.proving import instruction_sets
from tests.proving.stark.freeze import PROOF

ROOT = Path(__file__).parents[3]
PROGRAM = "import sys; from tests.proving.stark import toy; sys.stdout.buffer.write(toy.proof()[2])"


@pytest.mark.parametrize("isa", instruction_sets.EVERY)
def test_a_proof_has_the_same_bytes(isa: str) -> None:
    instruction_sets.require(isa)
    environment = {**os.environ, "HALLMARK_CPU": isa}
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout == PROOF.read_bytes()
