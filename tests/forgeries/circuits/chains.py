"""Chain tables that lie: complete traces of a circuit, consistent but for one rule of the chain."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from proving.backend import native_expansion
from proving.circuits.arith256 import ARITH256
from proving.circuits.gadgets.poseidon2 import INTERNAL, ROWS, WIDTH
from proving.circuits.requests import U64, absorb, blocks, empty_chain
from proving.hash import DIGEST
from proving.stark.air.fuzzer import Rule
from proving.stark.air.graph import P
from proving.stark.air.removal import Forgery
from tests.forgeries.main_vm.faults import Fault, poseidon2_rows
from tests.proving.circuits.numbers import inputs, requests

NAMES = ARITH256.circuit.table("chain").main_names
REAL, POSITION, DIGEST_AT = NAMES.index("real"), NAMES.index("position"), NAMES.index("digest[0]")
BLOCKS = ARITH256.layout.blocks
INPUTS = inputs(requests(9))
START = empty_chain(ARITH256.kind)
ABSORBED = blocks(INPUTS, ARITH256.answer(INPUTS))
DIGESTS = absorb(START, ABSORBED)
LAST = len(ABSORBED) - 1


def traces(digests: U64 = DIGESTS) -> tuple[dict[str, U64], U64]:
    """Traces of the requests and their public input, with the chain's digests as given."""
    found, _ = ARITH256.expand(START, INPUTS)
    found["chain"][:] = 0
    native_expansion.fill_chain(found["chain"], ABSORBED, digests)
    return found, np.concatenate([digests[0], digests[-1]])


def faulty(lanes: list[int], fault: Fault | None, change: tuple[int, int] = (0, 0)) -> tuple[dict[str, U64], U64]:
    """Traces whose last compression has the given input, a fault, and a digest behind it that is changed in a lane."""
    rows = poseidon2_rows(lanes, fault)
    digests = DIGESTS.copy()
    for i in range(DIGEST):
        behind = int(digests[LAST, i]) + rows[0][f"output[{i}]"] + (change[1] if i == change[0] else 0)
        digests[-1, i] = behind % P
    found, publics = traces(digests)
    for r, row in enumerate(rows):
        for column, name in enumerate(NAMES):
            if name in row:
                found["chain"][column, ROWS * LAST + r] = row[name]
    return found, publics


def permutations() -> Iterator[tuple[str, Fault]]:
    """A fault for every rule of the permutation."""
    for i in range(WIDTH):
        yield f"cube {i}", ("cube", 2, i)
        yield f"next state {i}", ("next state", 1, i)
    for k in range(INTERNAL):
        yield f"internal round {k}", ("inner", 3 + k % 2, k)
        yield f"internal round {k}: cube", ("inner cube", 4 - k % 2, k)


def counted_twice() -> tuple[dict[str, U64], U64]:
    """A request stands on the chain once and for twice: real = 2 and a second row that proves it."""
    digests = DIGESTS.copy()
    first = LAST - BLOCKS + 1
    for block in range(first, LAST + 1):
        lanes = np.concatenate([digests[block], ABSORBED[block]])
        output = [poseidon2_rows([int(x) for x in lanes])[0][f"output[{i}]"] for i in range(DIGEST)]
        digests[block + 1] = [(int(digests[block, i]) + 2 * output[i]) % P for i in range(DIGEST)]
    found, publics = traces(digests)
    found["chain"][REAL, ROWS * first : ROWS * (LAST + 1)] = 2
    again(found, len(INPUTS) - 1)
    return found, publics


def again(found: dict[str, U64], row: int) -> None:
    """Prove a row's request in the next row too, with its lookups."""
    table = found["arith256"]
    table[:, len(INPUTS)] = table[:, row]
    names = ARITH256.circuit.table("arith256").main_names
    for name, value in zip(names, table[:, row], strict=True):
        if name.startswith("carry_high"):
            found["range"][0, 2**6 + int(value)] += 1
        elif "[" in name and not name.startswith("over"):
            found["range"][1, int(value)] += 1


def forgeries() -> Iterator[tuple[Rule, Forgery]]:
    """Each with the only rule that it breaks."""
    honest = [int(x) for x in np.concatenate([DIGESTS[LAST], ABSORBED[LAST]])]

    def case(name: str, made: tuple[dict[str, U64], U64]) -> tuple[Rule, Forgery]:
        return Rule("chain", "constraint", name), Forgery(name, *made)

    for name, fault in permutations():
        yield case(name, faulty(honest, fault))
    for i in range(DIGEST):
        other = list(honest)
        other[i] = (other[i] + 1) % P
        yield case(f"lane {i} is the digest", faulty(other, None))
        yield case(f"digest {i} goes on", faulty(honest, None, (i, 1)))
        for side, place in (("start", i), ("end", DIGEST + i)):
            found, publics = traces()
            publics[place] ^= np.uint64(1)
            yield case(f"{side} digest {i} is public", (found, publics))

    yield case("real is boolean", counted_twice())

    digests = DIGESTS.copy()
    digests[-1] = digests[-2]
    found, publics = traces(digests)
    found["chain"][REAL, ROWS * (LAST + 1) - 1] = 0
    yield case("a compression is real or not", (found, publics))

    found, publics = traces()
    found["chain"][POSITION] += np.uint64(5)
    found["arith256"][1, : len(INPUTS)] += np.uint64(5)
    yield case("positions start at 0", (found, publics))

    found, publics = traces()
    found["chain"][POSITION, ROWS * BLOCKS :] -= np.uint64(BLOCKS)
    found["arith256"][1, 1 : len(INPUTS)] -= np.uint64(BLOCKS)
    yield case("positions follow each other", (found, publics))
