"""What the family over BN254 adds to a proof's bytes: digests that are no field elements, and another hash."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest

from proving.field.goldilocks import PRIME
from proving.hash import HashFamily, bn254
from proving.stark import proof as proof_format
from proving.stark.errors import REFUSALS, NonCanonicalWord, ProofRefused
from proving.stark.key import Key, key_digest
from proving.stark.proof import Part, parts_of
from proving.stark.prover import prove
from proving.stark.verifier import verify
from tests.proving.stark import toy

HEIGHTS = (8, 6, 7)


def refused(proof: bytes, key: Key | None = None) -> ProofRefused:
    honest, publics, _ = toy.bn254_proof()
    with pytest.raises(ProofRefused) as caught:
        verify(key or honest, toy.QUICK, publics, proof)
    assert type(caught.value) in REFUSALS
    return caught.value


def regions() -> Iterator[tuple[Part, int]]:
    """Every part of the honest proof with its first word."""
    key, _, proof = toy.bn254_proof()
    position = len(HEIGHTS)
    for part in parts_of(key.layout.shape(HEIGHTS), key.parameters(toy.QUICK)):
        if part.words:
            yield part, position
        position += part.words
    assert position * 8 == len(proof)


REGIONS = list(regions())
NAMES = [f"{number} {part.name}" for number, (part, _) in enumerate(REGIONS)]
DIGESTS = [(part, first) for part, first in REGIONS if part.digests]


@pytest.mark.parametrize(("part", "first"), REGIONS, ids=NAMES)
def test_a_changed_word_is_refused_in_every_part(part: Part, first: int) -> None:
    _, _, proof = toy.bn254_proof()
    honest = np.frombuffer(proof, dtype="<u8")
    for place in sorted({first, first + part.words // 2, first + part.words - 1}):
        for value in (int(honest[place]) ^ 1, (int(honest[place]) + 2**40) % PRIME):
            forged = honest.copy()
            forged[place] = value
            refused(forged.tobytes())


@pytest.mark.parametrize(("part", "first"), DIGESTS, ids=[part.name for part, _ in DIGESTS])
def test_a_digest_has_one_encoding(part: Part, first: int) -> None:
    """Adding the modulus leaves the element: r + x fits 256 bits for every x."""
    _, _, proof = toy.bn254_proof()
    digest = slice(8 * first, 8 * first + 32)
    value = int.from_bytes(proof[digest], "little")
    assert value < bn254.MODULUS
    error = refused(proof[: digest.start] + (value + bn254.MODULUS).to_bytes(32, "little") + proof[digest.stop :])
    assert isinstance(error, NonCanonicalWord)
    assert str(first) in error.message


def test_only_its_form_stops_the_alias_of_a_sibling(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check of the form is needed: without it other bytes are the same proof."""
    key, publics, proof = toy.bn254_proof()
    first = next(first for part, first in DIGESTS if part.name.endswith("paths"))
    digest = slice(8 * first, 8 * first + 32)
    alias = int.from_bytes(proof[digest], "little") + bn254.MODULUS
    monkeypatch.setattr(proof_format, "_require_scalars", lambda words, position: None)
    assert verify(key, toy.QUICK, publics, proof[: digest.start] + alias.to_bytes(32, "little") + proof[digest.stop :])


def test_an_element_of_an_opened_row_must_be_below_p() -> None:
    """The packing of rows is injective for canonical words only."""
    _, _, proof = toy.bn254_proof()
    honest = np.frombuffer(proof, dtype="<u8")
    for part, first in REGIONS:
        small = np.flatnonzero(honest[first : first + part.words] < 2**32 - 1)
        if part.rows and small.size:
            forged = honest.copy()
            forged[first + int(small[0])] += np.uint64(PRIME)
            assert isinstance(refused(forged.tobytes()), NonCanonicalWord)


def test_neighbours_that_are_packed_together_cannot_be_swapped() -> None:
    _, _, proof = toy.bn254_proof()
    honest = np.frombuffer(proof, dtype="<u8")
    for part, first in REGIONS:
        if part.rows:
            forged = honest.copy()
            forged[[first, first + 1]] = forged[[first + 1, first]]
            if not np.array_equal(forged, honest):
                refused(forged.tobytes())


def in_family(key: Key, family: HashFamily) -> Key:
    """Return the key with another family in its layout, its digest as the change makes it."""
    layout = dataclasses.replace(key.layout, family=family)
    reports = {"proven100": key.reports["proven100"]}
    digest = key_digest(layout, key.program, reports, key.preprocessed_cap)
    return dataclasses.replace(key, layout=layout, digest=digest)


def test_a_proof_of_the_other_family_is_refused() -> None:
    key, _, proof = toy.bn254_proof()
    other = in_family(key, HashFamily.GOLDILOCKS)
    assert not np.array_equal(key.digest, other.digest)
    refused(proof, other)
    publics, traces = toy.traces()
    plain = toy.key()
    refused(prove(plain, toy.QUICK, publics, traces, toy.backend()))


def test_the_digest_of_a_key_covers_its_family() -> None:
    """Even with the same cap: what stands in the digest is the family itself, not only what it hashes to."""
    key = toy.key()
    reports = {"proven100": key.reports["proven100"]}
    digests = [
        key_digest(dataclasses.replace(key.layout, family=family), key.program, reports, None).tolist()
        for family in HashFamily
    ]
    assert digests[0] != digests[1]
