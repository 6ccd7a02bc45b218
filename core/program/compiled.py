"""The state-transition program's own C code compiled for this machine: the same journal many times sooner.

For what core must know before there is anything to prove. Each thread has memory of its own for its runs.
"""

from __future__ import annotations

import ctypes
import functools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import ProgramFault

#: Where ``make -C core/program/native`` puts the library.
LIBRARY = Path(__file__).parent / "native" / "build" / "libstf.so"

_HALTED, _TRAPPED = 0, 1
_WORDS = ctypes.POINTER(ctypes.c_uint32)


@functools.cache
def _library() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(str(LIBRARY))
        library.stf_program.restype = ctypes.c_char_p
    except (OSError, AttributeError):  # not built, or by a version that does not say of what
        return None
    library.stf_run.restype = ctypes.c_int
    library.stf_run.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    return library


def is_compiled(sha256: str) -> bool:
    """Return whether the library was built, and from the sources of the program with this SHA-256 (hex)."""
    library = _library()
    return library is not None and library.stf_program() == sha256.encode()


class Ended:
    """A run that halted, to be read before the thread's next one.

    Attributes
    ----------
    output : bytes
        The public output, 32 bytes.
    """

    def __init__(self, output: bytes, journal: int, hints: int) -> None:
        self.output = output
        self._journal = journal
        self._hints = hints

    def journal(self, start: int, size: int) -> bytes:
        """Return bytes of the journal."""
        return ctypes.string_at(self._journal + start, size)

    def hints(self, start: int, size: int) -> bytes:
        """Return bytes of what the run left for hints: their number of words, then the words."""
        return ctypes.string_at(self._hints + start, size)


def run(advice: NDArray[np.uint32]) -> Ended:
    """Run on advice, ``(words,) uint32``; the GIL is released meanwhile.

    Raises
    ------
    ProgramFault
        What is a trap in the machine.
    MemoryError
    """
    library = _library()
    assert library is not None
    output = (ctypes.c_uint8 * 32)()
    journal, hints = ctypes.c_void_p(), ctypes.c_void_p()
    outcome = library.stf_run(advice.ctypes.data, len(advice), output, ctypes.byref(journal), ctypes.byref(hints))
    if outcome == _TRAPPED:
        raise ProgramFault("The state-transition program trapped, compiled for this machine.")
    if outcome != _HALTED:
        raise MemoryError("There is no address space for a run of the state-transition program.")
    return Ended(bytes(output), journal.value or 0, hints.value or 0)
