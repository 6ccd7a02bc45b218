"""The state tree by its definition (docs/state_transition.md, section 2), over a dictionary; it shares only C."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from proving.hash import compress


@dataclass(frozen=True)
class Value:
    nonce: int = 0
    balance: int = 0


Leaves = list[tuple[list[int], Value]]


def address(number: int) -> bytes:
    return number.to_bytes(20, "little")


def c(lanes: list[int]) -> list[int]:
    return [int(value) for value in compress(np.array([lanes], dtype=np.uint64))[0]]


def key_of(place: bytes) -> list[int]:
    words = [int.from_bytes(place[i : i + 4], "little") for i in range(0, 20, 4)]
    return c([8, 5, 0, 0, *words, *[0] * 7])


def _words(leaf: tuple[list[int], Value]) -> list[int]:
    key, value = leaf
    elements = [half for element in key for half in (element & 0xFFFFFFFF, element >> 32)]
    balance = [value.balance >> (32 * i) & 0xFFFFFFFF for i in range(8)]
    return [*elements, value.nonce & 0xFFFFFFFF, value.nonce >> 32, *balance]


def _below(keys: Iterable[list[int]], depth: int, digit: int) -> list[list[int]]:
    return [key for key in keys if key[depth // 32] >> (2 * (depth % 32)) & 3 == digit]


class Model:
    """Every account, and what follows from them."""

    def __init__(self, accounts: Mapping[bytes, Value]) -> None:
        self._values = {tuple(key_of(place)): value for place, value in accounts.items() if value != Value()}
        self._leaves: Leaves = [(list(key), value) for key, value in self._values.items()]

    @property
    def root(self) -> bytes:
        return b"".join(element.to_bytes(8, "little") for element in self._digest(self._leaves, 0))

    def partial(self, addresses: Iterable[bytes]) -> bytes:
        keys = [key_of(place) for place in sorted(set(addresses))]
        words = [self._kind(self._leaves, keys)]
        self._write(words, self._leaves, keys, 0)
        return b"".join(word.to_bytes(4, "little") for word in words)

    def _digest(self, leaves: Leaves, depth: int) -> list[int]:
        if not leaves:
            return [0, 0, 0, 0]
        if len(leaves) == 1:
            return c([*leaves[0][0], *_words(leaves[0])[8:], 8, 0])
        return c([lane for child in self._children(leaves, depth) for lane in self._digest(child, depth + 1)])

    def _children(self, leaves: Leaves, depth: int) -> list[Leaves]:
        split = [_below([key for key, _ in leaves], depth, digit) for digit in range(4)]
        return [[(key, self._values[tuple(key)]) for key in keys] for keys in split]

    def _kind(self, leaves: Leaves, keys: list[list[int]]) -> int:
        if not leaves:
            return 0
        return 3 if not keys else min(len(leaves), 2)

    def _write(self, words: list[int], leaves: Leaves, keys: list[list[int]], depth: int) -> None:
        kind = self._kind(leaves, keys)
        if kind == 1:
            words.extend(_words(leaves[0]))
        elif kind == 3:
            digest = self._digest(leaves, depth)
            words.extend(half for element in digest for half in (element & 0xFFFFFFFF, element >> 32))
        elif kind == 2:
            below = [(child, _below(keys, depth, i)) for i, child in enumerate(self._children(leaves, depth))]
            words.append(sum(self._kind(*pair) << (2 * i) for i, pair in enumerate(below)))
            for child, some in below:
                self._write(words, child, some, depth + 1)
