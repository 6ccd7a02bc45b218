"""A recursion circuit of the least heights with rows of every kind in every table: what a verifier does, once."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from proving.field.goldilocks import PRIME
from proving.hash import DIGEST
from proving.recursion.arithmetic import CircuitArithmetic
from proving.recursion.compile import CompiledCircuit, compile_recording
from proving.recursion.witness import fill
from proving.stark.arithmetic import Words
from proving.stark.errors import ProofRefused
from proving.stark.fri import domain_points
from proving.stark.integers import IntegerArithmetic

QUERIES, COLUMNS, CAP_LOG, FOLD_LOG = 2, 14, 2, 3
PUBLICS = 4


def opened(arithmetic: Any, publics: Any, rows: Any, siblings: Any) -> tuple[Any, ...]:
    """State, challenge, bits of indices, nodes over the rows and the rows' combinations."""
    state = arithmetic.absorb(arithmetic.start(), publics)
    challenge = arithmetic.take(arithmetic.challenges(state, 0, 1), 0)
    bits = arithmetic.indices(state, 1, QUERIES, 2 + CAP_LOG)
    digests, combined = arithmetic.hash_and_combine(rows, challenge)
    nodes = arithmetic.climb(digests, siblings, arithmetic.take(bits, (slice(None), slice(0, 2))))
    return state, challenge, bits, nodes, combined


def write() -> CompiledCircuit:
    """Write the circuit down; its hints are those of :func:`hints`."""
    circuit = CircuitArithmetic()
    publics = circuit.public(PUBLICS)
    rows = circuit.hint((QUERIES, COLUMNS), rows=True)
    siblings, cap = circuit.hint((QUERIES, 3, DIGEST)), circuit.hint((1 << CAP_LOG, DIGEST))
    values = circuit.hint((QUERIES, 3 << FOLD_LOG), rows=True)
    state, challenge, bits, nodes, combined = opened(circuit, publics, rows, siblings)
    circuit.absorb_digests(state, cap)
    circuit.require_equal(nodes, circuit.lookup(cap, circuit.take(bits, (slice(None), slice(2, None)))), ProofRefused)
    circuit.join([nodes, circuit.hash_rows(values), nodes])
    within = circuit.take(bits, (slice(None), slice(0, FOLD_LOG)))
    inverse = circuit.inverse(domain_points(circuit, within, 7))
    picked, folded = circuit.fold(values, inverse, within, challenge)
    total = circuit.add(circuit.ext_multiply(picked, folded), combined)
    circuit.ext_inverse(total)
    circuit.require_equal(circuit.subtract(total, total), circuit.constant(np.zeros((1, 3), np.uint64)), ProofRefused)
    for place in range(DIGEST):
        circuit.add(circuit.take(nodes, (slice(None), place)), circuit.take(publics, slice(place, place + 1)))
    return compile_recording("every_table", circuit.recording)


def hints(publics: Words) -> Sequence[Words]:
    """Hints that hold: random ones, and a cap with the nodes where the indices say."""
    random = np.random.default_rng(3)
    rows, siblings, values = (
        random.integers(0, PRIME, shape, dtype=np.uint64)
        for shape in ((QUERIES, COLUMNS), (QUERIES, 3, DIGEST), (QUERIES, 3 << FOLD_LOG))
    )
    cap = random.integers(0, PRIME, (1 << CAP_LOG, DIGEST), dtype=np.uint64)
    _, _, bits, nodes, _ = opened(IntegerArithmetic(), publics, rows, siblings)
    cap[(bits[:, 2:] @ (1 << np.arange(CAP_LOG, dtype=np.uint64))).astype(np.int64)] = nodes
    return [rows, siblings, cap, values]


@functools.cache
def made() -> tuple[CompiledCircuit, dict[str, Words], Words]:
    """The circuit, its traces and its public input, of which the two indices differ."""
    compiled = write()
    for seed in range(64):
        publics = np.array([seed, 1, PRIME - 1, 2**40], dtype=np.uint64)
        given = hints(publics)
        _, _, bits, _, _ = opened(IntegerArithmetic(), publics, given[0], given[1])
        if (bits[0, 2:] != bits[1, 2:]).any():
            return compiled, fill(compiled.program, publics, given), publics
    raise AssertionError
