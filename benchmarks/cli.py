"""What whole processes of the command line cost: the smallest proof, and the start of `hallmark verify`."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.figure import Figure, figure
from benchmarks.inputs import PROGRAMS

RUNS = 5
#: Without what keeps Python from storing compiled modules: a user's second command does not compile them again.
_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
_CALL = "import sys; from cli.main import main; sys.argv[0] = 'hallmark'; main()"


def _seconds(arguments: list[str]) -> float:
    """Run a command as a process of its own; return its CPU seconds, user and system."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-c", _CALL, *arguments],
        cwd=Path(__file__).parent.parent,
        env=_ENVIRONMENT,
        capture_output=True,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def whole_processes() -> list[Figure]:
    """Prove and verify the example that sorts, with an empty input."""
    with tempfile.TemporaryDirectory() as folder:
        program, proof, nothing = PROGRAMS / "sort.elf", Path(folder) / "proof", Path(folder) / "input"
        nothing.touch()
        proving = [
            _seconds(["prove", str(program), "--input", str(nothing), "-o", str(proof.with_suffix(f".{i}"))])
            for i in range(RUNS)
        ]
        first = str(proof.with_suffix(".0"))
        _seconds(["verify", first, "--program", str(program)])
        verifying = [_seconds(["verify", first, "--program", str(program)]) for _ in range(RUNS)]
    context = {"program": "sort", "runs": RUNS}
    return [
        figure("guest.smallest_proof", statistics.median(proving), "s of CPU time", "lower", context=context),
        figure("cli.startup", statistics.median(verifying), "s of CPU time", "lower", context=context),
    ]
