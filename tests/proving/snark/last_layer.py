"""Small proofs under the hash family over BN254, as stand-ins for a batch's last layer."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass

import numpy as np

from proving.hash import HashFamily
from proving.snark.wrap import CLAIM_WORDS
from proving.stark.air import Circuit, Table, TableBuilder
from proving.stark.arithmetic import Words
from proving.stark.generate import build_key
from proving.stark.key import Key
from proving.stark.proof import Part, Proof, parse, parts_of
from proving.stark.prover import prove
from proving.stark.shape import Shape
from tests.proving.stark import toy

#: A profile of two queries and little work: what is proven with it is worth nothing.
TINY = "tiny"
LOG_ROWS = 6


@dataclass(frozen=True)
class Made:
    """A proof with all that its verifier is given."""

    key: Key
    publics: Words
    data: bytes

    @property
    def shape(self) -> Shape:
        return parse(self.key.layout, self.key.parameters(TINY), self.data)[0]

    @property
    def proof(self) -> Proof[Words]:
        return parse(self.key.layout, self.key.parameters(TINY), self.data)[1]

    @property
    def parts(self) -> list[Part]:
        return parts_of(self.shape, self.key.parameters(TINY))


def with_tiny(key: Key) -> Key:
    report = key.report("proven100")
    little = dataclasses.replace(report.parameters, queries=2, query_grinding=3, batching_grinding=2)
    return dataclasses.replace(key, reports={**key.reports, TINY: dataclasses.replace(report, parameters=little)})


@functools.cache
def everything() -> Made:
    """A circuit with everything that a proof can have; see `tests.proving.stark.toy`."""
    key = with_tiny(toy.bn254_key())
    publics, traces = toy.traces()
    return Made(key, publics, prove(key, TINY, publics, traces, toy.backend()))


class Claim(Table):
    """A table whose first row holds the public input."""

    name = "claim"

    def build(self, t: TableBuilder) -> None:
        columns = [t.main(f"word {i}") for i in range(CLAIM_WORDS)]
        for i, column in enumerate(columns):
            t.when(t.first).zero(f"word {i} is public", column - t.public(i))


@functools.cache
def claim_key() -> Key:
    """The key of a circuit whose public input is a scheduler's, and which shows nothing about it."""
    return with_tiny(
        build_key(
            Circuit("claim", [Claim()], publics=CLAIM_WORDS, max_degree=2),
            backend=toy.backend(),
            log_blowup=2,
            max_log_heights={"claim": LOG_ROWS},
            profiles=["proven100"],
            form={"family": HashFamily.BN254, "cap_log": 1, "log_fold": 2, "final_log_length": 3},
        )
    )


def claim(words: list[int]) -> Made:
    """A proof of a claim."""
    publics = np.array(words, dtype=np.uint64)
    trace = np.ascontiguousarray(np.broadcast_to(publics[:, None], (CLAIM_WORDS, 1 << LOG_ROWS)))
    return Made(claim_key(), publics, prove(claim_key(), TINY, publics, {"claim": trace}, toy.backend()))
