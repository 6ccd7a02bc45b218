"""Every constraint of the tables that verify proofs is needed: traces that it alone, of all constraints, refuses.

The buses are left aside: a value that rows hand to each other is refused there too. What is shown here is that no
row's own rule rests on another's.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from proving.circuits.gadgets.poseidon2 import constants
from proving.field.goldilocks import PRIME, root_of_unity
from proving.hash import WIDTH
from proving.recursion.hash_table import DIGEST, FULL, INNER, RATE, SWITCHES
from proving.recursion.tables import BITS, LANES
from proving.recursion.witness import FOLD_COLUMNS, HASH_COLUMNS, fill
from proving.stark.air.engine import check
from proving.stark.air.rows import evaluate_rows, whole_table
from proving.stark.arithmetic import Words
from tests.proving.recursion.test_verifying import compiled, parts
from tests.proving.stark import toy

Traces = dict[str, Words]
Override = dict[tuple[str, int], int]
#: First columns of the hash table.
FULL_AT, INNER_AT = WIDTH, WIDTH + 16 * (FULL - 1)
DIGEST_AT = INNER_AT + INNER
DIGIT_AT = DIGEST_AT + DIGEST
CHALLENGE_AT, FOURTH_AT, COMBINED_AT = DIGIT_AT + 2, DIGIT_AT + 5, DIGIT_AT + 8
#: Two bits that are read from wires, each of which is a bit by the bits table's constraint.
REDUNDANT = {"digit[0] is boolean", "digit[1] is boolean"}


@functools.cache
def honest() -> Traces:
    return fill(compiled().program, toy.proof()[1], parts())


def broken(table: str, trace: Words) -> set[str]:
    """Names of the constraints that a changed trace of one table breaks; the others' traces are honest."""
    builder = compiled().circuit.table(table)
    nodes = {constraint.name: constraint.expr.node for constraint in builder.constraints}
    values = evaluate_rows(builder, whole_table(builder, trace, toy.proof()[1]), list(nodes.values()))
    return {name for name, node in nodes.items() if values[node].any()}


def test_the_witness_breaks_nothing() -> None:
    assert check(compiled().circuit, honest(), toy.proof()[1]) == []


def fixed(table: str, name: str) -> Words:
    builder = compiled().circuit.table(table)
    return builder.preprocessed_values[builder.preprocessed_names.index(name)]


def row_with(table: str, *names: str, without: tuple[str, ...] = (), first: int = 0) -> int:
    """A row on which preprocessed columns are not zero, and others are."""
    good = np.ones(fixed(table, names[0]).size, dtype=bool)
    for name in names:
        good &= fixed(table, name) != 0
    for name in without:
        good &= fixed(table, name) == 0
    good[:first] = False
    return int(np.flatnonzero(good)[0])


def external(x: list[int]) -> list[int]:
    mixed: list[int] = []
    for i in range(0, WIDTH, 4):
        group = x[i : i + 4]
        mixed += [(sum(group) + group[j] + 2 * group[(j + 1) % 4]) % PRIME for j in range(4)]
    return [(lane + sum(mixed[i % 4 :: 4])) % PRIME for i, lane in enumerate(mixed)]


def permuted(state: list[int], override: Override) -> list[int]:
    """Columns from `state` to `digest` of a row, with single cells replaced as they are computed."""
    fixed_constants = constants()
    columns, lanes, inner = list(state), list(state), list[int]()
    full: list[int] = []
    for r in range(FULL):
        lanes = external(lanes)
        if r == FULL // 2:
            for k in range(INNER):
                lanes[0] = override.get(("inner", k), pow(lanes[0] + fixed_constants.internal[k], 7, PRIME))
                inner.append(lanes[0])
                total = sum(lanes)
                lanes = [(lane * d + total) % PRIME for lane, d in zip(lanes, fixed_constants.diagonal, strict=True)]
        boxes = [pow(lane + c, 7, PRIME) for lane, c in zip(lanes, fixed_constants.external[r], strict=True)]
        if r < FULL - 1:
            boxes = [override.get(("full", WIDTH * r + i), box) for i, box in enumerate(boxes)]
            full += boxes
        lanes = boxes
    digest = [override.get(("digest", i), (external(lanes)[i] + state[i]) % PRIME) for i in range(DIGEST)]
    return [*columns, *full, *inner, *digest]


