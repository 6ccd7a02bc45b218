"""The figures of the basic circuits beside `main_vm`: requests proven a second."""

from __future__ import annotations

import statistics
import time

import numpy as np

from benchmarks.figure import Figure, figure
from proving import native
from proving.backend.native import NativeBackend
from proving.circuits.arith256 import ARITH256
from proving.circuits.basic import LOG_BLOWUP, BasicCircuit
from proving.circuits.blake2s import BLAKE2S
from proving.circuits.keccak_f import KECCAK_F
from proving.circuits.requests import empty_chain
from proving.circuits.sha256 import SHA256
from proving.stark.generate import build_key
from proving.stark.key import Key
from proving.stark.profile import profile_tables
from proving.stark.prover import prove
from proving.stark.verifier import verify

PROFILE = "proven100"
#: Proofs per instruction set, one after the other; the median is the figure.
PROOFS = 2
#: The figures are of two cores.
CORES = 2


def arith256() -> list[Figure]:
    """Measure 256-bit modular arithmetic."""
    return [_measure("arith256.prove", ARITH256)]


def keccak() -> list[Figure]:
    """Measure Keccak-f[1600]."""
    return [_measure("keccak.prove", KECCAK_F)]


def sha256() -> list[Figure]:
    """Measure SHA-256's compression."""
    return [_measure("sha256.prove", SHA256)]


def blake2s() -> list[Figure]:
    """Measure Blake2s's compression."""
    return [_measure("blake2s.prove", BLAKE2S)]


def _measure(name: str, circuit: BasicCircuit) -> Figure:
    """Prove and verify a full proof of the last shape but one, on every instruction set of this CPU."""
    backend, shape, count = NativeBackend(), circuit.shapes[-2], circuit.capacities[-2]
    key = build_key(circuit.circuit, backend=backend, log_blowup=LOG_BLOWUP, max_log_heights=circuit.shapes[-1])
    words = np.random.default_rng(1).integers(0, 2**32, (count, circuit.layout.input_words), dtype=np.uint32)
    rates, walls = {}, {}
    for isa in native.available_isas():
        with native.forced_isa(isa):
            runs = [_prove(circuit, key, words, backend) for _ in range(PROOFS)]
        rates[isa] = CORES * count / statistics.median(cpu for cpu, _ in runs) / 1000
        walls[isa] = statistics.median(wall for _, wall in runs)
    best = native.available_isas()[-1]
    cells = sum(
        table.cells for table in profile_tables(key, key.layout.shape(tuple(shape[t.name] for t in circuit.circuit)))
    )
    context = {
        "profile": PROFILE,
        "requests": count,
        "cells_per_request": round(cells / count),
        "compressions_per_request": circuit.layout.blocks,
        "by_isa": {isa: round(rate, 3) for isa, rate in rates.items()},
        "wall_seconds": {isa: round(wall, 2) for isa, wall in walls.items()},
    }
    return figure(name, rates[best], "thousand requests/s", "higher", context=context)


def _prove(circuit: BasicCircuit, key: Key, words: np.ndarray, backend: NativeBackend) -> tuple[float, float]:
    """CPU and wall seconds from requests to a verified proof."""
    cpu, wall = time.process_time(), time.perf_counter()
    traces, publics = circuit.expand(empty_chain(circuit.kind), words)
    proof = prove(key, PROFILE, publics, traces, backend, consume=True)
    verify(key, PROFILE, publics, proof)
    return time.process_time() - cpu, time.perf_counter() - wall
