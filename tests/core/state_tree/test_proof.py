"""Proofs of accounts: what a light client accepts, and every way to lie to it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.state_tree import StateTree
from core.state_tree.proof import MAX_PROOF_BYTES, StateProofRefused, check_proof, read_proof
from proving.field.goldilocks import PRIME
from tests.core.state_tree.model import Value, address, c, key_of

STATE = {address(number): Value(number + 1, 10**18 * number) for number in range(50)}
TREE = StateTree(STATE)


def word(value: int) -> bytes:
    return value.to_bytes(4, "little")


def digest(lanes: list[int]) -> bytes:
    return b"".join(element.to_bytes(8, "little") for element in lanes)


@settings(max_examples=40, deadline=None)
@given(st.sets(st.integers(0, 300), max_size=60), st.lists(st.integers(0, 400), min_size=1, max_size=8))
def test_a_proof_shows_what_is_there_and_what_is_not(present: set[int], asked: list[int]) -> None:
    state = {address(number): Value(number + 1, number) for number in present}
    tree = StateTree(state)
    places = [address(number) for number in asked]
    values = [state.get(place, Value()) for place in places]
    proven = check_proof(tree.partial(places), tree.root, places)
    assert proven == [(value.nonce, value.balance) for value in values]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_changed_proof_never_shows_another_account(data: st.DataObject) -> None:
    asked = [address(7), address(999)]
    proof = bytearray(TREE.partial(asked))
    proof[data.draw(st.integers(0, len(proof) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(StateProofRefused):
        check_proof(bytes(proof), TREE.root, asked)


def test_a_proof_of_another_root_is_refused() -> None:
    with pytest.raises(StateProofRefused, match="is of the root"):
        check_proof(TREE.partial([address(7)]), bytes(32), [address(7)])


def test_an_account_that_the_proof_does_not_reach_is_not_absent() -> None:
    far = next(n for n in range(1, 50) if key_of(address(n))[0] & 3 != key_of(address(0))[0] & 3)
    with pytest.raises(StateProofRefused, match="does not reach"):
        check_proof(TREE.partial([address(0)]), TREE.root, [address(far)])


@pytest.mark.parametrize("cut", [1, 4, 36])
def test_a_proof_that_is_cut_or_longer_is_refused(cut: int) -> None:
    proof = TREE.partial([address(7)])
    for changed in (proof[:-cut], proof + bytes(cut), b""):
        with pytest.raises(StateProofRefused):
            read_proof(changed)
    with pytest.raises(StateProofRefused, match="bytes"):
        read_proof(bytes(MAX_PROOF_BYTES + 4))


def test_a_leaf_is_not_shown_as_an_internal_node() -> None:
    """The leaf of a one-account tree, read as an internal node, would have an empty child for other keys."""
    tree = StateTree({address(0): Value(0, 5)})
    leaf = tree.partial([address(0)])[4:]
    lanes = [leaf[i : i + 4] + bytes(4) for i in range(32, 72, 4)]
    digests = [leaf[:32], b"".join(lanes[:4]), b"".join(lanes[4:8]), b"".join(lanes[8:]) + word(8) + bytes(12)]
    kinds = sum((3 if any(content) else 0) << (2 * i) for i, content in enumerate(digests))
    forged = word(2) + word(kinds) + b"".join(content for content in digests if any(content))
    with pytest.raises(StateProofRefused, match="ends as a leaf"):
        read_proof(forged)


def test_a_digest_has_one_way_to_be_written() -> None:
    with pytest.raises(StateProofRefused, match="field element"):
        read_proof(word(3) + PRIME.to_bytes(8, "little") + bytes(24))


def test_a_leaf_lies_where_its_key_leads() -> None:
    """Two roots that only differ in where a leaf hangs; the second is of no honest tree."""
    leaf = StateTree({address(0): Value(1, 1)}).partial([address(0)])[4:]
    right = key_of(address(0))[0] & 3
    wrong = (right + 1) % 4
    other = digest(c([1] * 16))
    parts = {wrong: leaf, right: other}
    forged = word(2) + word(1 << (2 * wrong) | 3 << (2 * right)) + b"".join(parts[i] for i in sorted(parts))
    with pytest.raises(StateProofRefused, match="does not lead"):
        read_proof(forged)


def test_kinds_and_depth_are_bounded() -> None:
    with pytest.raises(StateProofRefused, match="kind"):
        read_proof(word(4))
    with pytest.raises(StateProofRefused, match="malformed"):
        read_proof(word(2) + word(1 << 8))
    with pytest.raises(StateProofRefused, match="too deep"):
        read_proof(word(2) + word(2) * 129)
