"""The poseidon2 table's rows of one compression in Python, with a fault at one step if wanted."""

from __future__ import annotations

from proving.circuits.gadgets.poseidon2 import INTERNAL, ROWS, WIDTH, constants
from proving.stark.air.graph import P

#: Kind, row, lane or round.
Fault = tuple[str, int, int]


def external(x: list[int]) -> list[int]:
    """The external matrix."""
    circulant = (2, 3, 1, 1)
    mixed = [
        sum(circulant[(j - i) % 4] * x[group + j] for j in range(4)) % P
        for group in range(0, WIDTH, 4)
        for i in range(4)
    ]
    return [(mixed[i] + sum(mixed[i % 4 :: 4])) % P for i in range(WIDTH)]


def internal(x: list[int]) -> list[int]:
    """The internal matrix."""
    return [(lane * entry + sum(x)) % P for lane, entry in zip(x, constants().diagonal, strict=True)]


def poseidon2_rows(lanes: list[int], fault: Fault | None = None) -> list[dict[str, int]]:
    """Eight rows by column name, the count excepted.

    Parameters
    ----------
    fault : (kind, row, lane or round): one is added to that cell, and what follows uses the wrong value. Kinds: "cube",
        "next state" (of the following row), "inner", "inner cube", "output".
    """

    def wrong(kind: str, row: int, index: int) -> int:
        return int(fault == (kind, row, index))

    fixed = constants()
    state, rows = list(lanes), []
    for r in range(ROWS):
        row = {f"state[{i}]": lane for i, lane in enumerate(state)}
        row |= {f"{name}[{k}]": 0 for name in ("inner", "inner_cube") for k in range(INTERNAL)}
        entering = external(state)
        if r == 4:
            entering = state
            for k in range(INTERNAL):
                x = (entering[0] + fixed.internal[INTERNAL + k]) % P
                cube = (pow(x, 3, P) + wrong("inner cube", r, k)) % P
                out = (cube * cube * x + wrong("inner", r, k)) % P
                row |= {f"inner[{k}]": out, f"inner_cube[{k}]": cube}
                entering = internal([out, *entering[1:]])
        after = []
        for i in range(WIDTH):
            x = (entering[i] + fixed.external[r][i]) % P
            cube = (pow(x, 3, P) + wrong("cube", r, i)) % P
            row[f"cube[{i}]"] = cube
            after.append(cube * cube * x % P)
        if r == 3:
            after = external(after)
            for k in range(INTERNAL):
                x = (after[0] + fixed.internal[k] + wrong("inner", r, k)) % P
                cube = (pow(x, 3, P) + wrong("inner cube", r, k)) % P
                row |= {f"inner[{k}]": x, f"inner_cube[{k}]": cube}
                after = internal([cube * cube * x % P, *after[1:]])
        state = [(lane + wrong("next state", r, i)) % P for i, lane in enumerate(after)]
        rows.append(row)
    final = external(state)
    for row in rows:
        row |= {f"output[{i}]": (final[i] + wrong("output", 7, i)) % P for i in range(4)}
    return rows
