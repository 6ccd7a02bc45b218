"""Hints for the state-transition program: values that are cheaper to check than to compute.

The program makes them itself: asked to (word 21 of the header), a run without hints leaves behind the hint section that
fits its input. With hints the same output takes a third of the cycles (docs/state_transition.md, section 6).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from core.formats.witness_input import MAX_BYTES, WitnessInputError, decode
from proving.machine.executor import DEFAULT_CYCLE_LIMIT, DEFAULT_MEMORY_LIMIT, advice_of_input, loaded
from proving.machine.program import Program

#: Where the program leaves the number of hint words, then the words.
HINTS_ADDRESS: Final = 0x5000_0000

_SECTION_WORDS: Final = slice(80, 84)
_MAKE_HINTS: Final = slice(84, 88)

#: Witness inputs that are kept with their hints, and the largest that is, in bytes.
_KEPT, _KEPT_BYTES = 4, 4 << 20


def with_hints(program: Program, content: bytes, *, cycle_limit: int = DEFAULT_CYCLE_LIMIT) -> bytes:
    """Return a witness input without hints with the hint section added.

    Raises
    ------
    WitnessInputError
        The input is malformed, has hints already, or becomes too large with them.
    """
    with loaded(program, advice_of_input(asking(content)), DEFAULT_MEMORY_LIMIT) as machine:
        machine.run(cycle_limit)
        return joined(content, lambda start, size: machine.read(HINTS_ADDRESS + start, size))


def asking(content: bytes) -> bytes:
    """Return a witness input whose run makes the hints of this one.

    Raises
    ------
    WitnessInputError
        It is malformed or has hints already.
    """
    if decode(content).hints:
        raise WitnessInputError("The witness input has hints already.")
    changed = bytearray(content)
    changed[_MAKE_HINTS] = (1).to_bytes(4, "little")
    return bytes(changed)


def joined(content: bytes, read: Callable[[int, int], bytes]) -> bytes:
    """Return a witness input with the hints that such a run left.

    Parameters
    ----------
    read
        Returns bytes of what it left, by start and size.

    Raises
    ------
    WitnessInputError
        It becomes too large.
    """
    words = read(0, 4)
    section = read(4, 4 * int.from_bytes(words, "little"))
    if len(content) + len(section) > MAX_BYTES:
        raise WitnessInputError(f"The witness input has more than {MAX_BYTES} bytes with its hints.")
    return content[: _SECTION_WORDS.start] + words + content[_SECTION_WORDS.stop :] + section


class MadeHints:
    """Witness inputs whose hints a run made before they were asked for: the newest few, each given out once."""

    def __init__(self) -> None:
        self._made: dict[bytes, bytes] = {}
        self._lock = threading.Lock()

    def keep(self, content: bytes, hinted: bytes) -> None:
        """Keep a witness input with its hints, unless it is large, until it is asked for or others take its place."""
        with self._lock:
            if len(hinted) <= _KEPT_BYTES:
                self._made[content] = hinted
            while len(self._made) > _KEPT:
                del self._made[next(iter(self._made))]

    def take(self, content: bytes) -> bytes | None:
        """Return this witness input with its hints, or None."""
        with self._lock:
            return self._made.pop(content, None)
