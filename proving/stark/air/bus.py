"""Buses: multisets of messages that tables send and receive, balanced over the whole circuit.

A message (m_0, ..., m_{k-1}) on bus B is compressed to the denominator

    d = alpha - ((B + 1) + sum_i beta^(i+1) m_i)

with two extension challenges alpha and beta drawn after every main column is committed. As a polynomial in
(alpha, beta) it is different for different (B, message), because the arity is fixed by the bus. A send adds count / d
to the table's sum and a receive subtracts it; the verifier checks that the sums of all tables add to zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from proving.stark.air.errors import AirError
from proving.stark.air.expr import Expr

BusKind = Literal["permutation", "lookup", "wire"]
BUS_KINDS: tuple[BusKind, ...] = get_args(BusKind)

MAX_ARITY = 64  #: fields of one message; bounds the number of powers of beta
MAX_BUS_ID = 2**16  #: exclusive


@dataclass(frozen=True)
class Bus:
    """One bus of a circuit.

    Parameters
    ----------
    id : identifies the bus in the fingerprint; unique in a circuit
    arity : number of fields of every message
    kind : on a "permutation" bus every count is -1, 0 or 1; on a "lookup" bus the sender's count is 0 or 1 and the
        receiver, the table that is looked up in, has a free one; on a "wire" bus the first field is an address, the
        one row that writes it sends with a preprocessed multiplicity, and readers receive with a count of 0 or 1
    name : for people
    asked : on a lookup bus, how many leading fields are asked for; the table answers with the others. For the fuzzer
    """

    id: int
    arity: int
    kind: BusKind = "permutation"
    name: str = ""
    asked: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.id < MAX_BUS_ID:
            raise AirError(f"bus id {self.id} is outside 0..{MAX_BUS_ID - 1}")
        if not 1 <= self.arity <= MAX_ARITY:
            raise AirError(f"bus {self.label}: arity {self.arity} is outside 1..{MAX_ARITY}")
        if self.kind not in BUS_KINDS:
            raise AirError(f"bus {self.label}: unknown kind {self.kind!r}")

    @property
    def label(self) -> str:
        """Name, or the id when it has none."""
        return self.name or f"bus{self.id}"


@dataclass(frozen=True)
class Interaction:
    """One message per row of a table, sent `count` times.

    `count` carries the sign: a receive, where `sends` is False, has the negated count. `provider` marks the looked-up
    side of a lookup bus, whose count is free; every other count is shown to be small (see `counts`).

    A free count is sound there, and only there: a message that no provider contains is sent s times with 0 <= s < p, so
    s = 0 where the field says so; of a contained message any number of sends is right.
    """

    name: str
    bus: Bus
    fields: tuple[Expr, ...]
    count: Expr
    sends: bool

    @property
    def provider(self) -> bool:
        """Whether this is the looked-up side of a lookup bus."""
        return self.bus.kind == "lookup" and not self.sends
