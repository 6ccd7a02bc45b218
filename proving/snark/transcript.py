"""The transcript: Keccak-256, as the EVM follows it (``docs/snark.md``, section 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eth_hash.auto import keccak

from proving.snark.layout import words
from proving.snark.points import SCALAR_MODULUS, Point


class Transcript:
    """States follow each other; every state gives the challenges of its round.

    Parameters
    ----------
    digest
        The key's.
    public_inputs
        All of them, in order.
    """

    def __init__(self, digest: bytes, public_inputs: Sequence[int]) -> None:
        self._state = bytes(keccak(digest + words(*public_inputs)))

    def _absorb(self, message: bytes) -> None:
        self._state = bytes(keccak(self._state + message))

    def absorb_points(self, points: Sequence[Point]) -> None:
        """Begin a round with commitments."""
        self._absorb(words(*(coordinate for point in points for coordinate in point)))

    def absorb_values(self, values: Sequence[int]) -> None:
        """Begin a round with values."""
        self._absorb(words(*values))

    def challenge(self, number: int = 0) -> int:
        """Return challenge `number` of this round."""
        return int.from_bytes(keccak(self._state + bytes([number])), "big") % SCALAR_MODULUS


@dataclass(frozen=True)
class Challenges:
    """What the transcript gave up to the evaluation point.

    Attributes
    ----------
    permutation, shift
        ``B`` and ``C`` of the permutation argument. Error: ``8n / r``, with that of `lookup`.
    lookup
        ``A`` of the lookup.
    constraint
        ``e``, which joins the constraints. Error: ``6 / r``.
    point
        ``Y``, where everything is opened. Error: ``6n / r``.
    """

    permutation: int
    shift: int
    lookup: int
    constraint: int = 0
    point: int = 0