def hash_trace(row: int, override: Override, state: list[int] | None = None) -> Words:
    trace = honest()["hash"].copy()
    start = [int(x) for x in trace[:WIDTH, row]] if state is None else state
    trace[:DIGIT_AT, row] = permuted(start, override)
    return trace


def test_the_forger_computes_what_the_prover_does() -> None:
    for row in (0, 5, 77):
        assert np.array_equal(hash_trace(row, {}), honest()["hash"])
    assert broken("hash", honest()["hash"]) == set()


def permutation_cells() -> Iterator[tuple[str, int, str]]:
    yield from (("full", 16 * r + i, f"full round {r}, lane {i}") for r in range(FULL - 1) for i in range(WIDTH))
    yield from (("inner", k, f"inner round {k}") for k in range(INNER))
    yield from (("digest", i, f"digest {i}") for i in range(DIGEST))


@pytest.mark.parametrize("kind", ["full", "inner", "digest"])
def test_every_rule_of_the_permutation_is_needed(kind: str) -> None:
    """On a row that none follows, so that the wrong digest moves on by a wire only."""
    row = row_with("hash", "read first", without=("to chain", "to node"))
    first = {"full": FULL_AT, "inner": INNER_AT, "digest": DIGEST_AT}[kind]
    for cell, place, rule in permutation_cells():
        if cell == kind:
            wrong = (int(honest()["hash"][first + place, row]) + 1) % PRIME
            assert broken("hash", hash_trace(row, {(kind, place): wrong})) == {rule}


@pytest.mark.parametrize("place", range(RATE))
def test_every_fixed_element_is_needed(place: int) -> None:
    row = row_with("hash", f"fixed{place}", without=("to chain", "to node"))
    state = [int(x) for x in honest()["hash"][:WIDTH, row]]
    state[DIGEST + place] = (state[DIGEST + place] + 1) % PRIME
    trace = hash_trace(row, {}, state)
    found = broken("hash", trace)
    assert {name for name in found if not name.startswith("combination")} == {f"element {place} is fixed"}


@pytest.mark.parametrize("lane", range(DIGEST))
@pytest.mark.parametrize(
    ("link", "rule"), [("to chain", "the digest goes on"), ("to node", "the digest has its place")]
)
def test_every_link_between_rows_is_needed(link: str, rule: str, lane: int) -> None:
    """The row after starts from another digest, and everything after it is computed from that."""
    flags = {name: fixed("hash", name) for name in ("to chain", "to node")}
    row = row_with("hash", link)
    while flags["to chain"][row + 1] or flags["to node"][row + 1]:
        row = row_with("hash", link, first=row + 1)
    trace = honest()["hash"]
    place = lane
    if link == "to node":
        low, high = (int(x) for x in trace[DIGIT_AT : DIGIT_AT + 2, row + 1])
        place = DIGEST * (low + 2 * high) + lane
    state = [int(x) for x in trace[:WIDTH, row + 1]]
    state[place] = (state[place] + 1) % PRIME
    found = broken("hash", hash_trace(row + 1, {}, state))
    assert {name for name in found if not name.startswith("combination")} == {f"{rule} {lane}"}


@pytest.mark.parametrize("part", range(3))
def test_the_combination_and_the_challenges_power_are_needed(part: int) -> None:
    row = row_with("hash", "combine", without=("to chain", "to node"))
    trace = honest()["hash"].copy()
    trace[COMBINED_AT + part, row] ^= np.uint64(1)
    assert broken("hash", trace) == {f"combination {part}"}
    trace = honest()["hash"].copy()
    trace[FOURTH_AT + part, row] ^= np.uint64(1)
    found = broken("hash", trace)
    assert f"fourth power of the challenge {part}" in found
    assert {name for name in found if not name.startswith("combination")} == {f"fourth power of the challenge {part}"}


