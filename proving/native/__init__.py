"""The native kernels: one shared library with a C interface, called with the GIL released.

Functions of ``src/multi`` exist once per instruction set, under ``<name>_<isa>``; those of ``src`` once. The
instruction set is the best of this CPU, or what ``HALLMARK_CPU`` names (``avx512``, ``avx2``, ``portable``).
For tests there are ``avx512-emulated`` and ``avx2-emulated``: the same vector kernels, compiled for any CPU.
``HALLMARK_THREADS`` sets the number of threads.
"""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from runtime import limits
from runtime.errors import HallmarkError

#: From the plainest to the fastest, in the order of ``hm_cpu_isa``.
ISAS = ("portable", "avx2", "avx512")

#: Where ``make -C proving/native`` puts the library.
LIBRARY = Path(__file__).parent / "build" / "libhallmark.so"

#: The kernels that ``make -C proving/native emulated`` compiles against emulated instructions, and whose they are.
EMULATED = {"avx2-emulated": "avx2", "avx512-emulated": "avx512"}

#: Where they are; what exists once stays in `LIBRARY`.
EMULATED_LIBRARY = LIBRARY.with_name("libhallmark-emulated.so")

POINTER = ctypes.c_void_p
SIZE = ctypes.c_size_t
UNSIGNED = ctypes.c_uint64
INT = ctypes.c_int

_forced: list[str] = []


class NativeLibraryError(HallmarkError):
    """The library of native kernels is missing or does not fit this machine."""

    code = "native_library"
    default_remedy = "Run `make -C proving/native` and check HALLMARK_CPU and HALLMARK_THREADS."


def library() -> ctypes.CDLL:
    """Load the shared library and start its thread pool's settings.

    Raises
    ------
    NativeLibraryError
        When the library was not built.
    """
    return _load(LIBRARY)


@functools.cache
def _load(path: Path) -> ctypes.CDLL:
    try:
        loaded = ctypes.CDLL(str(path))
    except OSError as error:
        raise NativeLibraryError(f"cannot load {path}: {error}") from error
    loaded.hm_set_threads.argtypes = [SIZE]
    loaded.hm_set_threads.restype = None
    loaded.hm_set_threads(threads())
    return loaded


@functools.cache
def threads() -> int:
    """Return the number of threads that the kernels use, the calling one included."""
    wanted = os.environ.get("HALLMARK_THREADS", "")
    if not wanted:
        return limits.cpus()
    if not wanted.isdecimal() or not 1 <= int(wanted) <= 1024:
        raise NativeLibraryError(f"HALLMARK_THREADS is {wanted!r}, expected a number from 1 to 1024")
    return int(wanted)


@functools.cache
def available_isas() -> tuple[str, ...]:
    """Return the instruction sets that this CPU can run, the fastest last."""
    return ISAS[: int(library().hm_cpu_isa()) + 1]


def runnable_isas() -> tuple[str, ...]:
    """Return what may be forced: the instruction sets of this CPU, and the emulated ones where they were built."""
    return available_isas() + (tuple(EMULATED) if EMULATED_LIBRARY.exists() else ())


@functools.cache
def _default_isa() -> str:
    wanted = os.environ.get("HALLMARK_CPU", "")
    if not wanted:
        return available_isas()[-1]
    if wanted not in runnable_isas():
        raise NativeLibraryError(f"HALLMARK_CPU is {wanted!r}, this CPU runs {', '.join(available_isas())}")
    return wanted


def isa() -> str:
    """Return the instruction set in use: ``avx512``, ``avx2``, ``portable`` or one that is emulated."""
    return _forced[-1] if _forced else _default_isa()


@contextmanager
def forced_isa(name: str) -> Iterator[None]:
    """Run the kernels of another instruction set, for tests and benchmarks; holds for the whole process."""
    if name not in runnable_isas():
        raise NativeLibraryError(f"cannot force {name!r}, this CPU runs {', '.join(available_isas())}")
    _forced.append(name)
    try:
        yield
    finally:
        _forced.pop()


class NativeFunction:
    """A C function, resolved for the instruction set in use when it is called."""

    def __init__(self, name: str, restype: Any, argtypes: Sequence[Any]) -> None:
        self.name = name
        self._restype = restype
        self._argtypes = list(argtypes)
        self._resolved: dict[str, Callable[..., Any]] = {}

    def _resolve(self, instruction_set: str) -> Callable[..., Any]:
        vectors = EMULATED.get(instruction_set)
        path = LIBRARY if vectors is None else EMULATED_LIBRARY
        for place, symbol in ((path, f"{self.name}_{vectors or instruction_set}"), (LIBRARY, self.name)):
            try:
                function = getattr(_load(place), symbol)
            except AttributeError:
                continue
            function.restype = self._restype
            function.argtypes = self._argtypes
            self._resolved[instruction_set] = function
            return function  # type: ignore[no-any-return]
        raise NativeLibraryError(f"{LIBRARY} has no function {self.name}; it was built from other sources")

    def _current(self) -> Callable[..., Any]:
        instruction_set = isa()
        return self._resolved.get(instruction_set) or self._resolve(instruction_set)

    def __call__(self, *arguments: Any) -> Any:
        """Call the function; the GIL is released while it runs."""
        return self._current()(*arguments)

    def address(self) -> int:
        """Return the function's address, for native code that calls it."""
        return ctypes.cast(cast(Any, self._current()), ctypes.c_void_p).value or 0


def function(name: str, restype: Any, argtypes: Sequence[Any]) -> NativeFunction:
    """Name a C function of the library; nothing is loaded before its first call.

    Parameters
    ----------
    name : str
        ``hm_...``, without the suffix of an instruction set.
    restype, argtypes
        ctypes types; arrays pass as ``POINTER`` with ``array.ctypes.data``.
    """
    return NativeFunction(name, restype, argtypes)
