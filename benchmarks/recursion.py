"""The figures of recursion: a leaf over one segment, a node over two leaves, and what their circuits consist of."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from itertools import islice

import numpy as np

from benchmarks.figure import Figure, figure
from benchmarks.inputs import PROGRAMS, transfer_input
from proving import keys
from proving.backend.native import NativeBackend
from proving.hash import DIGEST
from proving.machine.main_vm.expand import expand
from proving.machine.main_vm.shape import capacities
from proving.machine.main_vm.shapes import within
from proving.machine.program import Program
from proving.machine.replay import replay
from proving.machine.witness import witness
from proving.recursion.aggregation import Role, claim_words, entry, key_set_digest, node_hints, write_leaf, write_node
from proving.recursion.compile import CompiledCircuit
from proving.recursion.witness import fill
from proving.stark.arithmetic import Words
from proving.stark.generate import build_key
from proving.stark.key import Key
from proving.stark.proof import Proof, parse
from proving.stark.prover import prove
from proving.stark.verifier import verify

PROFILE = "proven100"
SIZE_CLASS = 18
#: Heights that fit a leaf over a segment of this class and a node, so that a node verifies both.
HEIGHTS = {"hash": 14, "field": 16, "bits": 13, "caps": 11, "unpack": 6, "given": 10}
LOG_BLOWUP = 3
#: The type of `main_vm` in claims.
TYPE = 0
#: plonky2 1.1.0, two proofs into one at 100 conjectured bits on two Zen 3 cores, CPU seconds; not measured in this run.
PLONKY2_SECONDS = 5.4


def recursion() -> list[Figure]:
    """Prove two neighbouring segments, a leaf over each, and the node that joins them; each verified."""
    backend = NativeBackend()
    basic, proofs = _segments(backend)
    parsed = [_parsed(basic, proof) for _, proof in proofs]
    shape, _ = parse(basic.layout, basic.parameters(PROFILE), proofs[0][1])
    leaf = write_leaf("leaf", basic, shape, PROFILE, TYPE, HEIGHTS)
    leaf_key = _key(leaf, backend)
    node = write_node("node", leaf_key, PROFILE, 2)
    node_key = _key(node, backend)
    entries = np.stack([entry(key.digest, Role.AGGREGATION) for key in (leaf_key, node_key)])
    key_set = key_set_digest(entries)

    children, leaf_seconds = [], []
    for (publics, _), parts in zip(proofs, parsed, strict=True):
        claim = claim_words(key_set, publics[:DIGEST], publics[DIGEST:], TYPE)
        seconds, proof = _prove(leaf, leaf_key, claim, [publics.reshape(2, DIGEST), *parts.parts()], backend)
        leaf_seconds.append(seconds)
        children.append((claim, _parsed(leaf_key, proof)))
    claim = np.concatenate([children[0][0][: 2 * DIGEST], children[1][0][2 * DIGEST :]])
    cap = leaf_key.preprocessed_cap
    assert cap is not None
    hints = node_hints(entries, [(0, cap, own, parts.parts()) for own, parts in children])
    node_seconds, proof = _prove(node, node_key, claim, hints, backend)

    peer = ("plonky2 1.1.0 two-to-one, 100 conjectured bits, on two Zen 3 cores", PLONKY2_SECONDS)
    context = {"profile": PROFILE, "size_class": SIZE_CLASS, "rate": f"1/{1 << LOG_BLOWUP}", "proof_bytes": len(proof)}
    return [
        figure("recursion.leaf", float(np.median(leaf_seconds)), "s of CPU time", "lower", peer=peer, context=context),
        figure("recursion.node", node_seconds, "s of CPU time", "lower", peer=peer, context=context),
        figure("recursion.rows", float(leaf.recording.hash_rows), "compressions of a leaf", "lower",
               context={"leaf": _sizes(leaf), "node": _sizes(node)}),
    ]  # fmt: skip


def _segments(backend: NativeBackend) -> tuple[Key, list[tuple[Words, bytes]]]:
    """Return the key of `main_vm`, and public input and proof of two neighbouring segments."""
    program = Program.from_elf((PROGRAMS / "stf.elf").read_bytes())
    run = witness(program, transfer_input(6), capacities(within(SIZE_CLASS)))
    key = keys.proving_key(keys.MAIN_VM)
    made = []
    for segment in islice(run, 1, 3):
        traces, publics = expand(replay(segment.checkpoint))
        made.append((publics, prove(key, PROFILE, publics, traces, backend, consume=True)))
    return key, made


def _key(compiled: CompiledCircuit, backend: NativeBackend) -> Key:
    heights: Mapping[str, int] = compiled.layout.log_heights
    return build_key(compiled.circuit, backend=backend, log_blowup=LOG_BLOWUP, max_log_heights=heights)


def _parsed(key: Key, proof: bytes) -> Proof[Words]:
    _, parts = parse(key.layout, key.parameters(PROFILE), proof)
    return parts


def _prove(
    compiled: CompiledCircuit, key: Key, claim: Words, hints: Sequence[Words], backend: NativeBackend
) -> tuple[float, bytes]:
    """Fill the witness and prove; return the CPU seconds that both took."""
    start = time.process_time()
    proof = prove(key, PROFILE, claim, fill(compiled, claim, hints), backend)
    seconds = time.process_time() - start
    verify(key, PROFILE, claim, proof)
    return seconds, proof


def _sizes(compiled: CompiledCircuit) -> dict[str, object]:
    layout = compiled.layout
    return {
        "log_heights": layout.log_heights,
        "compressions": compiled.recording.hash_rows,
        "operations": layout.field.shape[0],
        "elements taken apart": layout.bits.size,
        "rows of caps": layout.caps.digest.size,
    }
