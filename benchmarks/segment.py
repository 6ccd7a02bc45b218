"""Proves one real segment in a process of its own and prints what it took as JSON: `python -m benchmarks.segment 18`.

A process of its own, so that the peak memory is that of proving one segment and nothing else.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from itertools import islice

from benchmarks.inputs import PROGRAMS, transfer_input
from proving import keys
from proving.backend.native import NativeBackend
from proving.machine.main_vm.expand import expand
from proving.machine.main_vm.shape import capacities
from proving.machine.program import Program
from proving.machine.replay import replay
from proving.machine.witness import witness
from proving.stark.prover import prove
from proving.stark.verifier import verify

#: Transfers in the batch: enough cycles to fill a segment of the largest class.
TRANSFERS = 12
PROFILE = "proven100"
#: Verifications timed; the median is taken.
VERIFICATIONS = 5


def main() -> None:
    """Prove the second segment of a batch (the first one loads the input) and print the measurements."""
    size_class = int(sys.argv[1])
    program = Program.from_elf((PROGRAMS / "stf.elf").read_bytes())
    run = witness(program, transfer_input(TRANSFERS), capacities(size_class))
    segment = list(islice(run, 2))[-1]
    checkpoint = segment.checkpoint.to_bytes()
    backend = NativeBackend()
    times: dict[str, float] = {}
    mark = time.perf_counter()

    def lap(name: str) -> None:
        nonlocal mark
        now = time.perf_counter()
        times[name] = times.get(name, 0.0) + now - mark
        mark = now

    key = keys.main_vm_key()
    lap("key")
    records = replay(segment.checkpoint)
    lap("replay")
    traces, publics = expand(records)
    lap("expand")
    cells = {name: trace.shape for name, trace in traces.items()}
    cycles, rows = records.cycles, records.counts()
    del records
    phase = ["start"]

    def report(name: str, share: float) -> None:
        lap(phase[0])
        phase[0] = name

    proof = prove(key, PROFILE, publics, traces, backend, progress=report, consume=True)
    lap(phase[0])
    del traces
    verifications = []
    for _ in range(VERIFICATIONS):
        start = time.perf_counter()
        verify(key, PROFILE, publics, proof)
        verifications.append(time.perf_counter() - start)
    print(
        json.dumps(
            {
                "size_class": size_class,
                "cycles": cycles,
                "seconds": sum(seconds for name, seconds in times.items() if name != "key") + verifications[0],
                "phases": {name: round(seconds, 3) for name, seconds in times.items()},
                "verify_ms": 1000 * sorted(verifications)[VERIFICATIONS // 2],
                "proof_bytes": len(proof),
                "checkpoint_bytes": len(checkpoint),
                "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
                "shapes": cells,
                "rows": rows,
            }
        )
    )


if __name__ == "__main__":
    main()
