"""A small circuit with everything a proof can have.

Tables of three heights, a permutation and a lookup bus, preprocessed and periodic columns, next rows, selectors and
public inputs.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from proving.backend.interface import PRIME, HostArray
from proving.backend.native import NativeBackend
from proving.hash import HashFamily
from proving.stark.air import Bus, Circuit, Table, TableBuilder
from proving.stark.generate import build_key
from proving.stark.key import Key
from proving.stark.prover import prove

PAIRS = Bus(0, 2, "permutation", "pairs")
SQUARES = Bus(1, 2, "lookup", "squares")
QUICK = "quick"
EVERY = 4  # one fibonacci row in four is sent


class Fibonacci(Table):
    """a, b -> b, a + b; every fourth row's pair goes to the bus."""

    name = "fibonacci"

    def build(self, t: TableBuilder) -> None:
        a, b, flag = t.main("a"), t.main("b"), t.main("flag")
        due = t.periodic("due", [1] + [0] * (EVERY - 1))
        t.when(t.transition).zero("a moves", a.next - b)
        t.when(t.transition).zero("b moves", b.next - a - b)
        t.when(t.first).zero("a starts", a - t.public(0))
        t.when(t.first).zero("b starts", b - t.public(1))
        t.when(t.last).zero("b ends", b - t.public(2))
        t.boolean(flag)
        t.zero("flag is due", flag - due)
        t.send(PAIRS, [a, b], flag)


class Sink(Table):
    """Receives the pairs, multiplies them, looks a square up."""

    name = "sink"

    def build(self, t: TableBuilder) -> None:
        x, y, product, root, square = (t.main(name) for name in ("x", "y", "product", "root", "square"))
        t.receive(PAIRS, [x, y], 1)
        t.zero("product", product - x * y)
        t.send(SQUARES, [root, square], 1)


class Squares(Table):
    """All (k, k^2) for k below its height."""

    name = "squares"

    def __init__(self, log_height: int) -> None:
        self.rows = 1 << log_height

    def build(self, t: TableBuilder) -> None:
        values = np.arange(self.rows, dtype=np.uint64)
        k, square = t.preprocessed("k", values), t.preprocessed("square", values * values)
        t.receive(SQUARES, [k, square], t.main("count"))


@functools.cache
def backend() -> NativeBackend:
    return NativeBackend()


@functools.cache
def circuit(max_degree: int = 5, log_squares: int = 7) -> Circuit:
    return Circuit("toy", [Fibonacci(), Sink(), Squares(log_squares)], publics=3, max_degree=max_degree)


def with_quick(made: Key) -> Key:
    """Add a profile of few queries and little work, with both nonces, so that forgeries can be tried by the hundred."""
    report = made.report("proven100")
    little = dataclasses.replace(report.parameters, queries=24, query_grinding=5, batching_grinding=4)
    return dataclasses.replace(made, reports={**made.reports, QUICK: dataclasses.replace(report, parameters=little)})


@functools.cache
def key(log_blowup: int = 2, log_squares: int = 7, log_bound: int = 12) -> Key:
    return with_quick(
        build_key(
            circuit((1 << log_blowup) + 1, log_squares),
            backend=backend(),
            log_blowup=log_blowup,
            max_log_heights={"fibonacci": log_bound, "sink": log_bound - 2},
        )
    )


@functools.cache
def bn254_key() -> Key:
    """Return the key of the circuit under the family over BN254, with small caps and folds by four."""
    return with_quick(
        build_key(
            circuit(),
            backend=backend(),
            log_blowup=2,
            max_log_heights={"fibonacci": 12, "sink": 10},
            profiles=["proven100"],
            form={"family": HashFamily.BN254, "cap_log": 2, "log_fold": 2, "final_log_length": 3},
        )
    )


@functools.cache
def bn254_proof() -> tuple[Key, HostArray, bytes]:
    """Return a key under the family over BN254, a public input and an honest quick proof."""
    publics, honest = traces()
    return bn254_key(), publics, prove(bn254_key(), QUICK, publics, honest, backend())


@functools.cache
def proof(log_blowup: int = 2, log_squares: int = 7, log_height: int = 8) -> tuple[Key, HostArray, bytes]:
    """Return a key, a public input and an honest quick proof."""
    publics, honest = traces(log_height, log_squares)
    made = key(log_blowup, log_squares)
    return made, publics, prove(made, QUICK, publics, honest, backend())


def traces(log_height: int = 8, log_squares: int = 7) -> tuple[HostArray, dict[str, HostArray]]:
    """Return the public input and honest traces with 2^log_height fibonacci rows."""
    rows = 1 << log_height
    a = b = 1
    pairs = []
    for _ in range(rows):
        pairs.append((a, b))
        a, b = b, (a + b) % PRIME
    flags = [int(row % EVERY == 0) for row in range(rows)]
    fibonacci = np.array([[pair[0] for pair in pairs], [pair[1] for pair in pairs], flags], dtype=np.uint64)
    sent = pairs[::EVERY]
    roots = [(7 * row) % (1 << log_squares) for row in range(len(sent))]
    sink = np.array(
        [
            [pair[0] for pair in sent],
            [pair[1] for pair in sent],
            [pair[0] * pair[1] % PRIME for pair in sent],
            roots,
            [root * root for root in roots],
        ],
        dtype=np.uint64,
    )
    counts = np.bincount(roots, minlength=1 << log_squares).astype(np.uint64).reshape(1, -1)
    publics = np.array([1, 1, pairs[-1][1]], dtype=np.uint64)
    return publics, {"fibonacci": fibonacci, "sink": sink, "squares": counts}
