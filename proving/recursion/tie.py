"""Ties: each takes a type's request chain from those that a batch still has to show.

A tip, or a tie, claims a run whose final state has certain request chains. A tie verifies it and the one leaf or node
that shows a whole chain of one type, from the digest of no request to the one in that state, and claims the same run
with the chain of no request in its place. So the scheduler, which takes a run with empty chains only, reads a tip where
nothing was requested, and otherwise a tie over a tie for each type that occurs. A tie has the tip's heights and its
role.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from proving.backend.interface import PRIME
from proving.circuits.requests import RequestType
from proving.hash import DIGEST, WIDTH
from proving.machine.state import empty_requests
from proving.recursion.aggregation import HeightsDiffer, child_hints, hold, open_key, open_key_set, take_child
from proving.recursion.arithmetic import CircuitArithmetic
from proving.recursion.claims import Role, type_number
from proving.recursion.compile import CompiledCircuit, compile_recording
from proving.recursion.tip import TIP_CLAIM
from proving.recursion.verifying import require_proof
from proving.recursion.wires import Wires
from proving.stark.arithmetic import Words
from proving.stark.errors import ProofRefused
from proving.stark.key import Key

#: Elements of a tip's claim that a tie takes over: key set, program commitment, output.
RUN = TIP_CLAIM - DIGEST


def write_tie(name: str, tip: Key, chain: Key, profile: str, keys: int) -> CompiledCircuit:
    """Write down the tie; its hints are those of :func:`tie_hints`.

    Parameters
    ----------
    tip
        The key of the tip: all but its preprocessed cap is taken for granted.
    chain
        The key of any leaf or node, taken so too.
    keys
        Number of entries of the key set.

    Raises
    ------
    HeightsDiffer
        The tie does not fit the tip's heights, and could not be read by what reads a tip.
    """
    circuit = CircuitArithmetic()
    claim = circuit.public(TIP_CLAIM)
    run, key_set = circuit.take(claim, slice(0, RUN)), circuit.take(claim, slice(0, DIGEST))
    entries = open_key_set(circuit, keys, key_set)
    before, after = (circuit.hint((len(RequestType), DIGEST)) for _ in range(2))
    hold(circuit, [circuit.take(chains, 0) for chains in (before, after)])
    digest, cap = open_key(circuit, tip, entries, Role.TIP)
    asked = circuit.compress(circuit.reshape(before, (WIDTH,)))
    publics = circuit.concatenate([run, asked], 0)
    require_proof(circuit, tip, tip.layout.largest(), profile, publics=publics, digest=digest, cap=cap)
    shown = take_child(circuit, chain, profile, entries, Role.AGGREGATION)
    circuit.require_equal(shown.key_set, key_set, ProofRefused)
    chosen = _one_of_types(circuit, shown.circuit_type)
    empty = empty_requests()
    start, end = (circuit.constant(np.zeros(DIGEST, dtype=np.uint64)) for _ in range(2))
    for kind in RequestType:
        own, none = circuit.take(before, int(kind)), circuit.constant(empty[kind])
        flag = circuit.broadcast(chosen[kind], (DIGEST,))
        start = circuit.add(start, circuit.multiply(flag, none))
        end = circuit.add(end, circuit.multiply(flag, own))
        left = circuit.add(own, circuit.multiply(flag, circuit.subtract(none, own)))
        circuit.require_equal(circuit.take(after, int(kind)), left, ProofRefused)
    circuit.require_equal(shown.start, start, ProofRefused)
    circuit.require_equal(shown.end, end, ProofRefused)
    shown_after = circuit.compress(circuit.reshape(after, (WIDTH,)))
    circuit.require_equal(shown_after, circuit.take(claim, slice(RUN, TIP_CLAIM)), ProofRefused)
    compiled = compile_recording(name, circuit.recording, dict(tip.max_log_heights))
    if compiled.log_heights != tip.max_log_heights:
        raise HeightsDiffer(f"The tie needs heights {compiled.log_heights}, the tip has {tip.max_log_heights}.")
    return compiled


def tie_hints(
    entries: Words,
    before: Words,
    after: Words,
    tip: tuple[int, Words, Sequence[Words]],
    chain: tuple[int, Words, Words, Sequence[Words]],
) -> list[Words]:
    """Return a tie's hints.

    Parameters
    ----------
    entries
        Of the key set ``(n, 4)``.
    before, after
        ``(4, 4)``: the request chains that the tip's claim still has, and the tie's.
    tip
        The place of its key in the key set, its preprocessed cap, and its proof's parts.
    chain
        Of the leaf or node of a type: see :func:`proving.recursion.aggregation.child_hints`.
    """
    place, cap, parts = tip
    return [entries, before, after, np.array([place], dtype=np.uint64), cap, *parts, *child_hints(*chain)]


def _one_of_types(circuit: CircuitArithmetic, number: Wires) -> list[Wires]:
    """Show that a claim's type ``(1,)`` is one of requests; return for every type 1 where it is this one, else 0."""
    away = [circuit.subtract(number, circuit.constant(np.array([type_number(kind)], dtype=np.uint64)))
            for kind in RequestType]  # fmt: skip
    chosen = []
    for kind in RequestType:
        product, scale = circuit.constant(np.ones(1, dtype=np.uint64)), 1
        for other in RequestType:
            if other != kind:
                product = circuit.multiply(product, away[other])
                scale = scale * (kind - other) % PRIME
        inverse = np.array([pow(scale, PRIME - 2, PRIME)], dtype=np.uint64)
        chosen.append(circuit.multiply(product, circuit.constant(inverse)))
    outside = circuit.multiply(chosen[0], away[0])
    circuit.require_equal(outside, circuit.constant(np.zeros(1, dtype=np.uint64)), ProofRefused)
    return chosen
