"""The figures of the proof compressor: from a batch's proof to the SNARK that L1 takes."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure, figure
from benchmarks.recursion import PROFILE, batch
from proving import keys
from proving.backend.native import NativeBackend
from proving.keys import setups
from proving.snark.layout import PROOF_BYTES
from proving.snark.setup import extract
from proving.snark.wrap import write_wrap
from proving.stages import snark_keys, wrap
from proving.stages.layers import compress_proof
from runtime.limits import cpus


def rows() -> list[Figure]:
    """Count the SNARK's rows by part, and what depends on their number alone."""
    begin = time.process_time()
    builder = write_wrap(keys.key(keys.circuits_of(PROFILE).last), PROFILE)
    circuit = builder.compile()
    took = time.process_time() - begin
    parts = dict(sorted(builder.row_counts.items(), key=lambda part: -part[1]))
    parts["everything else"] = builder.rows - sum(parts.values())
    context = {"profile": PROFILE, "by part": parts, "trace": circuit.rows, "seconds to write it down": round(took, 1)}
    size = len(extract.pack(setups.insecure_test(circuit.rows))) / 1e6
    return [
        figure("snark.rows", builder.rows, "rows", "lower", limit=("2^20", 1 << 20), context=context),
        figure("snark.proof_size", PROOF_BYTES, "bytes", "lower"),
        figure("setup.size", size, "MB", "lower", context={"powers": circuit.rows}),
    ]


def compressor() -> list[Figure]:
    """Compress a batch's proof in a process of its own, whose keys are made."""
    snark_keys(PROFILE, setups.insecure_test(keys.snark_circuit(PROFILE).rows))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "batch.proof"
        path.write_bytes(batch().proof)
        done = subprocess.run(
            [sys.executable, "-m", __name__, str(path)], check=True, stdout=subprocess.PIPE, text=True
        )
    found = json.loads(done.stdout)
    context = {"profile": PROFILE, "cores": cpus(), **found["parts"]}
    return [
        figure("compressor.prove", found["seconds"], "s", "lower", context=context),
        figure("compressor.memory", found["bytes"] / 1e9, "GB", "lower", context=context),
    ]


def _measured(proof: bytes) -> dict[str, Any]:
    """Seconds of each part, and the process's peak; what a process that stays does once is not counted."""
    backend = NativeBackend()
    last_key = keys.proving_key(keys.circuits_of(PROFILE).last)
    last_key.prepared(backend)
    held = snark_keys(PROFILE, setups.insecure_test(keys.snark_circuit(PROFILE).rows))
    parts: dict[str, float] = {}
    begin, cpu = time.perf_counter(), time.process_time()
    last = compress_proof(proof, profile=PROFILE, backend=backend)
    parts["last layer, s"], parts["last layer, s of CPU time"] = time.perf_counter() - begin, time.process_time() - cpu
    middle, cpu = time.perf_counter(), time.process_time()
    wrap(last, proving_key=held, profile=PROFILE)
    parts["SNARK, s"], parts["SNARK, s of CPU time"] = time.perf_counter() - middle, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    rounded = {name: round(value, 1) for name, value in parts.items()}
    return {"seconds": time.perf_counter() - begin, "bytes": peak, "parts": rounded}


if __name__ == "__main__":
    json.dump(_measured(Path(sys.argv[1]).read_bytes()), sys.stdout)
