"""A small basic circuit that advances a chain, and a family of leaf and node circuits over it, for the tests."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np

from proving.backend.native import NativeBackend
from proving.field import goldilocks
from proving.recursion.aggregation import node_hints, write_leaf, write_node
from proving.recursion.claims import Role, claim_words, entry, key_set_digest
from proving.recursion.compile import CompiledCircuit
from proving.recursion.witness import fill
from proving.stark.air import Circuit, Table, TableBuilder
from proving.stark.arithmetic import Words
from proving.stark.generate import build_key
from proving.stark.key import Key, key_digest
from proving.stark.proof import parse
from proving.stark.prover import prove

PROFILE = "quick"
ROWS = 64
TYPE = 7
#: Heights that fit a leaf and a node of the family.
HEIGHTS = {"hash": 12, "field": 14, "fold": 6, "bits": 12, "caps": 10, "unpack": 6, "given": 9}


class Steps(Table):
    """Four lanes; each row squares a lane and adds its neighbour: the public input is the first row and the last."""

    name = "steps"

    def build(self, t: TableBuilder) -> None:
        lanes = t.main_array("lane", 4)
        for i, lane in enumerate(lanes):
            t.when(t.transition).equal(f"step {i}", lane.next, lane * lane + lanes[(i + 1) % 4])
            t.when(t.first).equal(f"start {i}", lane, t.public(i))
            t.when(t.last).equal(f"end {i}", lane, t.public(4 + i))


def run(start: Words) -> Words:
    """Return the trace ``(4, rows)`` from a start ``(4,)``."""
    trace = np.empty((4, ROWS), dtype=np.uint64)
    state = start
    for row in range(ROWS):
        trace[:, row] = state
        state = goldilocks.add(goldilocks.multiply(state, state), np.roll(state, -1))
    return trace


@functools.cache
def backend() -> NativeBackend:
    return NativeBackend()


def quick(key: Key) -> Key:
    """Add a profile of few queries and little work, so that circuits are small and forgeries can be tried."""
    report = key.report("proven100")
    few = dataclasses.replace(report.parameters, queries=6, query_grinding=4, batching_grinding=3)
    reports = {**key.reports, PROFILE: dataclasses.replace(report, parameters=few)}
    digest = key_digest(key.layout, key.program, reports, key.preprocessed_cap)
    return dataclasses.replace(key, reports=reports, digest=digest)


@functools.cache
def basic_key(name: str = "steps") -> Key:
    circuit = Circuit(name, [Steps()], publics=8, max_degree=3)
    return quick(build_key(circuit, backend=backend(), log_blowup=2, max_log_heights={"steps": 6}))


def basic_proof(start: Words) -> tuple[Words, bytes]:
    """Return a public input (start, end) and its proof."""
    trace = run(start)
    publics = np.concatenate([trace[:, 0], trace[:, -1]])
    return publics, prove(basic_key(), PROFILE, publics, {"steps": trace}, backend())


def aggregation_key(compiled: CompiledCircuit) -> Key:
    return quick(build_key(compiled.circuit, backend=backend(), log_blowup=3, max_log_heights=compiled.log_heights))


@functools.cache
def leaf() -> CompiledCircuit:
    key = basic_key()
    return write_leaf("leaf", key, key.layout.largest(), PROFILE, TYPE, HEIGHTS)


@functools.cache
def leaf_key() -> Key:
    return aggregation_key(leaf())


@functools.cache
def node() -> CompiledCircuit:
    return write_node("node", leaf_key(), PROFILE, len(Role) + 1)


@functools.cache
def node_key() -> Key:
    return aggregation_key(node())


@functools.cache
def entries() -> Words:
    """The key set: leaf and node with their role, and two keys with others."""
    keys = [(leaf_key(), Role.AGGREGATION), (node_key(), Role.AGGREGATION), (leaf_key(), Role.TIP),
            (basic_key(), Role.SCHEDULER)]  # fmt: skip
    return np.stack([entry(key.digest, role) for key, role in keys])


def leaf_hints(publics: Words, proof: bytes) -> list[Words]:
    key = basic_key()
    _, parts = parse(key.layout, key.parameters(PROFILE), proof)
    return [publics.reshape(2, 4), *parts.parts()]


def leaf_claim(publics: Words) -> Words:
    return claim_words(key_set_digest(entries()), publics[:4], publics[4:], TYPE)


Child = tuple[int, Words, Words, list[Words]]


def child(place: int, key: Key, claim: Words, proof: bytes) -> Child:
    """Return what a node takes of one child; its parts are fresh copies."""
    _, parts = parse(key.layout, key.parameters(PROFILE), proof)
    assert key.preprocessed_cap is not None
    return place, key.preprocessed_cap, claim, [np.array(part) for part in parts.parts()]


@functools.cache
def leaves() -> tuple[tuple[Words, bytes], ...]:
    """Return claims and proofs of three adjacent leaves."""
    made = []
    start = np.array([1, 2, 3, 4], dtype=np.uint64)
    for _ in range(3):
        publics, proof = basic_proof(start)
        claim = leaf_claim(publics)
        traces = fill(leaf().program, claim, leaf_hints(publics, proof))
        made.append((claim, prove(leaf_key(), PROFILE, claim, traces, backend())))
        start = publics[4:]
    return tuple(made)


def joined(left: Words, right: Words) -> Words:
    """Return the claim of a node over two adjacent claims."""
    return np.concatenate([left[:8], right[8:]])


def node_traces(claim: Words, children: Sequence[Child], key_entries: Words | None = None) -> dict[str, Words]:
    return fill(node().program, claim, node_hints(entries() if key_entries is None else key_entries, children))
