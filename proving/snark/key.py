"""What a verifier holds of a circuit: 1,344 bytes and their digest."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from eth_hash.auto import keccak

from proving.snark.errors import InsecureSetup, SnarkKeyRefused
from proving.snark.layout import (
    KEY_BYTES,
    MARKS,
    PREPROCESSED,
    PRODUCTION,
    TAG,
    WORD,
    split_words,
    text_word,
    words,
)
from proving.snark.points import INFINITY, TWO_ADICITY, Point, Point2, in_group_2, on_curve
from proving.snark.setup import pinned


@dataclass(frozen=True)
class SnarkKey:
    """A circuit's verifying key.

    Attributes
    ----------
    mark
        The setup's: ``production``, which `setup_point` must bear out, or ``insecure-test``.
    rows
        Length of the trace, a power of two.
    public_inputs
        How many public inputs the circuit has.
    commitments
        Commitments to the preprocessed columns by name; a column of zeros has the point at infinity.
    setup_point
        The setup's secret times the generator of G2.
    """

    mark: str
    rows: int
    public_inputs: int
    commitments: dict[str, Point]
    setup_point: Point2

    def __post_init__(self) -> None:
        if self.mark not in MARKS:
            raise SnarkKeyRefused(f"The key's mark is {self.mark!r}.")
        if self.rows.bit_count() != 1 or self.rows > 1 << TWO_ADICITY or not 1 <= self.public_inputs <= self.rows:
            raise SnarkKeyRefused(f"The key claims {self.rows} rows and {self.public_inputs} public inputs.")
        for name in PREPROCESSED:
            if self.commitments[name] != INFINITY and not on_curve(self.commitments[name]):
                raise SnarkKeyRefused(f"[{name}] of the key is not on the curve.")
        if not in_group_2(self.setup_point):
            raise SnarkKeyRefused("The key's point of G2 is not of the group's order.")
        if self.mark == PRODUCTION and self.setup_point != pinned.SETUP_POINT:
            raise SnarkKeyRefused(f"The key is marked {PRODUCTION}, but its setup is not that of the pinned ceremony.")

    def to_bytes(self) -> bytes:
        """Return the key's bytes."""
        return b"".join(
            (
                text_word(TAG),
                text_word(self.mark),
                words(self.rows, self.public_inputs),
                *(words(*self.commitments[name]) for name in PREPROCESSED),
                words(*self.setup_point),
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> SnarkKey:
        """Parse a key.

        Raises
        ------
        SnarkKeyRefused
            The bytes are no key, a point is not in its group, or the mark is not the setup's.
        """
        if len(data) != KEY_BYTES or data[:WORD] != text_word(TAG):
            raise SnarkKeyRefused(f"These {len(data)} bytes are no key of {TAG}.")
        mark = {text_word(mark): mark for mark in MARKS}.get(data[WORD : 2 * WORD], "")
        rows, publics, *rest = split_words(data[2 * WORD :])
        commitments = {name: (rest[2 * i], rest[2 * i + 1]) for i, name in enumerate(PREPROCESSED)}
        x_imaginary, x_real, y_imaginary, y_real = rest[-4:]
        return cls(mark, rows, publics, commitments, (x_imaginary, x_real, y_imaginary, y_real))

    @functools.cached_property
    def digest(self) -> bytes:
        """Keccak-256 of the key's bytes: it opens every transcript."""
        return bytes(keccak(self.to_bytes()))

    def require_production(self) -> None:
        """Refuse a key of an insecure test setup.

        Raises
        ------
        InsecureSetup
            The key is marked ``insecure-test``.
        """
        if self.mark != PRODUCTION:
            raise InsecureSetup(mark=self.mark)
