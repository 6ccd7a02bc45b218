"""A proof's bytes: parsed strictly, so that one proof has one form."""

from __future__ import annotations

from dataclasses import dataclass

from proving.snark.errors import SnarkLength, SnarkMark, SnarkNonCanonical, SnarkPoint
from proving.snark.layout import (
    MARKS,
    NEXT_VALUES,
    OPENING,
    OPENING_NEXT,
    POINTS,
    PROOF_BYTES,
    VALUES,
    WORD,
    split_words,
    text_word,
    words,
)
from proving.snark.points import BASE_MODULUS, SCALAR_MODULUS, Point, on_curve


@dataclass(frozen=True)
class SnarkProof:
    """A proof, parsed.

    Attributes
    ----------
    mark
        The setup's: ``production`` or ``insecure-test``.
    points
        Commitments and openings by name, none at infinity.
    values
        Values at the evaluation point by name.
    next_values
        Values at the row after it by name.
    """

    mark: str
    points: dict[str, Point]
    values: dict[str, int]
    next_values: dict[str, int]

    def to_bytes(self) -> bytes:
        """Return the proof's bytes."""
        return b"".join(
            (
                text_word(self.mark),
                *(words(*self.points[name]) for name in POINTS if name not in (OPENING, OPENING_NEXT)),
                *(words(self.values[name]) for name in VALUES),
                *(words(self.next_values[name]) for name in NEXT_VALUES),
                words(*self.points[OPENING], *self.points[OPENING_NEXT]),
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> SnarkProof:
        """Parse a proof.

        Raises
        ------
        SnarkRefused
            Another length, an unknown mark, a word that is not below its modulus, a point off the curve or at infinity.
        """
        if len(data) != PROOF_BYTES:
            raise SnarkLength(expected=PROOF_BYTES, got=len(data))
        marks = {text_word(mark): mark for mark in MARKS}
        if data[:WORD] not in marks:
            raise SnarkMark(expected=" or ".join(MARKS), got=data[:WORD].hex())
        read = iter(split_words(data[WORD:]))
        points = {name: _point(name, next(read), next(read)) for name in POINTS[:-2]}
        values = {name: _value(name, next(read)) for name in VALUES}
        next_values = {name: _value(f"{name}'", next(read)) for name in NEXT_VALUES}
        points |= {name: _point(name, next(read), next(read)) for name in POINTS[-2:]}
        return cls(marks[data[:WORD]], points, values, next_values)


def _point(name: str, x: int, y: int) -> Point:
    if x >= BASE_MODULUS or y >= BASE_MODULUS:
        raise SnarkNonCanonical(f"A coordinate of [{name}] is not below the base field's modulus.")
    if not on_curve((x, y)):
        raise SnarkPoint(f"[{name}] is not on the curve, or at infinity.")
    return x, y


def _value(name: str, word: int) -> int:
    if word >= SCALAR_MODULUS:
        raise SnarkNonCanonical(f"The value of {name} is not below the scalar field's modulus.")
    return word
