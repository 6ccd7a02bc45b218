"""Every byte of a proof counts: mutated, cut, padded, non-canonical or foreign bytes are refused by a typed error."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proving.field.goldilocks import PRIME
from proving.stark.air import Circuit, Table, TableBuilder
from proving.stark.errors import (
    REFUSALS,
    NonCanonicalWord,
    ProfileRefused,
    ProofLength,
    ProofRefused,
    ProofTooShort,
    PublicInputRefused,
    ShapeRefused,
    UnknownProfile,
)
from proving.stark.generate import build_key
from proving.stark.key import Key
from proving.stark.proof import parts_of
from proving.stark.prover import prove
from proving.stark.verifier import verify
from tests.proving.stark import toy


def refused(proof: bytes, publics: np.ndarray | None = None, profile: str = toy.QUICK) -> ProofRefused:  # type: ignore[type-arg]
    key, honest, _ = toy.proof()
    with pytest.raises(ProofRefused) as caught:
        verify(key, profile, honest if publics is None else publics, proof)
    assert type(caught.value) in REFUSALS
    assert caught.value.message
    return caught.value


def regions() -> Iterator[tuple[str, int, int]]:
    """Name, first and last word of every part of the honest proof."""
    key, _, proof = toy.proof()
    shape = key.layout.shape((8, 6, 7))
    yield "heights", 0, 3
    position = 3
    for number, part in enumerate(parts_of(shape, key.parameters(toy.QUICK))):
        if part.words:
            yield f"{number} {part.name}", position, position + part.words
        position += part.words
    assert position * 8 == len(proof)


REGIONS = list(regions())


@pytest.mark.parametrize(("first", "last"), [(a, b) for _, a, b in REGIONS], ids=[name for name, _, _ in REGIONS])
def test_a_changed_word_is_refused_in_every_part(first: int, last: int) -> None:
    _, _, proof = toy.proof()
    words = np.frombuffer(proof, dtype="<u8")
    for place in sorted({first, (first + last) // 2, last - 1}):
        for value in (int(words[place]) ^ 1, (int(words[place]) + 2**40) % PRIME):
            forged = words.copy()
            forged[place] = value
            refused(forged.tobytes())


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_a_flipped_bit_anywhere_is_refused(data: st.DataObject) -> None:
    _, _, proof = toy.proof()
    place = data.draw(st.integers(0, len(proof) - 1))
    forged = bytearray(proof)
    forged[place] ^= 1 << data.draw(st.integers(0, 7))
    refused(bytes(forged))


@settings(max_examples=200, deadline=None)
@given(junk=st.binary(max_size=400))
def test_junk_is_refused_by_a_typed_error(junk: bytes) -> None:
    refused(junk)


@settings(max_examples=60, deadline=None)
@given(heights=st.lists(st.integers(0, 2**64 - 1), min_size=3, max_size=3), tail=st.binary(max_size=64))
def test_any_heights_are_refused_without_the_memory_they_ask_for(heights: list[int], tail: bytes) -> None:
    refused(np.array(heights, dtype="<u8").tobytes() + tail)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_random_words_of_the_right_length_are_refused(seed: int) -> None:
    _, _, proof = toy.proof()
    words = np.random.default_rng(seed).integers(0, PRIME, len(proof) // 8, dtype=np.uint64)
    words[:3] = [8, 6, 7]
    refused(words.astype("<u8").tobytes())


@pytest.mark.parametrize("cut", [0, 1, 8, 23, 24, 25, 1000])
def test_a_truncated_proof_is_refused(cut: int) -> None:
    error = refused(toy.proof()[2][:cut])
    assert isinstance(error, ProofTooShort if cut < 24 else ProofLength)


@pytest.mark.parametrize("tail", [b"\0", b"\0" * 8, b"x" * 100])
def test_trailing_bytes_are_refused(tail: bytes) -> None:
    assert isinstance(refused(toy.proof()[2] + tail), ProofLength)


def test_the_last_bytes_may_not_be_missing() -> None:
    assert isinstance(refused(toy.proof()[2][:-1]), ProofLength)
    assert isinstance(refused(toy.proof()[2][:-8]), ProofLength)


def test_a_word_has_one_encoding() -> None:
    """Adding the modulus leaves the element and changes the bytes: refused wherever it fits in a word."""
    _, _, proof = toy.proof()
    words = np.frombuffer(proof, dtype="<u8")
    small = np.flatnonzero(words[3:] < 2**32 - 1) + 3
    assert small.size
    for place in small[:20]:
        forged = words.copy()
        forged[place] += np.uint64(PRIME)
        assert isinstance(refused(forged.tobytes()), NonCanonicalWord)


def test_every_public_input_counts() -> None:
    _, publics, proof = toy.proof()
    for place in range(len(publics)):
        changed = publics.copy()
        changed[place] = (int(changed[place]) + 1) % PRIME
        refused(proof, changed)


def test_public_inputs_of_another_form_are_refused() -> None:
    _, publics, proof = toy.proof()
    assert isinstance(refused(proof, publics[:2]), PublicInputRefused)
    assert isinstance(refused(proof, np.append(publics, np.uint64(0))), PublicInputRefused)
    assert isinstance(refused(proof, np.array([PRIME, 1, 2], dtype=np.uint64)), PublicInputRefused)


class Held(Table):
    """A column that holds the public input."""

    name = "held"

    def build(self, t: TableBuilder) -> None:
        t.equal("public", t.main("x"), t.public(0))


@functools.cache
def held() -> tuple[Key, bytes]:
    """A key and a proof of the public input 3, which a float holds exactly."""
    circuit = Circuit("held", [Held()], publics=1)
    key = toy.with_quick(build_key(circuit, backend=toy.backend(), log_blowup=2, max_log_heights={"held": 6}))
    trace = {"held": np.full((1, 64), 3, dtype=np.uint64)}
    return key, prove(key, toy.QUICK, np.array([3], dtype=np.uint64), trace, toy.backend())


@pytest.mark.parametrize("publics", [[3], (3,), np.array([3], dtype=np.int8), np.array([3], dtype=np.uint64)])
def test_a_public_input_may_have_any_integer_type(publics: Any) -> None:
    key, proof = held()
    assert verify(key, toy.QUICK, publics, proof)


@pytest.mark.parametrize(
    "publics",
    [
        [3.0], [3.5], np.array([3.0], dtype=np.float32), np.array([3 + 0j]), np.array([3], dtype=object), ["3"], [b"3"],
        np.array([3], dtype="<m8[s]"), [True], [3 + PRIME], [3 + 2**64], [3 - PRIME], [-1], [None], [[3], [3, 3]], None,
        3, "3", {}, object(),
    ],
    ids=lambda publics: type(publics).__name__,
)  # fmt: skip
def test_a_public_input_that_is_no_integer_below_p_is_refused_before_it_is_converted(publics: Any) -> None:
    key, proof = held()
    with pytest.raises(PublicInputRefused):
        verify(key, toy.QUICK, publics, proof)


@pytest.mark.parametrize(
    "heights", [(5, 6, 7), (13, 6, 7), (8, 11, 7), (8, 6, 6), (8, 6, 8), (7, 6, 7), (2**63, 6, 7), (9, 6, 7)]
)
def test_other_heights_are_refused(heights: tuple[int, int, int]) -> None:
    words = np.frombuffer(toy.proof()[2], dtype="<u8").copy()
    words[:3] = heights
    assert isinstance(refused(words.tobytes()), ShapeRefused | ProofLength)


def test_a_proof_of_another_profile_is_refused() -> None:
    """The weak profile's proof is offered to a caller who asks for the default."""
    _, _, proof = toy.proof()
    for profile in ("proven100", "proven128", "legacy-conjectured"):
        refusal = refused(proof, profile=profile)
        assert isinstance(refusal, ProfileRefused)
        assert (refusal.expected, refusal.got) == (profile, toy.QUICK)


def test_a_profile_that_the_key_does_not_know_is_refused() -> None:
    key, publics, proof = toy.proof()
    with pytest.raises(UnknownProfile):
        verify(key, "proven64", publics, proof)
