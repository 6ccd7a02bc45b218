"""A CUDA device through PyCUDA, which is imported here only, in the thread that owns the context.

Kernels run on one stream in the order of their launches. Copies to the device go through two pinned buffers on a
stream of their own: while one buffer is on its way the other one is filled, and kernels that were launched before run
on. A copy waits for the kernels that may still use its memory's last owner, and later kernels wait for the copy.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from cuda import build, programs
from cuda.context_thread import ContextThread
from cuda.device import WORD
from cuda.errors import DeviceError, DeviceLost, DeviceOutOfMemory, DriverTooOld, NoDevice
from proving.native import memory
from runtime.logging import get_logger

T = TypeVar("T")

#: Bytes of each pinned staging buffer: long enough to hide a copy's start, short enough to pin anywhere.
STAGING = 16 << 20
#: Events that stand for launches, used in turn: more than there are copies in flight.
MARKS = 64
#: The share of the free memory that a process takes when no budget says otherwise; the rest is the driver's.
SHARE = 0.9
#: Below this capability the kernels do not run.
OLDEST = (8, 0)
#: Allocations are rounded up to this many bytes, so that pieces of nearly one size are reused.
GRANULARITY = 64 << 10
#: Nonces tried between two looks: about a millisecond of work, and about what a proof needs.
GRINDING_WAVE = 1 << 20


@dataclass
class _Staging:
    """A pinned buffer and the event after which it may be filled again."""

    buffer: npt.NDArray[np.uint64]
    event: Any


@dataclass
class _State:
    """What lives in the context's thread."""

    driver: Any = None
    context: Any = None
    compute: Any = None
    copies: Any = None
    staging: list[_Staging] = field(default_factory=list)
    # Events live and die here: PyCUDA cannot destroy one in another thread.
    marks: list[Any] = field(default_factory=list)
    marked: int = 0
    timing: list[Any] = field(default_factory=list)
    functions: dict[str, Any] = field(default_factory=dict)
    allocations: dict[int, Any] = field(default_factory=dict)
    target: str = ""
    # What known programs were compiled for that fits; empty when they are interpreted.
    programs: str = ""
    name: str = ""
    free: int = 0
    lost: str = ""


def choose_target(capability: tuple[int, int], architectures: Sequence[str]) -> str:
    """Return the code for a device: a cubin of the same generation that is not newer, else ``ptx``.

    Raises
    ------
    NoDevice
        The device is older than the kernels.
    """
    if capability < OLDEST:
        raise NoDevice(
            f"The device has compute capability {capability[0]}.{capability[1]}, the kernels need "
            f"{OLDEST[0]}.{OLDEST[1]}.",
            remedy="Use a newer device or HALLMARK_DEVICE=cpu.",
        )
    fitting = [name for name in architectures if int(name[3:-1]) == capability[0] and int(name[-1]) <= capability[1]]
    return max(fitting, key=lambda name: int(name[3:])) if fitting else "ptx"


