"""A tip and a scheduler over a leaf that may claim any step, for the tests: what they check is theirs alone."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from proving.backend.interface import PRIME
from proving.circuits.requests import RequestType
from proving.hash import DIGEST
from proving.machine.state import State, empty_requests
from proving.recursion.aggregation import write_leaf
from proving.recursion.claims import Role, claim_words, entry, key_set_digest, type_number
from proving.recursion.compile import CompiledCircuit
from proving.recursion.scheduler import scheduler_hints, scheduler_words, write_scheduler
from proving.recursion.tie import tie_hints, write_tie
from proving.recursion.tip import MAIN_VM_TYPE, tip_hints, tip_words, write_tip
from proving.recursion.witness import fill
from proving.stark.air import Circuit, Table, TableBuilder
from proving.stark.arithmetic import Words
from proving.stark.generate import build_key
from proving.stark.key import Key
from proving.stark.proof import parse
from proving.stark.prover import prove
from tests.proving.recursion import chain

PROTOCOL = 3
PROGRAM = np.array([21, 22, 23, 24], dtype=np.uint64)


class AnyStep(Table):
    """Shows nothing about its public input, so that a claim can be as false as a test wants it."""

    name = "any_step"

    def build(self, t: TableBuilder) -> None:
        lanes = t.main_array("lane", 2 * DIGEST)
        for i, lane in enumerate(lanes):
            t.equal(f"public {i}", lane, t.public(i))


def final_state() -> State:
    """Return a halted state without requests, whose registers all differ."""
    registers = np.arange(100, 132, dtype=np.uint32) * np.uint32(0x01010101)
    registers[0] = 0
    roots = np.arange(1, 9, dtype=np.uint64).reshape(2, DIGEST)
    return State(pc=64, halted=True, registers=registers, memory_root=roots[0], code_root=roots[1])


def words_of(state: State) -> Words:
    """Return the words of a state's output ``(8,)``."""
    return np.frombuffer(state.output(), dtype="<u4").astype(np.uint64)


@functools.cache
def basic_key() -> Key:
    circuit = Circuit("any_step", [AnyStep()], publics=2 * DIGEST, max_degree=3)
    return chain.quick(build_key(circuit, backend=chain.backend(), log_blowup=2, max_log_heights={"any_step": 6}))


@functools.cache
def leaf(circuit_type: int = MAIN_VM_TYPE) -> CompiledCircuit:
    key = basic_key()
    return write_leaf("leaf", key, key.layout.largest(), chain.PROFILE, circuit_type, chain.HEIGHTS)


@functools.cache
def leaf_key(circuit_type: int = MAIN_VM_TYPE) -> Key:
    return chain.aggregation_key(leaf(circuit_type))


#: The type whose requests ties are tried with.
ASKED = RequestType.KECCAK_F
#: Numbers next to those of the types, upwards and, as an element, below that of the machine.
NO_TYPES = (len(RequestType) + 1, PRIME - 1)
#: Places in the key set.
OTHER_LEAF, LEAF_AS_TIP, TIP, TIE = range(1, 5)
#: Places of the leaves of the machine's type and of types of requests, by their number in claims.
LEAVES = {
    MAIN_VM_TYPE: 0,
    type_number(RequestType.ARITH256): OTHER_LEAF,
    **{type_number(kind): 5 + i for i, kind in enumerate((ASKED, RequestType.SHA256, RequestType.BLAKE2S))},
    **{number: 8 + i for i, number in enumerate(NO_TYPES)},
}
SLOTS = 10


@functools.cache
def entries() -> Words:
    """The key set: leaves of the machine and of another type, the first with another role, tip, tie, other leaves."""
    keys = [
        (leaf_key(), Role.AGGREGATION), (leaf_key(MAIN_VM_TYPE + 1), Role.AGGREGATION), (leaf_key(), Role.TIP),
        (tip_key(), Role.TIP), (tie_key(), Role.TIP),
        *((leaf_key(number), Role.AGGREGATION) for number, place in LEAVES.items() if place > TIE),
    ]  # fmt: skip
    return np.stack([entry(key.digest, role) for key, role in keys])


@dataclasses.dataclass(frozen=True)
class Leaf:
    """A leaf's proof with its claim and its key's place in the key set."""

    place: int
    key: Key
    claim: Words
    parts: tuple[Words, ...]

    @property
    def child(self) -> tuple[int, Words, Words, list[Words]]:
        assert self.key.preprocessed_cap is not None
        return self.place, self.key.preprocessed_cap, self.claim, [np.array(part) for part in self.parts]


