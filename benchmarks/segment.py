"""Proves consecutive real segments in a process of its own and prints what each took as JSON lines.

`python -m benchmarks.segment 18 3` proves three segments of size class 18, as a circuit prover does that works through
a batch. A process of its own, so that the peak memory is that of proving segments and nothing else. A third argument,
``streaming``, has polynomials kept in place of extended columns, as where memory is short.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from itertools import islice
from typing import Any

from benchmarks.inputs import PROGRAMS, transfer_input
from proving import keys
from proving.backend.interface import Backend
from proving.backend.native import NativeBackend
from proving.backend.streaming import StreamingBackend
from proving.machine.checkpoint import Checkpoint
from proving.machine.main_vm.expand import prepare
from proving.machine.main_vm.shape import capacities
from proving.machine.main_vm.shapes import within
from proving.machine.program import Program
from proving.machine.replay import replay
from proving.machine.witness import witness
from proving.stark.prover import prove
from proving.stark.verifier import verify

PROFILE = "proven100"
#: Cycles of one transfer, rounded down: decides how many transfers fill the segments.
TRANSFER_CYCLES = 110_000


def checkpoints(size_class: int, count: int) -> list[bytes]:
    """Return the segments after a batch's first two, which load the input and read the transactions."""
    program = Program.from_elf((PROGRAMS / "stf.elf").read_bytes())
    # A segment has less than two cycles for each row of its tallest table.
    transfers = 3 + (count + 1 << size_class + 1) // TRANSFER_CYCLES
    run = witness(program, transfer_input(transfers), capacities(within(size_class)))
    return [segment.checkpoint.to_bytes() for segment in islice(run, 2, 2 + count)]


def measure(checkpoint: bytes, backend: Backend) -> dict[str, Any]:
    """Prove one segment from its checkpoint, verify the proof, and return the measurements."""
    times: dict[str, float] = {}
    start = mark = time.perf_counter()
    core_start = time.process_time()
    phase = "replay"

    def lap(following: str) -> None:
        nonlocal mark, phase
        now = time.perf_counter()
        times[phase] = round(times.get(phase, 0.0) + now - mark, 3)
        mark, phase = now, following

    key = keys.proving_key(keys.MAIN_VM)
    records = replay(Checkpoint.from_bytes(checkpoint))
    lap("prepare")
    expansion, publics = prepare(records)
    log_heights = {name: rows.bit_length() - 1 for name, (_, rows) in expansion.shapes.items()}
    cycles = records.cycles
    del records
    lap("start")
    proof = prove(key, PROFILE, publics, expansion, backend, lambda _, phase: lap(phase), consume=True)
    lap("verify")
    verify(key, PROFILE, publics, proof)
    lap("")
    return {
        "cycles": cycles,
        "seconds": time.perf_counter() - start,
        "core_seconds": time.process_time() - core_start,
        "phases": times,
        "proof_bytes": len(proof),
        "checkpoint_bytes": len(checkpoint),
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
        "log_heights": log_heights,
    }


def main() -> None:
    """Prove segments on the CPU and print one line for each."""
    given = checkpoints(int(sys.argv[1]), int(sys.argv[2]))
    keys.proving_key(keys.MAIN_VM)
    backend = StreamingBackend() if sys.argv[3:] == ["streaming"] else NativeBackend()
    for checkpoint in given:
        print(json.dumps(measure(checkpoint, backend)), flush=True)


if __name__ == "__main__":
    main()
