from __future__ import annotations

import numpy as np
import pytest

from proving.stark.air import Bus, Circuit, Table, TableBuilder, require
from proving.stark.errors import TraceRefused, UnknownProfile
from proving.stark.generate import build_key
from proving.stark.key import Key
from proving.stark.proof import parse
from proving.stark.prover import PHASES, prove
from proving.stark.verifier import Claim, check, verify
from tests.proving.stark import toy
from tests.proving.stark.guarded import GuardedArithmetic


@pytest.mark.parametrize("log_blowup", [1, 2, 3])
def test_an_honest_proof_is_accepted_at_every_rate(log_blowup: int) -> None:
    key, publics, proof = toy.proof(log_blowup)
    verdict = verify(key, toy.QUICK, publics, proof)
    assert verdict.log_heights == (8, 6, 7)
    assert verdict.key == key.hex
    assert verdict.profile == toy.QUICK


# Heights in every order: the preprocessed table lower, between, equal, the tallest; trees of even and odd depth.
@pytest.mark.parametrize(("log_height", "log_squares"), [(8, 6), (8, 8), (9, 7), (8, 9), (8, 10), (10, 6), (11, 8)])
def test_an_honest_proof_is_accepted_at_every_mix_of_heights(log_height: int, log_squares: int) -> None:
    key, publics, proof = toy.proof(2, log_squares, log_height)
    assert verify(key, toy.QUICK, publics, proof).log_heights == (log_height, log_height - 2, log_squares)


@pytest.mark.parametrize(("profile", "bits", "queries"), [("proven100", 100, 85), ("proven128", 128, 116)])
def test_the_shipped_profiles_prove_and_name_their_bits(profile: str, bits: int, queries: int) -> None:
    key = toy.key()
    publics, traces = toy.traces()
    verdict = verify(key, profile, publics, prove(key, profile, publics, traces, toy.backend()))
    assert verdict.security.bits >= bits - 1e-6
    assert verdict.security.parameters.queries == queries


def test_proofs_are_deterministic() -> None:
    publics, traces = toy.traces()
    assert prove(toy.key(), toy.QUICK, publics, traces, toy.backend()) == toy.proof()[2]


def test_the_verifier_branches_on_shape_only() -> None:
    key, publics, proof = toy.proof()
    parameters = key.parameters(toy.QUICK)
    shape, parts = parse(key.layout, parameters, proof)
    arithmetic = GuardedArithmetic()
    wired = type(parts)(
        caps={phase: arithmetic.wire(cap) for phase, cap in parts.caps.items()},
        bus_sums=arithmetic.wire(parts.bus_sums),
        openings=arithmetic.wire(parts.openings),
        batching_nonce=arithmetic.wire(parts.batching_nonce),
        layer_caps=tuple(map(arithmetic.wire, parts.layer_caps)),
        final=arithmetic.wire(parts.final),
        query_nonce=arithmetic.wire(parts.query_nonce),
        trees={
            phase: type(opening)(tuple(map(arithmetic.wire, opening.rows)), arithmetic.wire(opening.path))
            for phase, opening in parts.trees.items()
        },
        layers=tuple(
            type(opening)(tuple(map(arithmetic.wire, opening.rows)), arithmetic.wire(opening.path))
            for opening in parts.layers
        ),
    )
    assert key.preprocessed_cap is not None
    claim = Claim(arithmetic.wire(key.digest), arithmetic.wire(key.preprocessed_cap), arithmetic.wire(publics))
    check(arithmetic, key, shape, parameters, claim, wired)
    assert arithmetic.compressions > parameters.queries


def test_phases_are_reported_in_order_and_end_at_one() -> None:
    publics, traces = toy.traces()
    seen: list[tuple[float, str]] = []
    prove(toy.key(), toy.QUICK, publics, traces, toy.backend(), lambda *told: seen.append(told))
    assert [phase for _, phase in seen][: len(PHASES)] == list(PHASES)
    assert [fraction for fraction, _ in seen] == sorted(fraction for fraction, _ in seen)
    assert seen[-1][0] == 1.0


def test_a_consuming_prover_empties_the_traces() -> None:
    publics, traces = toy.traces()
    assert prove(toy.key(), toy.QUICK, publics, traces, toy.backend(), consume=True) == toy.proof()[2]
    assert traces == {}


class Lonely(Table):
    """No bus, no next row, no preprocessed column: a square."""

    name = "lonely"

    def build(self, t: TableBuilder) -> None:
        t.zero("square", t.main("y") - t.main("x") * t.public(0) - 5)


def lonely_key() -> Key:
    circuit = Circuit("lonely", [Lonely()], publics=1, max_degree=3)
    made = build_key(circuit, backend=toy.backend(), log_blowup=1, max_log_heights={"lonely": 9})
    return toy.with_quick(made)


@pytest.mark.parametrize("log_height", [6, 7, 9])
def test_a_circuit_of_one_plain_table_needs_two_trees(log_height: int) -> None:
    key = lonely_key()
    rows = np.arange(1 << log_height, dtype=np.uint64)
    publics = np.array([3], dtype=np.uint64)
    proof = prove(key, toy.QUICK, publics, {"lonely": np.stack([3 * rows + np.uint64(5), rows])}, toy.backend())
    assert verify(key, toy.QUICK, publics, proof).log_heights == (log_height,)


class Twin(Table):
    """Sends to or receives from one permutation bus; two of them balance."""

    BUS = Bus(3, 1, "permutation", "twins")

    def __init__(self, name: str, sends: bool) -> None:
        self.name, self._sends = name, sends

    def build(self, t: TableBuilder) -> None:
        value, used = t.main("value"), t.main("used")
        t.boolean(used)
        (t.send if self._sends else t.receive)(self.BUS, [value], used)


def test_tables_of_one_height_share_every_level() -> None:
    circuit = Circuit("twins", [Twin("left", True), Twin("right", False)], max_degree=3)
    bounds = {"left": 8, "right": 8}
    key = toy.with_quick(build_key(circuit, backend=toy.backend(), log_blowup=1, max_log_heights=bounds))
    values = np.arange(256, dtype=np.uint64)
    used = (values % 3 > 0).astype(np.uint64)
    traces = {"left": np.stack([values, used]), "right": np.stack([values[::-1], used[::-1]])}
    publics = np.zeros(0, dtype=np.uint64)
    require(circuit, traces, publics)
    assert verify(key, toy.QUICK, publics, prove(key, toy.QUICK, publics, traces, toy.backend()))


def test_traces_of_another_form_are_refused() -> None:
    key = toy.key()
    publics, traces = toy.traces()

    def refused(match: str, publics: np.ndarray = publics, **changed: np.ndarray) -> None:  # type: ignore[type-arg]
        with pytest.raises(TraceRefused, match=match):
            prove(key, toy.QUICK, publics, {**traces, **changed}, toy.backend())

    refused("no table 'other'", other=traces["sink"])
    refused("expected uint64", sink=traces["sink"][:4])
    refused("expected uint64", sink=traces["sink"].astype(np.int64))
    refused("no power of two", sink=traces["sink"][:, :63])
    refused("public input", publics=publics[:2])
    with pytest.raises(TraceRefused, match="no trace for table 'sink'"):
        prove(key, toy.QUICK, publics, {name: t for name, t in traces.items() if name != "sink"}, toy.backend())
    with pytest.raises(UnknownProfile):
        prove(key, "proven1000", publics, traces, toy.backend())
