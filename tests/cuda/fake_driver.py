"""PyCUDA's driver interface over the emulation, to run the code that talks to a driver where there is none.

Copies and kernels that are queued on a stream happen late, when the stream is waited for, so a missing event or a
staging buffer that is filled too early gives wrong data.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from cuda.emulated import EmulatedDevice


class Error(Exception):
    """Any failure."""


class LogicError(Error):
    """The caller's fault."""


class MemoryError(Error):
    """Out of memory."""


class LaunchError(Error):
    """A kernel failed."""


event_flags = SimpleNamespace(DISABLE_TIMING=2)
device_attribute = SimpleNamespace(
    MULTIPROCESSOR_COUNT=0, CLOCK_RATE=1, MAX_THREADS_PER_MULTIPROCESSOR=2, MAX_REGISTERS_PER_MULTIPROCESSOR=3
)


class Machine:
    """What the tests set and look at."""

    def __init__(self) -> None:
        self.emulated = EmulatedDevice()
        self.capability = (9, 0)
        self.devices = 1
        self.memory = 1 << 28
        self.refuse_modules = False
        self.fail_launches = False
        self.fail_init = False
        self.live: dict[int, int] = {}
        self.stack = 0
        self.strays = 0


machine: Machine


def reset() -> Machine:
    """Make a new machine."""
    global machine
    machine = Machine()
    return machine


class Stream:
    """A queue of work that runs when somebody waits."""

    def __init__(self) -> None:
        self.queue: deque[Callable[[], None]] = deque()

    def synchronize(self) -> None:
        while self.queue:
            self.queue.popleft()()

    def wait_for_event(self, event: Event) -> None:
        number = event.recorded
        self.queue.append(lambda: event.wait(number))


class Event:
    """The moment when a stream has done what was queued before; recording it again makes a later moment."""

    def __init__(self, flags: int = 0) -> None:
        self.recorded = 0
        self.reached = 0
        self.stream = Stream()
        self.thread = threading.get_ident()
        self.machine = machine

    def __del__(self) -> None:
        # PyCUDA only warns, and never destroys the event.
        if threading.get_ident() != self.thread:
            self.machine.strays += 1

    def record(self, stream: Stream) -> None:
        self.recorded += 1
        self.stream = stream
        stream.queue.append(self._reach(self.recorded))

    def _reach(self, number: int) -> Callable[[], None]:
        def reach() -> None:
            self.reached = number

        return reach

    def wait(self, number: int) -> None:
        while self.reached < number:
            self.stream.queue.popleft()()

    def synchronize(self) -> None:
        self.wait(self.recorded)

    def time_till(self, other: Event) -> float:
        return 1.0


class Allocation:
    """Device memory."""

    def __init__(self, size: int) -> None:
        if sum(machine.live.values()) + size > machine.memory:
            raise MemoryError("cuMemAlloc failed: out of memory")
        self.pointer = machine.emulated.allocate(size)
        machine.live[self.pointer] = size

    def __int__(self) -> int:
        return self.pointer

    def free(self) -> None:
        del machine.live[self.pointer]
        machine.emulated.free(self.pointer)


class Function:
    """A kernel."""

    def __init__(self, name: str) -> None:
        self.name = name

    def prepare(self, types: str) -> None:
        self.types = types

    def prepared_async_call(
        self, grid: tuple[int, int], block: tuple[int, int, int], stream: Stream, *arguments: int, shared_size: int
    ) -> None:
        assert len(arguments) == len(self.types) and set(self.types) == {"Q"} and block[1:] == (1, 1)
        if machine.fail_launches:
            raise LaunchError("cuLaunchKernel failed: unspecified launch failure")
        stream.queue.append(lambda: machine.emulated.launch(self.name, grid, block[0], arguments, shared_size))


class Device:
    """A device."""

    def __init__(self, number: int) -> None:
        self.number = number

    @staticmethod
    def count() -> int:
        return machine.devices

    def name(self) -> str:
        return "Emulated GPU"

    def compute_capability(self) -> tuple[int, int]:
        return machine.capability

    def total_memory(self) -> int:
        return machine.memory

    def get_attribute(self, attribute: int) -> int:
        return attribute

    def make_context(self) -> Any:
        machine.stack += 1
        device = self

        class Context:
            def pop(self) -> None:
                machine.stack -= 1

            def detach(self) -> None:
                return None

            def get_device(self) -> Device:
                return device

        return Context()


def init() -> None:
    if machine.fail_init:
        raise Error("cuInit failed: no CUDA-capable device is detected")


def mem_alloc(size: int) -> Allocation:
    return Allocation(size)


def mem_get_info() -> tuple[int, int]:
    return machine.memory, machine.memory


def get_driver_version() -> int:
    return 12040


def pagelocked_empty(shape: int, dtype: Any) -> Any:
    return np.empty(shape, dtype)


def module_from_buffer(image: bytes) -> Any:
    if machine.refuse_modules:
        raise LogicError("cuModuleLoadDataEx failed: the provided PTX was compiled with an unsupported toolchain")
    return SimpleNamespace(get_function=Function)


def memcpy_htod_async(pointer: int, source: Any, stream: Stream) -> None:
    stream.queue.append(lambda: machine.emulated.copy_in(pointer, source, None))


def memcpy_dtoh_async(target: Any, pointer: int, stream: Stream) -> None:
    stream.queue.append(lambda: machine.emulated.copy_out(target, pointer))