class CudaDevice:
    """One CUDA device.

    Parameters
    ----------
    number
        The device's number.

    Raises
    ------
    NoDevice
        PyCUDA or the driver is missing, or there is no such device.
    KernelsMissing, KernelsCorrupt
        `make cuda` has to run.
    DriverTooOld
        The driver does not take the kernels.
    """

    granularity = GRANULARITY
    grinding_wave = GRINDING_WAVE

    def __init__(self, number: int) -> None:
        kernels, self._programs = build.load(), programs.load()
        self._state = _State()
        self._thread = ContextThread(f"cuda:{number}", self._leave)
        try:
            self._thread.call(lambda: self._enter(number, kernels))
        except BaseException:
            self._thread.close()
            raise
        loadable = [kernels] if self._programs is None or not self._state.programs else [kernels, self._programs]
        self.kernels = frozenset(kernel for held in loadable for kernel in held.manifest["kernels"])
        self.name = f"cuda:{number} ({self._state.name})"
        #: Bytes that were free when the context was made.
        self.free_memory = self._state.free
        self.memory = int(self._state.free * SHARE)
        #: ``sm_NN`` or ``ptx``: the code that runs.
        self.target = self._state.target

    def allocate(self, size: int) -> int:
        """Return new memory; see the interface."""

        def run() -> int:
            state = self._state
            try:
                made = state.driver.mem_alloc(size)
            except state.driver.MemoryError as error:
                raise DeviceOutOfMemory(f"{self.name} has no {size} bytes left.", requested=size) from error
            state.allocations[int(made)] = made
            return int(made)

        return self._call(run)

    def free(self, pointer: int) -> None:
        """Give memory back."""
        self._call(lambda: self._state.allocations.pop(pointer).free())

    def mark(self) -> int:
        """Return the number of an event after everything launched so far.

        Events are used again in turn. Who waits for a number whose event has moved on waits for a later launch.
        """

        def run() -> int:
            state = self._state
            number = state.marked
            state.marks[number % MARKS].record(state.compute)
            state.marked += 1
            return number

        return self._call(run)

    def copy_in(self, pointer: int, host: npt.NDArray[np.uint64], after: Any) -> None:
        """Copy to the device through the pinned buffers; see the interface."""
        words = host.reshape(-1)

        def run() -> None:
            state = self._state
            if after is not None:
                state.copies.wait_for_event(state.marks[after % MARKS])
            length = STAGING // WORD
            for turn, start in enumerate(range(0, words.size, length)):
                staging = state.staging[turn % len(state.staging)]
                piece = words[start : start + length]
                staging.event.synchronize()
                memory.copy(staging.buffer, piece)
                state.driver.memcpy_htod_async(pointer + WORD * start, staging.buffer[: piece.size], state.copies)
                staging.event.record(state.copies)
                state.compute.wait_for_event(staging.event)

        self._call(run)

    def copy_out(self, host: npt.NDArray[np.uint64], pointer: int) -> None:
        """Copy from the device through a pinned buffer; see the interface."""
        words = host.reshape(-1)

        def run() -> None:
            state = self._state
            length = STAGING // WORD
            for start in range(0, words.size, length):
                staging = state.staging[0]
                piece = words[start : start + length]
                staging.event.synchronize()
                state.driver.memcpy_dtoh_async(staging.buffer[: piece.size], pointer + WORD * start, state.compute)
                staging.event.record(state.compute)
                staging.event.synchronize()
                piece[:] = staging.buffer[: piece.size]

        self._call(run)

    def launch(self, kernel: str, grid: tuple[int, int], block: int, arguments: Sequence[int], shared: int = 0) -> None:
        """Launch a kernel; see the interface."""

        def run() -> None:
            function = self._state.functions.get(kernel) or self._load_program(kernel)
            function.prepare("Q" * len(arguments))
            function.prepared_async_call(grid, (block, 1, 1), self._state.compute, *arguments, shared_size=shared)

        self._call(run)

    def _load_program(self, kernel: str) -> Any:
        """Load the kernels of a known program, all slices of it; runs in the thread."""
        assert self._programs is not None
        unit = self._programs.manifest["kernels"][kernel]
        self._load(self._programs, unit, self._state.programs)
        return self._state.functions[kernel]

    def _load(self, kernels: build.Kernels, unit: str, target: str) -> None:
        """Load the kernels of a file; runs in the thread."""
        # The driver reads PTX up to a zero byte; a cubin knows its own length.
        module = self._state.driver.module_from_buffer(kernels.image(unit, target) + b"\0")
        for kernel, home in kernels.manifest["kernels"].items():
            if home == unit:
                self._state.functions[kernel] = module.get_function(kernel)

    def synchronize(self) -> None:
        """Wait for everything launched so far."""
        self._call(lambda: self._state.compute.synchronize())

    def time(self, work: Callable[[], None]) -> float:
        """Return the seconds that launches take on the device."""

        def record(which: int) -> None:
            self._state.timing[which].record(self._state.compute)

        self._call(lambda: record(0))
        work()
        self._call(lambda: record(1))

        def elapsed() -> float:
            begin, end = self._state.timing
            end.synchronize()
            return float(begin.time_till(end)) / 1000

        return self._call(elapsed)

    def facts(self) -> dict[str, int]:
        """Return multiprocessors, clock in kHz, threads and registers per multiprocessor."""

        def run() -> dict[str, int]:
            device, names = self._state.context.get_device(), self._state.driver.device_attribute
            wanted = {
                "multiprocessors": names.MULTIPROCESSOR_COUNT,
                "clock_khz": names.CLOCK_RATE,
                "threads": names.MAX_THREADS_PER_MULTIPROCESSOR,
                "registers": names.MAX_REGISTERS_PER_MULTIPROCESSOR,
            }
            return {key: int(device.get_attribute(attribute)) for key, attribute in wanted.items()}

        return self._call(run)

    def together(self, work: Callable[[], T]) -> T:
        """Run work in the context's thread, so that none of its calls waits for the thread's turn."""
        context = contextvars.copy_context()
        return self._thread.call(lambda: context.run(work))

    def close(self) -> None:
        """Release the context and end its thread."""
        self._thread.close()

    def _call(self, run: Callable[[], T]) -> T:
        """Run in the context's thread; any failure of the driver means that the context is lost."""
        state = self._state
        if state.lost:
            raise DeviceLost(f"{self.name} was lost earlier: {state.lost}.")
        try:
            return self._thread.call(run)
        except DeviceError:
            raise
        except Exception as error:
            if state.driver is not None and isinstance(error, state.driver.Error):
                state.lost = str(error)
                raise DeviceLost(f"{self.name} failed: {error}.") from error
            raise

    def _enter(self, number: int, kernels: build.Kernels) -> None:
        """Make the context, load the kernels; runs in the thread."""
        state = self._state
        state.driver = driver = import_driver()
        count = driver.Device.count()
        if number >= count:
            raise NoDevice(f"There is no device {number}; the driver lists {count}.")
        device = driver.Device(number)
        state.name = device.name()
        state.target = choose_target(device.compute_capability(), kernels.architectures)
        if state.target == "ptx":
            major, minor = device.compute_capability()
            get_logger("cuda").warning(
                "no kernels compiled ahead for this device; the driver translates PTX now",
                device=state.name,
                capability=f"{major}.{minor}",
            )
        if self._programs is not None:
            fitting = choose_target(device.compute_capability(), self._programs.architectures)
            state.programs = "" if fitting == "ptx" else fitting
        state.context = device.make_context()
        try:
            for unit in sorted(set(kernels.manifest["kernels"].values())):
                self._load(kernels, unit, state.target)
        except driver.Error as error:
            version = driver.get_driver_version()
            raise DriverTooOld(
                f"The driver (CUDA {version // 1000}.{version % 1000 // 10}) refuses the kernels, which "
                f"{kernels.manifest['compiler']} compiled for {state.target}: {error}."
            ) from error
        state.compute, state.copies = driver.Stream(), driver.Stream()
        for _ in range(2):
            event = driver.Event(driver.event_flags.DISABLE_TIMING)
            event.record(state.copies)
            state.staging.append(_Staging(driver.pagelocked_empty(STAGING // WORD, np.uint64), event))
        state.marks += (driver.Event(driver.event_flags.DISABLE_TIMING) for _ in range(MARKS))
        state.timing += (driver.Event(), driver.Event())
        state.free = int(driver.mem_get_info()[0])

    def _leave(self) -> None:
        """Release everything; runs in the thread, last."""
        state = self._state
        if state.context is None:
            return
        for part in (state.staging, state.marks, state.timing, state.functions, state.allocations):
            part.clear()
        state.compute = state.copies = None
        # A lost context refuses even to go; the process ends soon.
        with contextlib.suppress(state.driver.Error):
            state.context.pop()
            state.context.detach()
        state.context = None


def import_driver() -> Any:
    """Import PyCUDA's driver interface and initialise it.

    Raises
    ------
    NoDevice
        PyCUDA is not installed, or the driver does not start.
    """
    try:
        import pycuda.driver as driver
    except ImportError as error:
        raise NoDevice(
            f"PyCUDA cannot be imported: {error}.", remedy="Install it: `.venv/bin/pip install -e '.[cuda]'`."
        ) from error
    try:
        driver.init()
    except driver.Error as error:
        raise NoDevice(f"The CUDA driver does not start: {error}.") from error
    return driver