def prove_leaf(start: Words, end: Words, *, circuit_type: int = MAIN_VM_TYPE, key_set: Words | None = None) -> Leaf:
    """Prove a leaf that claims a step."""
    publics = np.concatenate([start, end])
    basic = prove(basic_key(), chain.PROFILE, publics, {"any_step": np.repeat(publics[:, None], 64, axis=1)},
                  chain.backend())  # fmt: skip
    _, parts = parse(basic_key().layout, basic_key().parameters(chain.PROFILE), basic)
    claim = claim_words(key_set_digest(entries()) if key_set is None else key_set, start, end, circuit_type)
    key = leaf_key(circuit_type)
    traces = fill(leaf(circuit_type).program, claim, [publics.reshape(2, DIGEST), *parts.parts()])
    _, own = parse(key.layout, key.parameters(chain.PROFILE), prove(key, chain.PROFILE, claim, traces, chain.backend()))
    return Leaf(LEAVES[circuit_type], key, claim, tuple(own.parts()))


@functools.cache
def honest_leaf() -> Leaf:
    """A leaf from the program to the final state."""
    return prove_leaf(PROGRAM, final_state().digest())


@functools.cache
def tip() -> CompiledCircuit:
    return write_tip("tip", leaf_key(), chain.PROFILE, SLOTS, chain.HEIGHTS)


def tip_claim(final: State | None = None) -> Words:
    shown = final or final_state()
    return tip_words(key_set_digest(entries()), PROGRAM, words_of(shown), shown.requests)


def tip_traces(claim: Words, under: Leaf, final: State) -> dict[str, Words]:
    return fill(tip().program, claim, tip_hints(entries(), under.child, final))


@functools.cache
def tip_key() -> Key:
    return chain.aggregation_key(tip())


@functools.cache
def tip_parts() -> tuple[Words, ...]:
    """The parts of an honest tip's proof."""
    claim = tip_claim()
    proof = prove(tip_key(), chain.PROFILE, claim, tip_traces(claim, honest_leaf(), final_state()), chain.backend())
    _, parts = parse(tip_key().layout, tip_key().parameters(chain.PROFILE), proof)
    return tuple(parts.parts())


@functools.cache
def asking_state() -> State:
    """A final state whose run made requests of one type."""
    requests = final_state().requests.copy()
    requests[ASKED] = (31, 32, 33, 34)
    return dataclasses.replace(final_state(), requests=requests)


@functools.cache
def asking_tip_parts() -> tuple[Words, ...]:
    """The parts of the proof of a tip over a run that made requests."""
    final = asking_state()
    claim = tip_claim(final)
    traces = tip_traces(claim, prove_leaf(PROGRAM, final.digest()), final)
    _, parts = parse(
        tip_key().layout,
        tip_key().parameters(chain.PROFILE),
        prove(tip_key(), chain.PROFILE, claim, traces, chain.backend()),
    )
    return tuple(parts.parts())


@functools.cache
def asked_leaf() -> Leaf:
    """A leaf that shows the requests of `asking_state`."""
    return prove_leaf(empty_requests()[ASKED], asking_state().requests[ASKED], circuit_type=type_number(ASKED))


@functools.cache
def tie() -> CompiledCircuit:
    return write_tie("tie", tip_key(), leaf_key(), chain.PROFILE, SLOTS)


@functools.cache
def tie_key() -> Key:
    return chain.aggregation_key(tie())


def tie_traces(
    claim: Words, shown: Leaf, before: Words, after: Words, *, place: int = TIP, parts: tuple[Words, ...] | None = None
) -> dict[str, Words]:
    """The traces of a tie over `asking_tip_parts`, or other parts, and a leaf."""
    assert tip_key().preprocessed_cap is not None
    own = asking_tip_parts() if parts is None else parts
    under = (place, tip_key().preprocessed_cap, [np.array(part) for part in own])
    return fill(tie().program, claim, tie_hints(entries(), before, after, under, shown.child))


@functools.cache
def scheduler() -> CompiledCircuit:
    return write_scheduler("scheduler", tip_key(), chain.PROFILE, PROTOCOL, SLOTS)


def scheduler_claim() -> Words:
    return scheduler_words(key_set_digest(entries()), PROGRAM, PROTOCOL, words_of(final_state()))


def scheduler_traces(
    claim: Words, parts: tuple[Words, ...], *, place: int = TIP, key: Key | None = None
) -> dict[str, Words]:
    cap = (key or tip_key()).preprocessed_cap
    assert cap is not None
    return fill(scheduler().program, claim, scheduler_hints(entries(), place, cap, [np.array(part) for part in parts]))
