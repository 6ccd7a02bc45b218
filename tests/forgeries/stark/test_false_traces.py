"""The prover proves whatever it is given; the verifier refuses every trace that breaks one class of constraint."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from proving.backend.interface import HostArray
from proving.field.goldilocks import PRIME
from proving.stark.air import check
from proving.stark.errors import BusUnbalanced, ConstraintsViolated, ProofRefused
from proving.stark.prover import prove
from proving.stark.verifier import verify
from tests.proving.stark import toy

Traces = dict[str, HostArray]
Change = Callable[[Traces, HostArray], None]


def transition(traces: Traces, publics: HostArray) -> None:
    traces["fibonacci"][0, 5] += np.uint64(1)


def first_row(traces: Traces, publics: HostArray) -> None:
    publics[0] += np.uint64(1)


def last_row(traces: Traces, publics: HostArray) -> None:
    publics[2] = (int(publics[2]) + 1) % PRIME


def boolean(traces: Traces, publics: HostArray) -> None:
    traces["fibonacci"][2, 4] = 2


def periodic(traces: Traces, publics: HostArray) -> None:
    traces["fibonacci"][2, 4] = 0


def product(traces: Traces, publics: HostArray) -> None:
    traces["sink"][2, 3] += np.uint64(1)


def message(traces: Traces, publics: HostArray) -> None:
    """A pair that nobody sent, consistent in its own row."""
    x, y = 11, 13
    traces["sink"][:3, 3] = [x, y, x * y]


def swapped_fields(traces: Traces, publics: HostArray) -> None:
    traces["sink"][[0, 1], 7] = traces["sink"][[1, 0], 7]


def doubled_message(traces: Traces, publics: HostArray) -> None:
    traces["sink"][:, 3] = traces["sink"][:, 4]


def false_square(traces: Traces, publics: HostArray) -> None:
    traces["sink"][4, 0] += np.uint64(1)


def outside_the_table(traces: Traces, publics: HostArray) -> None:
    traces["sink"][[3, 4], 0] = [1 << 20, 1 << 40]


def multiplicity(traces: Traces, publics: HostArray) -> None:
    traces["squares"][0, 0] += np.uint64(1)


BUS_CHANGES: tuple[Change, ...] = (
    message,
    swapped_fields,
    doubled_message,
    false_square,
    outside_the_table,
    multiplicity,
)
ROW_CHANGES: tuple[Change, ...] = (transition, first_row, last_row, boolean, periodic, product)


@pytest.mark.parametrize("change", [*ROW_CHANGES, *BUS_CHANGES], ids=lambda change: change.__name__)
def test_a_false_trace_is_refused(change: Change) -> None:
    key = toy.key()
    publics, traces = toy.traces()
    change(traces, publics)
    assert check(toy.circuit(), traces, publics), "the row engine must see what the verifier is to refuse"
    forged = prove(key, toy.QUICK, publics, traces, toy.backend())
    with pytest.raises((ConstraintsViolated, BusUnbalanced)) as caught:
        verify(key, toy.QUICK, publics, forged)
    if change in BUS_CHANGES:
        assert isinstance(caught.value, BusUnbalanced)


def test_bus_sums_forced_to_balance_do_not_save_a_false_lookup() -> None:
    """The prover adjusts the sum it claims, so that the verifier's addition gives zero; the running sum betrays it."""

    class Balancer(type(toy.backend())):  # type: ignore[misc]
        seen: list[HostArray]

        def bus_columns(self, *arguments):  # type: ignore[no-untyped-def]
            columns, total = super().bus_columns(*arguments)
            seen = self.__dict__.setdefault("seen", [])
            if len(seen) == 2:
                total = np.array([(-int(a) - int(b)) % PRIME for a, b in zip(*seen, strict=True)], dtype=np.uint64)
            seen.append(total)
            return columns, total

    key = toy.key()
    publics, traces = toy.traces()
    outside_the_table(traces, publics)
    with pytest.raises(ConstraintsViolated):
        verify(key, toy.QUICK, publics, prove(key, toy.QUICK, publics, traces, Balancer()))


@pytest.mark.parametrize("seed", range(8))
def test_a_changed_cell_is_refused_wherever_it_is(seed: int) -> None:
    key = toy.key()
    publics, traces = toy.traces()
    random = np.random.default_rng(seed)
    name = ("fibonacci", "sink", "squares")[seed % 3]
    column, row = random.integers(traces[name].shape[0]), random.integers(traces[name].shape[1])
    change = int(random.integers(1, PRIME - 1, dtype=np.uint64))
    traces[name][column, row] = (int(traces[name][column, row]) + change) % PRIME
    with pytest.raises(ProofRefused):
        verify(key, toy.QUICK, publics, prove(key, toy.QUICK, publics, traces, toy.backend()))
