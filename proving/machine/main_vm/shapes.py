"""The shapes of `main_vm`: the heights that the tables of a segment may have together.

Each shape costs a leaf circuit and its key, so there are few. They follow the measured mixes of programs; a segment of
any other mix takes the smallest shape that holds it. The cutter ends a segment before the first instruction with which
no shape would hold it, expansion fills a shape up, and whoever verifies refuses heights that are not listed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runtime.errors import InvalidInput, VerificationError

#: Size classes that a run can be cut for: log2 of the rows of a segment's tallest table.
MIN_SIZE_CLASS, MAX_SIZE_CLASS = 12, 20
#: log2 of the heights that do not depend on the segment.
FIXED: Mapping[str, int] = {"boundary": 6, "range": 16, "byte_and": 16, "constant": 10}
#: The tables in the circuit's order.
_ORDER = (
    *("add_immediate", "add", "control", "bitwise", "mul_div", "memory_word", "memory_sub", "call", "idle"),
    *("decode", "page", "boundary", "poseidon2", "range", "byte_and", "constant"),
)
#: Tables whose height depends on the segment.
TABLES = tuple(name for name in _ORDER if name not in FIXED)

#: log2 of the heights of `TABLES`: add_immediate, add, control, bitwise, mul_div, memory_word, memory_sub, call, idle,
#: decode, page, poseidon2. The shape that takes the least memory comes first.
_LISTED = (
    (7, 7, 6, 6, 6, 6, 6, 6, 7, 9, 8, 10),
    (12, 12, 10, 12, 10, 12, 10, 11, 9, 11, 10, 12),
    (14, 14, 12, 14, 12, 14, 12, 12, 11, 12, 11, 14),
    (16, 16, 14, 15, 14, 16, 13, 14, 12, 13, 11, 14),
    (17, 17, 14, 17, 12, 17, 15, 13, 13, 12, 12, 15),
    (17, 18, 10, 11, 16, 17, 10, 8, 12, 9, 9, 11),
    (17, 18, 10, 16, 16, 14, 10, 8, 12, 9, 9, 11),
    (14, 15, 13, 14, 13, 14, 12, 10, 10, 10, 15, 18),
    (16, 18, 10, 10, 8, 10, 16, 8, 13, 9, 14, 17),
    (15, 14, 10, 18, 8, 18, 12, 8, 13, 11, 10, 12),
    (17, 18, 12, 17, 10, 17, 10, 8, 15, 9, 13, 16),
    (18, 17, 10, 10, 8, 17, 10, 8, 13, 9, 15, 18),
    (18, 17, 10, 10, 8, 18, 10, 17, 13, 10, 15, 17),
    (17, 17, 14, 16, 12, 18, 13, 17, 13, 12, 12, 17),
    (18, 18, 16, 16, 16, 17, 17, 8, 14, 10, 10, 12),
    (19, 19, 16, 18, 14, 20, 15, 19, 16, 13, 14, 19),
)
#: log2 of the height of every table by name, in the circuit's order, shape by shape.
SHAPES: tuple[Mapping[str, int], ...] = tuple(
    {name: {**dict(zip(TABLES, heights, strict=True)), **FIXED}[name] for name in _ORDER} for heights in _LISTED
)
_NUMBERS = {tuple(shape.values()): number for number, shape in enumerate(SHAPES)}


class NoShape(InvalidInput):
    """No listed shape holds the segment."""

    code = "no_shape"
    default_remedy = "Cut the run with the cutter of this version: its segments have one."


class UnlistedShape(VerificationError):
    """The proof's tables have heights that segments do not have."""

    code = "unlisted_shape"
    default_remedy = "Cut and prove the run again: the proof may have been made by another version."


def smallest(rows: Mapping[str, int]) -> int:
    """The number of the first shape that holds a segment.

    Parameters
    ----------
    rows
        Rows that hold something, by table of `TABLES`.

    Raises
    ------
    NoShape
    """
    for number, shape in enumerate(SHAPES):
        if all(rows[table] <= 1 << shape[table] for table in TABLES):
            return number
    raise NoShape(f"No shape of main_vm holds a segment with these rows: {dict(rows)}.")


def number(log_heights: Sequence[int]) -> int:
    """The number of the shape with these log2 heights, in the circuit's order.

    Raises
    ------
    UnlistedShape
    """
    found = _NUMBERS.get(tuple(log_heights))
    if found is None:
        raise UnlistedShape(f"No shape of main_vm has the log heights {tuple(log_heights)}.")
    return found


def within(size_class: int) -> tuple[int, ...]:
    """The numbers of the shapes that a segment of a size class may have: those without a taller table.

    The tables of fixed height do not count.

    Raises
    ------
    ValueError
        The size class is outside `MIN_SIZE_CLASS` to `MAX_SIZE_CLASS`.
    """
    if not MIN_SIZE_CLASS <= size_class <= MAX_SIZE_CLASS:
        raise ValueError(f"size class {size_class} is outside {MIN_SIZE_CLASS} to {MAX_SIZE_CLASS}")
    return tuple(i for i, shape in enumerate(SHAPES) if max(shape[table] for table in TABLES) <= size_class)
