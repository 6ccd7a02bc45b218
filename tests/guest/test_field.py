"""The base field of the state-transition program on the edges of its carries."""

from __future__ import annotations

import itertools
import random

from tests.guest.native import Host

P = 2**256 - 2**32 - 977
#: Numbers around which a sum or a difference carries over a word, over all words, or over the modulus.
CENTRES = (0, 977, 2**32, 2**32 + 976, 2**64, 2**96, 2**255, P // 2, P, P - 2**32, 2**256 - 1)


def test_sums_and_opposites_at_the_edges(host: Host) -> None:
    source = random.Random(5)
    edges = sorted({(centre + delta) % 2**256 for centre in CENTRES for delta in range(-2, 3)})
    pairs = list(itertools.product(edges, repeat=2))
    pairs += [(a, (P - a + delta) % 2**256) for a in edges for delta in (-1, 0, 1)]
    pairs += [(source.getrandbits(256), source.getrandbits(256)) for _ in range(200)]
    for (a, b), ((total, difference, negated, product), opposite) in zip(pairs, host.calculate(pairs), strict=True):
        assert [total % P, difference % P, negated % P] == [(a + b) % P, (a - b) % P, (-a - b) % P], (a, b)
        assert product == (a * b + b) % P
        assert opposite == (a + b == P), (a, b)