def test_every_rule_of_the_hash_table_has_a_case() -> None:
    rules = {constraint.name for constraint in compiled().circuit.table("hash").constraints}
    cases = {rule for _, _, rule in permutation_cells()} | {f"element {i} is fixed" for i in range(RATE)}
    cases |= {f"{link} {i}" for link in ("the digest goes on", "the digest has its place") for i in range(DIGEST)}
    cases |= {f"{name} {i}" for name in ("combination", "fourth power of the challenge") for i in range(3)}
    assert rules == cases | REDUNDANT
    assert honest()["hash"].shape[0] == HASH_COLUMNS
    assert {f"fixed{i}" for i in range(RATE)} <= set(SWITCHES)


@pytest.mark.parametrize("lane", range(LANES))
@pytest.mark.parametrize("part", range(3))
def test_every_operation_of_the_field_table_is_needed(lane: int, part: int) -> None:
    c, d = (3 * 4 * lane + 3 * i + part for i in (2, 3))
    for names, without in ([(f"count{lane}",), (f"invert{lane}",)], [(f"count{lane}", f"invert{lane}"), ()]):
        row = row_with("field", *names, without=(*without, f"zero{lane}"))
        trace = honest()["field"].copy()
        trace[d, row] = (int(trace[d, row]) + 1) % PRIME
        found = broken("field", trace)
        assert found and all(name.startswith(f"operation {lane}.") for name in found)
        if not without:
            continue
        assert found == {f"operation {lane}.{part}"}
    row = row_with("field", f"zero{lane}")
    trace = honest()["field"].copy()
    trace[c, row] = (int(trace[c, row]) + 1) % PRIME
    trace[d, row] = (int(trace[d, row]) + 1) % PRIME
    assert broken("field", trace) == {f"zero {lane}.{part}"}


#: First columns of the fold table.
BETA_AT, INVERSE_AT, BIT_AT, RATIO_AT = 24, 27, 28, 31
SQUARE_AT, FOURTH_AT_FOLD, PICKED_AT, FOLDED_AT = 34, 37, 40, 43
FOLD_RULES = ("ratio", "square of the ratio", "fourth power of the ratio", "picked", "folded")


def ext_multiply(a: list[int], b: list[int]) -> list[int]:
    """Multiply modulo x^3 = x + 1."""
    c = [sum(a[i] * b[k - i] for i in range(3) if 0 <= k - i < 3) for k in range(5)]
    return [(c[0] + c[3]) % PRIME, (c[1] + c[3] + c[4]) % PRIME, (c[2] + c[4]) % PRIME]


def fold_row(column: list[int], override: dict[tuple[str, int], int]) -> list[int]:
    """A row of the fold table from its inputs, by the definition, with single cells replaced as they are computed."""

    def laid(name: str, value: list[int]) -> list[int]:
        return [override.get((name, i), part) for i, part in enumerate(value)]

    values = [column[3 * i : 3 * i + 3] for i in range(8)]
    beta, inverse, bits = column[BETA_AT:INVERSE_AT], column[INVERSE_AT], column[BIT_AT:RATIO_AT]
    for position, bit in enumerate(bits):
        inverse = inverse * pow(root_of_unity(position + 1), bit, PRIME) % PRIME
    ratio = laid("ratio", [part * inverse % PRIME for part in beta])
    square = laid("square of the ratio", ext_multiply(ratio, ratio))
    fourth = laid("fourth power of the ratio", ext_multiply(square, square))
    picked = laid("picked", values[sum(bit << j for j, bit in enumerate(bits))])
    for log_pairs, power in ((2, ratio), (1, square), (0, fourth)):
        root = pow(root_of_unity(log_pairs + 1), -1, PRIME)
        folded = []
        for pair in range(1 << log_pairs):
            a, b = values[2 * pair], values[2 * pair + 1]
            twist = pow(root, int(f"{pair:0{log_pairs}b}"[::-1], 2) if log_pairs else 0, PRIME)
            slope = ext_multiply([x - y for x, y in zip(a, b, strict=True)], power)
            half = pow(2, -1, PRIME)
            folded.append([(x + y + twist * z) * half % PRIME for x, y, z in zip(a, b, slope, strict=True)])
        values = folded
    return [*column[:RATIO_AT], *ratio, *square, *fourth, *picked, *laid("folded", values[0])]


