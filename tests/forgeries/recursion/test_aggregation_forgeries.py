"""Nodes that join what may not be joined: the witness is filled without checks, so a constraint or a bus must break."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from proving.backend.interface import PRIME
from proving.hash import DIGEST, Tag
from proving.recursion.aggregation import hash_message, require_entry
from proving.recursion.arithmetic import CircuitArithmetic
from proving.recursion.claims import Role, entry, key_set_digest
from proving.recursion.compile import compile_recording
from proving.recursion.witness import fill
from proving.stark.air.engine import check
from proving.stark.arithmetic import Words
from proving.stark.errors import ProofRefused
from proving.stark.prover import prove
from proving.stark.verifier import verify
from tests.proving.recursion import chain
from tests.proving.recursion.chain import Child


def leaf_child(number: int, place: int = 0) -> Child:
    return chain.child(place, chain.leaf_key(), *chain.leaves()[number])


def refused(claim: Words, children: Sequence[Child], entries: Words | None = None) -> bool:
    traces = chain.node_traces(claim, children, entries)
    return bool(check(chain.node().circuit, traces, claim))


def claim_of(left: int, right: int) -> Words:
    return chain.joined(chain.leaves()[left][0], chain.leaves()[right][0])


def test_adjacent_leaves_join_and_their_node_joins_the_next_leaf() -> None:
    claim = claim_of(0, 1)
    children = [leaf_child(0), leaf_child(1)]
    assert not refused(claim, children)
    proof = prove(chain.node_key(), chain.PROFILE, claim, chain.node_traces(claim, children), chain.backend())
    verify(chain.node_key(), chain.PROFILE, claim, proof)
    above = chain.joined(claim, chain.leaves()[2][0])
    of_node = chain.child(1, chain.node_key(), claim, proof)
    assert not refused(above, [of_node, leaf_child(2)])
    assert refused(above, [chain.child(0, chain.node_key(), claim, proof), leaf_child(2)]), "a node is no leaf's key"


@pytest.mark.parametrize(("left", "right"), [(1, 0), (0, 2), (0, 0), (1, 1)])
def test_children_that_are_not_adjacent_do_not_join(left: int, right: int) -> None:
    assert refused(claim_of(left, right), [leaf_child(left), leaf_child(right)])


def test_a_false_node_makes_no_proof_that_is_accepted() -> None:
    claim = claim_of(0, 2)
    traces = chain.node_traces(claim, [leaf_child(0), leaf_child(2)])
    proof = prove(chain.node_key(), chain.PROFILE, claim, traces, chain.backend())
    with pytest.raises(ProofRefused):
        verify(chain.node_key(), chain.PROFILE, claim, proof)


@pytest.mark.parametrize("place", range(3 * DIGEST + 1))
def test_every_element_of_the_claim_counts(place: int) -> None:
    claim = claim_of(0, 1)
    claim[place] ^= np.uint64(1)
    assert refused(claim, [leaf_child(0), leaf_child(1)])


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("place", [0, 4, 8, 12])
def test_a_childs_claim_is_the_one_that_its_proof_shows(which: int, place: int) -> None:
    children = [leaf_child(0), leaf_child(1)]
    key_place, cap, own, parts = children[which]
    other = own.copy()
    other[place] ^= np.uint64(1)
    children[which] = key_place, cap, other, parts
    assert refused(claim_of(0, 1), children)
    assert refused(chain.joined(children[0][2], children[1][2]), children)


def test_a_leaf_of_another_type_does_not_join() -> None:
    claim = claim_of(0, 1)
    claim[-1] += np.uint64(1)
    children = [leaf_child(0), leaf_child(1)]
    changed = [(place, cap, np.append(own[:-1], own[-1] + np.uint64(1)), parts) for place, cap, own, parts in children]
    assert refused(claim, changed)


def test_a_leaf_states_its_own_type_and_chain() -> None:
    publics, proof = chain.basic_proof(np.array([5, 6, 7, 8], dtype=np.uint64))
    claim = chain.leaf_claim(publics)
    hints = chain.leaf_hints(publics, proof)
    assert not check(chain.leaf().circuit, fill(chain.leaf().program, claim, hints), claim)
    for place in range(DIGEST, 3 * DIGEST + 1):
        other = claim.copy()
        other[place] ^= np.uint64(1)
        assert check(chain.leaf().circuit, fill(chain.leaf().program, other, hints), other)


@pytest.mark.parametrize("place", [1, 2, 3, 4, 2**40])
def test_a_child_needs_its_own_entry_with_the_role(place: int) -> None:
    """Entry 2 is the leaf's own key with the role of a tip."""
    assert refused(claim_of(0, 1), [leaf_child(0, place), leaf_child(1)])
    assert refused(claim_of(0, 1), [leaf_child(0), leaf_child(1, place)])


