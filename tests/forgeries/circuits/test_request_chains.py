"""A chain that is not the one of the proven requests is refused, by the row engine and as a proof."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from proving.backend import native_expansion
from proving.backend.native import NativeBackend
from proving.circuits import chain
from proving.circuits.arith256 import ARITH256
from proving.circuits.basic import BasicCircuit
from proving.circuits.blake2s import BLAKE2S
from proving.circuits.keccak_f import KECCAK_F
from proving.circuits.requests import U32, U64, absorb, blocks, empty_chain
from proving.circuits.sha256 import SHA256
from proving.stark.air import check
from proving.stark.errors import BusUnbalanced, ProofRefused
from proving.stark.prover import prove
from proving.stark.verifier import verify
from tests.proving.circuits.numbers import inputs, requests
from tests.proving.circuits.proofs import small_key


def random_words(circuit: BasicCircuit, count: int) -> U32:
    return np.random.default_rng(3).integers(0, 2**32, (count, circuit.layout.input_words), dtype=np.uint32)


CIRCUITS: list[tuple[BasicCircuit, U32]] = [
    (ARITH256, inputs(requests(20)[8:17])),
    *((circuit, random_words(circuit, 4)) for circuit in (KECCAK_F, SHA256, BLAKE2S)),
]
PROFILE = "legacy-conjectured"

Change = Callable[[U64, int], U64]


def _shorter(honest: U64, size: int) -> U64:
    return honest[:-size]


def _longer(honest: U64, size: int) -> U64:
    return np.concatenate([honest, honest[-size:]])


def _another_first(honest: U64, size: int) -> U64:
    return np.concatenate([honest[size : 2 * size], honest[size:]])


def _swapped(honest: U64, size: int) -> U64:
    return np.concatenate([honest[size : 2 * size], honest[:size], honest[2 * size :]])


def _crossed(honest: U64, size: int) -> U64:
    """The first request's inputs with the second one's output, and the reverse."""
    changed = honest.copy()
    changed[[size - 1, 2 * size - 1]] = changed[[2 * size - 1, size - 1]]
    return changed


def _other_output(honest: U64, size: int) -> U64:
    changed = honest.copy()
    changed[-1, 0] ^= np.uint64(1)
    return changed


def _other_input(honest: U64, size: int) -> U64:
    changed = honest.copy()
    changed[-size, 0] ^= np.uint64(1)
    return changed


CHANGES: list[Change] = [_shorter, _longer, _another_first, _swapped, _crossed, _other_output, _other_input]


def claim(circuit: BasicCircuit, given: U32, change: Change | None) -> tuple[dict[str, U64], U64]:
    """Traces that prove the requests, beside a chain of others."""
    start = empty_chain(circuit.kind)
    traces, publics = circuit.expand(start, given)
    if change is None:
        return traces, publics
    absorbed = np.ascontiguousarray(change(blocks(given, circuit.answer(given)), circuit.layout.blocks))
    digests = absorb(start, absorbed)
    traces["chain"][:] = 0
    native_expansion.fill_chain(traces["chain"], absorbed, digests)
    return traces, np.concatenate([start, digests[-1]])


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(("circuit", "given"), CIRCUITS, ids=lambda value: getattr(value, "name", ""))
def test_a_chain_of_other_requests_is_refused(circuit: BasicCircuit, given: U32, change: Change) -> None:
    found = check(circuit.circuit, *claim(circuit, given, change))
    assert found and {violation.bus for violation in found} == {"request"}


@pytest.mark.parametrize("change", [None, _shorter, _longer, _swapped, _other_output])
@pytest.mark.parametrize(("circuit", "given"), CIRCUITS[:1], ids=lambda value: getattr(value, "name", ""))
def test_the_proof_of_such_a_chain_is_refused(circuit: BasicCircuit, given: U32, change: Change | None) -> None:
    traces, publics = claim(circuit, given, change)
    proof = prove(small_key(circuit), PROFILE, publics, traces, NativeBackend())
    if change is None:
        verify(small_key(circuit), PROFILE, publics, proof)
        return
    with pytest.raises(BusUnbalanced):
        verify(small_key(circuit), PROFILE, publics, proof)


def used_but_claimed_empty(traces: dict[str, U64]) -> None:
    real = ARITH256.circuit.table("chain").main_names.index("real")
    size = chain.ROWS * ARITH256.layout.blocks
    traces["chain"][real, :size] = 0


def empty_but_claimed_used(traces: dict[str, U64]) -> None:
    traces["arith256"][:, 0] = 0


@pytest.mark.parametrize("change", [used_but_claimed_empty, empty_but_claimed_used])
def test_a_slot_is_used_on_both_sides_or_on_none(change: Callable[[dict[str, U64]], None]) -> None:
    traces, publics = claim(*CIRCUITS[0], None)
    change(traces)
    assert "request" in {violation.bus for violation in check(ARITH256.circuit, traces, publics)}
    proof = prove(small_key(ARITH256), PROFILE, publics, traces, NativeBackend())
    with pytest.raises(ProofRefused):
        verify(small_key(ARITH256), PROFILE, publics, proof)


@pytest.mark.parametrize(("circuit", "given"), CIRCUITS, ids=lambda value: getattr(value, "name", ""))
def test_the_order_of_requests_decides_where_the_chain_ends(circuit: BasicCircuit, given: U32) -> None:
    start = empty_chain(circuit.kind)
    forward, backward = circuit.expand(start, given)[1], circuit.expand(start, given[::-1])[1]
    assert not np.array_equal(forward, backward)
