"""The hash family over BN254 in the SNARK's circuit: the definition's values, and nothing else passes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from proving.backend.interface import PRIME
from proving.hash import Tag
from proving.snark.arithmetic import DIGEST_BOUND, SnarkArithmetic
from proving.snark.bn254 import poseidon2
from proving.snark.bn254.field import FR
from proving.snark.builder import Builder
from proving.snark.circuit import Circuit
from proving.snark.errors import CircuitRefused
from proving.snark.hashing import PlaceStep
from proving.snark.points import SCALAR_MODULUS
from proving.snark.representatives import Numbers
from tests.proving.snark.rows import forge

WORDS = [PRIME - 1, 0, 5, 2**32, 7, PRIME - 1, 1]
DIGESTS = [SCALAR_MODULUS - 1, 3, 1 << 200, 12345]


def hashed(tag: Tag, number: int, elements: Sequence[int]) -> int:
    """A digest as the family is defined."""
    carried, output = tag + (number << 32), 0
    for begin in range(0, len(elements), 2):
        pair = [*elements[begin : begin + 2], 0][:2]
        carried, output, _ = FR.decode(poseidon2.permute(FR.encode([carried, *pair])[None])[0])
    return output


def packed(words: Sequence[int]) -> list[int]:
    """Three words to an element."""
    threes = [words[begin : begin + 3] for begin in range(0, len(words), 3)]
    return [sum(word << 64 * place for place, word in enumerate(three)) for three in threes]


class Written:
    """A circuit that is given words and digests."""

    def __init__(self, words: Sequence[int] = (), digests: Sequence[int] = ()) -> None:
        self.builder = Builder(table_bits=16)
        self.builder.public_input()
        self.arithmetic = SnarkArithmetic(self.builder)
        self.inputs = [*words, *digests]
        self.words = self.arithmetic.given((len(words),))
        self.digests = self.arithmetic.given_digests((len(digests),))

    def finish(self, found: Numbers) -> list[int]:
        """Compile, check that the right witness passes, and return values."""
        self.circuit: Circuit = self.builder.compile()
        assert forge(self.circuit, self.inputs, {})
        values = self.circuit.fill(FR.encode([5]), FR.encode(self.inputs))
        return FR.decode(values[found.ids.reshape(-1)])


@pytest.mark.parametrize("length", [1, 3, 6, 7])
def test_a_leaf(length: int) -> None:
    written = Written(WORDS[:length] * 2)
    found = written.arithmetic.hash_rows(written.arithmetic.reshape(written.words, (2, length)))
    assert written.finish(found) == [hashed(Tag.LEAF, length, packed(WORDS[:length]))] * 2


def test_what_is_hashed_is_the_canonical_number() -> None:
    """A sum that is only right modulo p hashes as the word that it stands for."""
    written = Written(WORDS[:2])
    doubled = written.arithmetic.add(written.words, written.words)
    found = written.finish(written.arithmetic.hash_rows(written.arithmetic.reshape(doubled, (1, 2))))
    assert found == [hashed(Tag.LEAF, 2, packed([2 * word % PRIME for word in WORDS[:2]]))]


def test_a_leaf_and_its_combination() -> None:
    written = Written([*WORDS, 3, 1, 4])
    rows, challenge = np.split(written.words.ids, [7])
    digests, combined = written.arithmetic.hash_and_combine(
        Numbers(rows[None], written.words.bound), Numbers(challenge, written.words.bound)
    )
    found = written.finish(written.arithmetic.concatenate([digests, written.arithmetic.take(combined, 0)], 0))
    assert found[0] == hashed(Tag.LEAF, 7, packed(WORDS))


@pytest.mark.parametrize("place", range(4))
def test_a_parent(place: int) -> None:
    siblings = [DIGESTS[i] for i in range(4) if i != place]
    written = Written([place], [DIGESTS[place], *siblings])
    arithmetic = written.arithmetic
    own, others = arithmetic.take(written.digests, slice(0, 1)), arithmetic.take(written.digests, slice(1, 4))
    bits = arithmetic.bits(written.words, 2)
    found = arithmetic.climb(own, arithmetic.reshape(others, (1, 3)), bits)
    assert written.finish(found) == [hashed(Tag.NODE, 4, DIGESTS)]
    # The child on the path stands in its place and nowhere else; its siblings may be anything.
    [step] = [step for step in written.circuit.steps if isinstance(step, PlaceStep)]
    placed = step.out[0].tolist()
    assert not forge(written.circuit, written.inputs, {placed[place]: 1})
    assert forge(written.circuit, written.inputs, {placed[place ^ 1]: 1})
    swapped = {placed[place]: DIGESTS[place ^ 1], placed[place ^ 1]: DIGESTS[place]}
    assert not forge(written.circuit, written.inputs, swapped)


def test_joins_and_messages() -> None:
    written = Written([*WORDS, 77], DIGESTS)
    arithmetic = written.arithmetic
    state = arithmetic.start()
    words, nonce = arithmetic.take(written.words, slice(0, 7)), arithmetic.take(written.words, slice(7, 8))
    first = arithmetic.absorb(state, words)
    second = arithmetic.absorb_digests(first, written.digests)
    third = arithmetic.work(second, nonce, 0)
    joined = arithmetic.join([arithmetic.take(written.digests, slice(i, i + 1)) for i in range(3)])
    states = [arithmetic.reshape(value, (1,)) for value in (first, second, third)]
    found = written.finish(arithmetic.concatenate([*states, joined], 0))
    absorbed = hashed(Tag.TRANSCRIPT, 7, [Tag.TRANSCRIPT, *packed(WORDS)])
    moved = hashed(Tag.DIGESTS, 4, [absorbed, *DIGESTS])
    assert found == [absorbed, moved, hashed(Tag.GRIND, 0, [moved, 77]), hashed(Tag.JOIN, 3, DIGESTS[:3])]


def test_outputs() -> None:
    written = Written([], DIGESTS)
    arithmetic = written.arithmetic
    state = arithmetic.take(written.digests, 3)
    challenges = arithmetic.canonical(arithmetic.challenges(state, 0, 2))
    bits = arithmetic.indices(state, 2, 3, 17)
    parts = [arithmetic.reshape(challenges, (6,)), arithmetic.reshape(bits, (51,))]
    found = written.finish(arithmetic.concatenate(parts, 0))
    outputs = [hashed(Tag.SQUEEZE, number, DIGESTS[3:]) for number in range(5)]
    assert found[:6] == [(output >> 80 * i & (1 << 80) - 1) % PRIME for output in outputs[:2] for i in range(3)]
    assert found[6:] == [output >> bit & 1 for output in outputs[2:] for bit in range(17)]


def test_work() -> None:
    bits, state = 5, 42
    nonce = next(n for n in range(10_000) if hashed(Tag.GRIND, 0, [state, n]) % (1 << bits) == 0)
    written = Written([nonce], [state])
    written.arithmetic.work(written.arithmetic.take(written.digests, 0), written.words, bits)
    written.finish(written.words)
    others = [n for n in range(40) if hashed(Tag.GRIND, 0, [state, n]) % (1 << bits)]
    assert not any(forge(written.circuit, [other, state], {}) for other in others[:8])


def test_digests_are_no_numbers() -> None:
    written = Written([1], [1])
    with pytest.raises(CircuitRefused, match="cannot be reduced"):
        written.arithmetic.reduce(written.digests)
    assert written.digests.bound == DIGEST_BOUND