def test_a_key_outside_the_key_set_is_refused() -> None:
    children = [leaf_child(0), leaf_child(1)]
    place, cap, own, parts = children[1]
    other = cap.copy()
    other[3, 2] ^= np.uint64(1)
    assert refused(claim_of(0, 1), [children[0], (place, other, own, parts)])


@pytest.mark.parametrize(
    "change",
    [
        lambda entries: entries[::-1].copy(),
        lambda entries: np.concatenate([entries[:1] ^ np.uint64(1), entries[1:]]),
        lambda entries: np.concatenate([entries[:3], entry(chain.leaf_key().digest, Role.AGGREGATION)[None]]),
    ],
)
def test_the_key_set_that_is_opened_is_the_one_that_is_claimed(change: Callable[[Words], Words]) -> None:
    children = [leaf_child(0), leaf_child(1)]
    assert refused(claim_of(0, 1), children, change(chain.entries()))


def test_children_under_another_key_set_do_not_join() -> None:
    """The node opens a key set of the prover's choice; its children claim the true one."""
    chosen = chain.entries().copy()
    chosen[3] = entry(chain.basic_key().digest, Role.AGGREGATION)
    claim = claim_of(0, 1)
    claim[:DIGEST] = key_set_digest(chosen)
    assert refused(claim, [leaf_child(0), leaf_child(1)], chosen)


def test_the_parts_of_another_leafs_proof_are_refused() -> None:
    first, second = leaf_child(0), leaf_child(1)
    assert refused(claim_of(0, 1), [first, (*second[:3], first[3])])


@pytest.mark.parametrize("which", [0, 1])
def test_every_part_of_both_proofs_counts(which: int) -> None:
    random = np.random.default_rng(which)
    count = len(leaf_child(0)[3])
    for number in random.permutation(count)[:8]:
        children = [leaf_child(0), leaf_child(1)]
        flat = children[which][3][int(number)].reshape(-1)
        place = int(random.integers(flat.size))
        flat[place] = (int(flat[place]) + 1) % PRIME
        assert refused(claim_of(0, 1), children)


@pytest.mark.parametrize(("place", "accepted"), [(0, True), (1, False), (2, False), (PRIME - 1, False)])
def test_a_place_beyond_the_entries_does_not_read_another_cap(place: int, accepted: bool) -> None:
    """The digest stands in caps before and behind the entries; without the bound any of the places would do."""
    circuit = CircuitArithmetic()
    before, entries, behind = (circuit.hint((2, DIGEST)) for _ in range(3))
    for cap in (before, entries, behind):
        hash_message(circuit, Tag.KEY, circuit.reshape(cap, (2 * DIGEST,)))
    choice, wanted = circuit.element(), circuit.hint((1, DIGEST))
    hash_message(circuit, Tag.KEY, circuit.reshape(wanted, (DIGEST,)))
    circuit.cap(before)
    require_entry(circuit, entries, choice, wanted)
    circuit.cap(behind)
    compiled = compile_recording("entry", circuit.recording)
    digest, other = np.arange(1, 5, dtype=np.uint64), np.arange(11, 15, dtype=np.uint64)
    known = np.stack([digest, other])
    everywhere = np.stack([digest, digest])
    hints = [everywhere, known, everywhere, np.array([place], dtype=np.uint64), digest[None]]
    nothing = np.empty(0, dtype=np.uint64)
    violations = check(compiled.circuit, fill(compiled.program, nothing, hints), nothing)
    assert (violations == []) is accepted
    if place in (2, PRIME - 1):
        assert {violation.table for violation in violations} == {"field"}, "only the bound refuses it"
