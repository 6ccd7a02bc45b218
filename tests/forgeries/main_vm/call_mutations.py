"""Changes that exactly one rule of the table of calls, or of compressions, notices (`bench`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from proving.machine.main_vm.buses import Operation
from proving.machine.main_vm.call import ROWS
from proving.stark.air.fuzzer import Mutation
from tests.forgeries.main_vm.bench import BENCH, Case, Values, constraint, inverse, lookup
from tests.forgeries.main_vm.faults import poseidon2_rows


def accesses_of_no_call() -> Iterator[Case]:
    """Minus one of a type of request and one of another, which reads more or fewer words: accesses, and no step.

    Where the sum is minus one, a word that is zero becomes what was there before it, whatever that is said to be.
    """
    first = BENCH.padding("call") // ROWS * ROWS
    for name, other in (("arith256", "sha256"), ("sha256", "blake2s"), ("blake2s", "sha256")):
        rows = {first + i: {name: -1, other: 1} for i in range(ROWS)}
        yield constraint("call", f"{name} is boolean", BENCH.changes("call", rows))


def compression_that_is_a_store() -> Iterator[Case]:
    """A compression of zeros and a request of numbers less one of Keccak-f: their operations make that of a store.

    It writes the output in place of the zeros that the store's register points to, and no answer lacks what was asked.
    """
    table = "call"
    first = BENCH.find(table, lambda r: r["keccak_f"] == 1)
    kept = {name: BENCH.row(table, first)[name] for name in ("clk", "pointer")}
    store = BENCH.row(
        "decode", BENCH.find("decode", lambda r: (r["operation"], r["rs2"], r["imm"]) == (Operation.SW, 0, 0))
    )
    digest = [poseidon2_rows([0] * 16)[0][f"output[{i}]"] for i in range(4)]
    lanes = [0] * 16
    rows: dict[int, Values] = {}
    for i in range(ROWS):
        row = dict.fromkeys(BENCH.row(table, first), 0) | {"compression": 1, "arith256": 1, "keccak_f": -1, **kept}
        lanes = [*lanes[1:], 0]
        if i == 0:
            row |= {
                "lane[0]": store["pc"],
                "lane[1]": store["rs1"],
                "word[0]": kept["pointer"],
                "old[0]": kept["pointer"],
            }
        elif i == 1:
            row |= dict.fromkeys(("word[0]", "old[0]"), kept["pointer"] // 32)
            row["upper[0]"] = row["word[0]"] >> 16
        elif i == 20:
            lanes[11:15] = digest
        elif 22 <= i < 26:
            words = [lanes[9] & 0xFFFFFFFF, lanes[9] >> 32]
            lanes[15] = inverse(words[1] - (2**32 - 1)) if words[0] else 0
            for j, word in enumerate(words):
                row |= {f"word[{j}]": word, f"old[{j}]": word, f"upper[{j}]": word >> 16}
        if i in (20, 21, 26, 27, 28):
            row |= dict.fromkeys(("previous[0]", "previous[1]"), 4 * kept["clk"] - 1)
        rows[first + i] = row | ({f"lane[{j}]": lane for j, lane in enumerate(lanes)} if i else {})
    yield constraint(table, "keccak_f is boolean", BENCH.changes(table, rows))


def calls() -> Iterator[Case]:
    """Calls of other buffers than their registers say; other elements or outputs than their words; a pair above p."""
    table = "call"
    compression, request = (
        BENCH.find(table, lambda r, kind=kind: r[kind] == 1)  # type: ignore[misc]
        for kind in ("compression", "arith256")
    )

    def words(row: int, place: int, by: int, **others: int) -> dict[str, int]:
        """A word that is read, changed, in memory too."""
        old = BENCH.row(table, row)
        names = (f"word[{place}]", f"old[{place}]")
        return {name: old[name] + by for name in names} | {name: old[name] + more for name, more in others.items()}

    def changed(call: int, row: int, place: int, by: int) -> Mutation:
        return BENCH.change(table, call + row, words(call + row, place, by))

    yield constraint(table, "the first register points to the first buffer", changed(request, 0, 0, 128))
    yield constraint(table, "x11 points to the other numbers", changed(request, 0, 1, 128))
    yield constraint(table, "the first pointer is aligned", changed(request, 1, 0, 1))
    yield constraint(table, "the other pointer is aligned", changed(request, 1, 1, 1))
    numbers = BENCH.row(table, compression)["numbers"]
    elsewhere = {compression + i: {"numbers": numbers + 128} for i in range(32)}
    elsewhere[compression + 1] |= words(compression + 1, 1, 1)
    yield constraint(table, "the other numbers follow the first", BENCH.changes(table, elsewhere))
    numbers = BENCH.row(table, request)["numbers"]
    above = {request + i: {"numbers": numbers + 2**32} for i in range(32)}
    above[request] |= words(request, 1, 2**32)
    above[request + 1] |= words(request + 1, 1, 2**25, **{"upper[1]": 2**9})
    yield lookup(table, "second word: high half", BENCH.changes(table, above))
    pointer = BENCH.row(table, request)["pointer"]
    above = {request + i: {"pointer": pointer + 2**32} for i in range(32)}
    above[request] |= words(request, 0, 2**32)
    above[request + 1] |= words(request + 1, 0, 2**27, **{"upper[0]": 2**11})
    yield lookup(table, "first word: high half", BENCH.changes(table, above))
    for place, name in enumerate(("first word: low half", "second word: low half")):
        row = next(i for i in range(compression + 22, compression + 26) if BENCH.row(table, i)[f"upper[{place}]"] > 0)
        upper = BENCH.row(table, row)[f"upper[{place}]"]
        yield lookup(table, name, BENCH.change(table, row, {f"upper[{place}]": upper - 1}))

    answer = BENCH.find(table, lambda r: r["answering"] == 1)
    later = BENCH.row(table, answer)["clk"] + 1
    elsewhere = {answer + i: {"clk": later} for i in range(32)}
    yield constraint(table, "clk is the same for the answer", BENCH.changes(table, elsewhere))
    pointer = BENCH.row(table, answer)["pointer"] + 256
    elsewhere = {answer + i: {"pointer": pointer, "numbers": pointer + 32} for i in range(32)}
    elsewhere[answer + 1] |= words(answer + 1, 0, 8) | words(answer + 1, 1, 1)
    yield constraint(table, "pointer is the same for the answer", BENCH.changes(table, elsewhere))
    # Padding in its place, in whose cells the time and the pointer may be what they like.
    old = BENCH.row(table, answer)
    padded = {answer + i: dict.fromkeys(old, 0) for i in range(32)}
    padded[answer] |= {name: old[name] for name in ("clk", "pointer")}
    yield constraint(table, "an answer stands behind what is asked", BENCH.changes(table, padded))
    behind = BENCH.row(table, request + 31)["lane[11]"] + 1
    yield lookup(table, "compression", BENCH.change(table, request + 31, {"lane[11]": behind}))
    same = {"word[0]": 0, "old[0]": 0}
    yield constraint(table, "an answer follows at the same time", BENCH.change(table, answer + 3, same))

    yield constraint(table, "a compression's element", changed(compression, 6, 0, 1))
    for row, place, name in ((4, 0, "first"), (5, 0, "second"), (5, 1, "third"), (6, 1, "fourth")):
        of = "first element of a group" if name == "first" else f"{name} element"
        yield constraint(table, of, changed(request, row, place, 1))
    for place in range(2):
        yield constraint(table, f"there is no word[{place}]", changed(compression, 20, place, 1))
    for i in range(15):
        lane = BENCH.row(table, compression + 31)[f"lane[{i}]"]
        yield constraint(table, f"lane[{i}] moves up", BENCH.change(table, compression + 31, {f"lane[{i}]": lane + 1}))
    output = {"word[0]": BENCH.row(table, compression + 22)["word[0]"] ^ 1}
    yield constraint(table, "the output is written", BENCH.change(table, compression + 22, output))
    # The pair of words of lane + p, for a lane that is small.
    kept = BENCH.find(table, lambda r: r["compression"] == 1 and 0 < r["word[0]"] == r["lane[15]"] < 100)
    pair = words(kept, 0, 1) | {"word[1]": 2**32 - 1, "old[1]": 2**32 - 1}
    yield constraint(table, "the element is canonical", BENCH.change(table, kept, pair))


def compressions() -> Iterator[Case]:
    """A compression with one wrong step, and everything after it consistent with that."""
    table = "poseidon2"
    honest = poseidon2_rows([0] * 16)
    first = BENCH.find(table, lambda r: all(r[f"state[{i}]"] == 0 for i in range(16)))
    for lane in range(16):
        for kind, row in (("cube", lane % 8), ("next state", lane % 7)):
            rows = poseidon2_rows([0] * 16, fault=(kind, row, lane))
            yield constraint(table, f"{kind} {lane}", _rows(first, honest, rows))
    for k in range(11):
        for kind, name in (("inner", f"internal round {k}"), ("inner cube", f"internal round {k}: cube")):
            rows = poseidon2_rows([0] * 16, fault=(kind, 3 + k % 2, k))
            yield constraint(table, name, _rows(first, honest, rows))
    for lane in range(4):
        rows = poseidon2_rows([0] * 16, fault=("output", 7, lane))
        yield constraint(table, f"output {lane}", _rows(first, honest, rows))


def _rows(first: int, honest: Sequence[Values], forged: Sequence[Values]) -> Mutation:
    assert all(BENCH.row("poseidon2", first + i)[name] == honest[i][name] for i in range(8) for name in honest[i])
    return BENCH.changes("poseidon2", {first + i: row for i, row in enumerate(forged)})


CALLS = (accesses_of_no_call, compression_that_is_a_store, calls, compressions)
