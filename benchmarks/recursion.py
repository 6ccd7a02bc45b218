"""The figures of aggregation: a whole batch from segments to the scheduler's proof, round by round."""

from __future__ import annotations

import functools
import os
import statistics
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass

from benchmarks.figure import Figure, figure
from benchmarks.inputs import PROGRAMS, transfer_input
from proving import keys, stages
from proving.backend.native import NativeBackend
from proving.keys import generate
from proving.recursion.program import TABLES, WitnessProgram
from proving.stages.budget import LARGEST
from proving.stages.recursion_witness import RecursionWitness
from proving.stages.rounds import Round, tree
from runtime.limits import cpus

PROFILE = "proven100"
SIZE_CLASS = LARGEST
TRANSFERS = 9
#: plonky2 1.1.0, two proofs into one at 100 conjectured bits on two Zen 3 cores, CPU seconds; not measured in this run.
PLONKY2_SECONDS = 5.4
#: Names the keystore's folder.
KEY_DIR = "HALLMARK_KEY_DIR"
#: Verifications of the scheduler's proof that are timed.
VERIFICATIONS = 20


@dataclass(frozen=True)
class Batch:
    """A batch that was proven: its proof, the segments, and seconds of CPU time for each round and for its requests."""

    proof: bytes
    segments: int
    seconds: dict[Round, list[float]]
    #: By type, for its parts.
    requests: dict[str, list[float]]


@functools.cache
def batch() -> Batch:
    """Prove a batch, once for all figures; every proof is verified by its maker."""
    run = stages.basic_witness((PROGRAMS / "stf.elf").read_bytes(), transfer_input(TRANSFERS), size_class=SIZE_CLASS)
    seconds: dict[Round, list[float]] = defaultdict(list)
    requests: dict[str, list[float]] = defaultdict(list)
    proofs: list[bytes] = []
    steps = tree(len(run.checkpoints), {kind: len(parts) for kind, parts in run.requests.items()})
    backend = NativeBackend()
    for step in steps:
        children = [proofs[place] for place in step.children]
        taken = seconds[step.round]
        if step.round is not Round.BASIC:
            witness = stages.recursive_witness(step.round, children, statement=run.statement, profile=PROFILE)
            # Writing a circuit down and preparing its key are a process's first proof's alone.
            stages.recursive_vectors(witness)
            keys.proving_key(RecursionWitness.unpack(witness).circuit).prepared(backend)
            start = time.process_time()
            proofs.append(stages.prove_recursive(witness, backend=backend, profile=PROFILE))
        elif step.circuit_type == keys.MAIN_VM:
            start = time.process_time()
            proofs.append(stages.prove_segment(run.checkpoints[step.index], backend=backend, profile=PROFILE))
        else:
            taken = requests[step.circuit_type]
            part = run.requests[step.circuit_type][step.index]
            start = time.process_time()
            proofs.append(stages.prove_requests(part, backend=backend, profile=PROFILE))
        taken.append(time.process_time() - start)
    return Batch(proofs[-1], len(run.checkpoints), seconds, requests)


def recursion() -> list[Figure]:
    """Measure the rounds of a batch."""
    seconds = batch().seconds
    middle = {made: statistics.median(taken) for made, taken in seconds.items()}
    context = {"profile": PROFILE, "size_class": SIZE_CLASS, "segments": batch().segments}
    took = {made.name.lower(): round(value, 2) for made, value in middle.items()}
    took |= {kind: round(statistics.median(taken), 2) for kind, taken in batch().requests.items()}
    peer = ("plonky2 1.1.0 two-to-one, 100 conjectured bits, on two Zen 3 cores", PLONKY2_SECONDS)
    above = middle[Round.LEAF] + middle[Round.NODE]
    family = keys.circuits_of(PROFILE)
    shown = (family.leaf(keys.MAIN_VM, 0), family.node, *family.tips, family.scheduler)
    circuits = {name: _sizes(keys.program(name)) for name in shown}
    return [
        figure("recursion.leaf", middle[Round.LEAF], "s of CPU time", "lower", peer=peer, context=context),
        figure("recursion.node", middle[Round.NODE], "s of CPU time", "lower", peer=peer, context=context),
        figure("recursion.share", 100 * above / (above + middle[Round.BASIC]), "%", "lower",
               context={**context, "seconds of CPU time": took}),
        figure("recursion.rows", float(keys.program(family.node).rows.shape[0]), "compressions of a node",
               "lower", context=circuits),
        figure("scheduler.proof_size", len(batch().proof) / 1000, "kB", "lower", context=context),
        figure("scheduler.verify", 1000 * _verify(batch().proof), "ms", "lower", context=context),
    ]  # fmt: skip


def key_set() -> list[Figure]:
    """Generate a profile's keys, then those of all profiles, in a keystore of their own."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ[KEY_DIR] = folder
        start = time.perf_counter()
        generate.generate([PROFILE], processes=cpus())
        one = time.perf_counter() - start
        generate.generate([], processes=cpus())
        whole = time.perf_counter() - start
        size = sum(entry.bytes for entry in generate.entries())
        del os.environ[KEY_DIR]
    context = {"profiles": list(keys.key_sets()), "keys": len(keys.pinned()), f"seconds for {PROFILE}": round(one, 1)}
    return [
        figure("keys.generate", whole, "s", "lower", context=context),
        figure("keys.size", size / 1e9, "GB", "lower", context=context),
    ]


def _verify(proof: bytes) -> float:
    taken = []
    for _ in range(VERIFICATIONS):
        start = time.perf_counter()
        stages.verify_batch(proof, program_commitment=None, profile=PROFILE)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def _sizes(program: WitnessProgram) -> dict[str, object]:
    return {
        "log_heights": dict(zip(TABLES, program.log_heights.tolist(), strict=True)),
        "compressions": program.rows.shape[0],
        "operations": program.field.shape[0],
        "elements taken apart": program.bits.shape[0],
        "rows of caps": program.caps.shape[0],
    }
