"""The family over BN254 for the second verifier, in Python integers, from `docs/security.md`."""

from __future__ import annotations

from proving.hash.reference.bn254 import R, hash_elements
from proving.hash.tags import Tag
from tests.proving.stark.plain_verifier import Challenger, E, Hashing, P, require


def number(digest: list[int]) -> int:
    return sum(word << 64 * i for i, word in enumerate(digest))


def words(element: int) -> list[int]:
    return [element >> 64 * i & 2**64 - 1 for i in range(4)]


def packed(elements: list[int]) -> list[int]:
    return [number(elements[at : at + 3]) for at in range(0, len(elements), 3)]


class Bn254Hashing(Hashing):
    """Digests of one element, as four words."""

    def is_digest(self, words: list[int]) -> bool:
        return number(words) < R

    def leaf(self, elements: list[int]) -> list[int]:
        return words(hash_elements(Tag.LEAF, len(elements), packed(elements)))

    def node(self, children: list[list[int]]) -> list[int]:
        return words(hash_elements(Tag.NODE, 4, [number(child) for child in children]))

    def join(self, parts: list[list[int]]) -> list[int]:
        return words(hash_elements(Tag.JOIN, len(parts), [number(part) for part in parts]))

    def challenger(self) -> Challenger:
        return Bn254Challenger()


class Bn254Challenger(Challenger):
    """A transcript whose state is one element."""

    def __init__(self) -> None:
        self.element, self.count = int(Tag.TRANSCRIPT), 0

    def absorb(self, elements: list[int]) -> None:
        if elements:
            self._move(Tag.TRANSCRIPT, len(elements), packed(elements))

    def absorb_digests(self, digests: list[list[int]]) -> None:
        self._move(Tag.DIGESTS, len(digests), [number(digest) for digest in digests])

    def squeeze(self) -> list[int]:
        self.count += 1
        return words(hash_elements(Tag.SQUEEZE, self.count - 1, [self.element]))

    def extension(self) -> E:
        output = number(self.squeeze())
        a, b, c = ((output >> 80 * i) % 2**80 % P for i in range(3))
        return (a, b, c)

    def check_work(self, nonce: list[int], bits: int) -> None:
        if bits:
            self._move(Tag.GRIND, 0, nonce)
            require(self.element % 2**bits == 0, "work")

    def _move(self, tag: Tag, length: int, elements: list[int]) -> None:
        self.element, self.count = hash_elements(tag, length, [self.element, *elements]), 0
