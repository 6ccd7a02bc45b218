"""The device without a device: the kernels as C++, their threads run by ``emulation.cpp`` in random order.

It is slow, and exact: the same kernels, launched by the same backend, give the same bytes as on a GPU. Memory is the
host's, in pieces of exactly the size asked for, so that the address sanitizer sees every access outside of one.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from cuda import sources
from cuda.device import SHARED, WORD
from cuda.errors import DeviceOutOfMemory, KernelBuildError, LaunchRefused

T = TypeVar("T")

OPTIONS = ("-std=c++20", "-O1", "-g1", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra", "-Wno-unknown-pragmas")
#: For long straight-line kernels, which take minutes to optimise and are run on few rows.
QUICK_OPTIONS = ("-O0", "-DEMULATION_CALLS")
SANITIZER_OPTIONS = ("-O1", "-fsanitize=address", "-fno-omit-frame-pointer")

#: What an emulated device says it has; a budget may lower it.
MEMORY = 8 << 30
MAX_THREADS = 1024

_ERROR_BYTES = 512


def build(units: Sequence[Path] | None = None, *, sanitize: bool = False, quick: bool = False) -> Path:
    """Compile kernels for the host where that was not done yet, and return the library.

    Parameters
    ----------
    units
        The files to compile; all of this folder's by default.
    sanitize
        Whether the library reports accesses outside of allocations; the process must have loaded libasan first.
    quick
        Whether it is to be compiled quickly, not to run quickly.

    Raises
    ------
    KernelBuildError
        The compiler refused.
    """
    options = (*OPTIONS, *(QUICK_OPTIONS if quick else ()), *(SANITIZER_OPTIONS if sanitize else ()))
    compiled = [*(sources.units() if units is None else units), sources.FOLDER / "emulation.cpp"]
    own = (sources.FOLDER / "emulation.hpp", *compiled)
    name = f"libemulated-{'address-' if sanitize else ''}{sources.digest(own, options)}.so"
    library = sources.BUILD / "emulated" / name
    if library.exists():
        return library
    with sources.locked(library.parent):
        if not library.exists():
            _compile(library, compiled, options)
    return library


def _compile(library: Path, units: Sequence[Path], options: Sequence[str]) -> None:
    compiler = os.environ.get("CXX", "g++")
    temporary = library.with_suffix(".part")
    header = str(sources.FOLDER / "emulation.hpp")
    objects: list[Path] = []
    running: list[tuple[Path, subprocess.Popen[str]]] = []
    for unit in units:
        target = library.parent / f"{library.stem}-{unit.stem}.o"
        objects.append(target)
        command = [compiler, *options, *sources.INCLUDES, "-include", header, "-x", "c++", "-c", str(unit)]
        running.append(
            (unit, subprocess.Popen([*command, "-o", str(target)], stderr=subprocess.PIPE, stdout=None, text=True))
        )
    try:
        for unit, process in running:
            _, message = process.communicate()
            if process.returncode:
                raise KernelBuildError(f"{compiler} refused {unit.name} for the emulation: {message.strip()}")
        link = [compiler, *options, "-shared", "-o", str(temporary), *map(str, objects)]
        linked = subprocess.run(link, capture_output=True, text=True, check=False)
        if linked.returncode:
            raise KernelBuildError(f"{compiler} could not link the emulation: {linked.stderr.strip()}")
        temporary.rename(library)
    finally:
        for _, process in running:
            if process.poll() is None:
                # Not killed, so that the compiler removes what it keeps in the folder of temporary files.
                process.terminate()
                process.wait()
        for target in objects:
            target.unlink(missing_ok=True)


class EmulatedDevice:
    """Runs kernels on the host.

    Parameters
    ----------
    seed
        Of the order of threads and blocks.
    sanitize
        Whether the library with the address sanitizer is used; what HALLMARK_EMULATION=address says by default.
    units
        The files with the kernels; all of this folder's by default.
    quick
        Whether they are to be compiled quickly, not to run quickly.
    """

    name = "emulated"
    memory = MEMORY
    granularity = WORD
    grinding_wave = 512

    def __init__(
        self,
        seed: int = 1,
        *,
        sanitize: bool | None = None,
        units: Sequence[Path] | None = None,
        quick: bool = False,
    ) -> None:
        if sanitize is None:
            sanitize = os.environ.get("HALLMARK_EMULATION") == "address"
        self._library = ctypes.CDLL(str(build(units, sanitize=sanitize, quick=quick)))
        self._library.emulation_allocate.restype = ctypes.c_void_p
        self._library.emulation_allocate.argtypes = [ctypes.c_uint64]
        self._library.emulation_free.restype = None
        self._library.emulation_free.argtypes = [ctypes.c_void_p]
        self._library.emulation_seed.restype = None
        self._library.emulation_seed.argtypes = [ctypes.c_uint64]
        self._library.emulation_skip_barrier.restype = None
        self._library.emulation_skip_barrier.argtypes = [ctypes.c_char_p, ctypes.c_int]
        self._parameters = {
            name: count for unit in units or sources.units() for name, count in sources.kernels(unit).items()
        }
        self.kernels = frozenset(self._parameters)
        #: Launches by kernel, for tests.
        self.launches: dict[str, int] = {}
        self.seed(seed)

    def seed(self, seed: int) -> None:
        """Choose another order of threads and blocks, for all emulated devices of the process."""
        self._library.emulation_seed(seed)

    def skip_barrier(self, place: tuple[str, int] | None) -> None:
        """Make the barrier on a line of a file do nothing, for all emulated devices; None lets every one work."""
        file, line = place or ("", 0)
        self._library.emulation_skip_barrier(file.encode(), line)

    def allocate(self, size: int) -> int:
        """Return new memory; see the interface."""
        pointer = self._library.emulation_allocate(size)
        if not pointer:
            raise DeviceOutOfMemory(f"The host has no {size} bytes for the emulated device.", requested=size)
        return int(pointer)

    def free(self, pointer: int) -> None:
        """Give memory back."""
        self._library.emulation_free(pointer)

    def mark(self) -> None:
        """Return nothing: launches are over when they return."""

    def copy_in(self, pointer: int, host: npt.NDArray[np.uint64], after: object) -> None:
        """Copy to the device."""
        ctypes.memmove(pointer, host.ctypes.data, host.nbytes)

    def copy_out(self, host: npt.NDArray[np.uint64], pointer: int) -> None:
        """Copy from the device."""
        ctypes.memmove(host.ctypes.data, pointer, host.nbytes)

    def launch(self, kernel: str, grid: tuple[int, int], block: int, arguments: Sequence[int], shared: int = 0) -> None:
        """Run a kernel; see the interface. A launch that no device would take is refused here too."""
        expected = self._parameters.get(kernel)
        if expected != len(arguments):
            raise LaunchRefused(f"{kernel} takes {expected} parameters, {len(arguments)} were given")
        x, y = grid
        if not (0 < x < 1 << 31 and 0 < y < 1 << 16 and 0 < block <= MAX_THREADS and 0 <= shared <= SHARED):
            raise LaunchRefused(f"{kernel} cannot run as {x} x {y} blocks of {block} threads with {shared} bytes")
        self.launches[kernel] = self.launches.get(kernel, 0) + 1
        entry = ctypes.cast(getattr(self._library, kernel), ctypes.c_void_p)
        words = (ctypes.c_uint64 * len(arguments))(*arguments)
        error = ctypes.create_string_buffer(_ERROR_BYTES)
        failed = self._library.emulation_launch(
            entry,
            (ctypes.c_uint64 * 2)(x, y),
            (ctypes.c_uint64 * 2)(block, 1),
            ctypes.c_uint64(shared),
            words,
            ctypes.c_uint64(len(arguments)),
            error,
            ctypes.c_uint64(_ERROR_BYTES),
        )
        if failed:
            raise LaunchRefused(f"{kernel}: {error.value.decode()}")

    def synchronize(self) -> None:
        """Nothing is under way."""

    def together(self, work: Callable[[], T]) -> T:
        """Run the work here."""
        return work()

    def close(self) -> None:
        """Nothing is held."""