def test_the_forger_folds_as_the_prover_does() -> None:
    trace = honest()["fold"]
    used = np.flatnonzero(fixed("fold", "used"))
    assert used.size and trace.shape[0] == FOLD_COLUMNS
    for row in used[:20]:
        column = [int(x) for x in trace[:, row]]
        assert fold_row(column, {}) == column


@pytest.mark.parametrize("part", range(3))
@pytest.mark.parametrize("rule", FOLD_RULES)
def test_every_rule_of_the_fold_table_is_needed(rule: str, part: int) -> None:
    trace = honest()["fold"].copy()
    row = row_with("fold", "used")
    column = [int(x) for x in trace[:, row]]
    at = {"ratio": RATIO_AT, "square of the ratio": SQUARE_AT, "fourth power of the ratio": FOURTH_AT_FOLD,
          "picked": PICKED_AT, "folded": FOLDED_AT}[rule]  # fmt: skip
    trace[:, row] = fold_row(column, {(rule, part): (column[at + part] + 1) % PRIME})
    assert broken("fold", trace) == {f"{rule} {part}"}


def test_every_rule_of_the_fold_table_has_a_case() -> None:
    rules = {constraint.name for constraint in compiled().circuit.table("fold").constraints}
    assert rules == {f"{rule} {part}" for rule in FOLD_RULES for part in range(3)}


def lay_bits(trace: Words, value: int, element: int) -> None:
    digits = np.array([value >> (BITS - 1 - i) & 1 for i in range(BITS)], dtype=np.uint64)
    trace[0, :BITS] = digits
    trace[1, :BITS] = [(value >> (BITS - 1 - i)) % PRIME for i in range(BITS)]
    ones = np.cumprod(digits)
    ones[BITS // 2 :] = ones[BITS // 2 - 1]
    trace[2, :BITS], trace[3, :BITS] = ones, element


def other_number(trace: Words) -> None:
    """The number after the first bit is one too great, and doubled from there on."""
    for i in range(1, BITS):
        trace[1, i] = (2 * int(trace[1, i - 1]) + int(trace[0, i]) + (i == 1)) % PRIME
    trace[3, :BITS] = trace[1, BITS - 1]


def other_start(trace: Words) -> None:
    trace[1, 0] += np.uint64(1)
    for i in range(1, BITS):
        trace[1, i] = (2 * int(trace[1, i - 1]) + int(trace[0, i])) % PRIME
    trace[3, :BITS] = trace[1, BITS - 1]


def not_a_bit(trace: Words) -> None:
    trace[0, BITS - 1] += np.uint64(2)
    trace[1, BITS - 1] += np.uint64(2)
    trace[3, :BITS] = trace[1, BITS - 1]


def wandering_element(trace: Words) -> None:
    trace[3, :32] += np.uint64(1)


def other_element(trace: Words) -> None:
    trace[3, :BITS] += np.uint64(1)


def ones_from_the_start(trace: Words) -> None:
    """The top bit is 1 and called 0, so that nothing after it counts as all ones."""
    trace[2, :BITS] = 0


def ones_in_the_upper_half(trace: Words) -> None:
    trace[2, 1:BITS] = 0


def ones_in_the_lower_half(trace: Words) -> None:
    trace[2, 32:BITS] = 0


@pytest.mark.parametrize(
    ("value", "change", "rule"),
    [
        (5, not_a_bit, "bit is boolean"),
        (5, other_start, "the number begins with the highest bit"),
        (5, other_number, "number"),
        (5, wandering_element, "the element is the same on all rows"),
        (5, other_element, "the number is the element"),
        (2**63, ones_from_the_start, "ones begin with the highest bit"),
        (3 * 2**62, ones_in_the_upper_half, "ones, upper half"),
        (2**64 - 2**32, ones_in_the_lower_half, "ones, lower half"),
    ],
)
def test_every_rule_of_the_decomposition_is_needed(value: int, change: Callable[[Words], None], rule: str) -> None:
    trace = honest()["bits"].copy()
    lay_bits(trace, value, value)
    assert broken("bits", trace) == set()
    change(trace)
    assert broken("bits", trace) == {rule}


def test_the_public_input_is_tied_to_its_wires() -> None:
    trace = honest()["given"].copy()
    trace[0, 0] ^= np.uint64(1)
    assert broken("given", trace) == {"the public input, or nothing beside the constant"}
