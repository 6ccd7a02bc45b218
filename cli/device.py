"""The compute device of a command: opened in its turn, used by turns, given back to whoever waits."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from actors.backend import device_name, open_backend
from actors.device_turns import WAITS, turn_of
from cli import display

if TYPE_CHECKING:
    from actors.device_turns import DeviceTurn
    from proving.backend.interface import Backend
    from runtime.settings import Settings

#: Seconds between two looks of a command for processes that wait for the device, while it does something else.
LOOK_SECONDS = 0.25

#: Takes how far the work is, 0 to 1, and what it does.
Tell = Callable[[float, str], None]


class Device:
    """A device of this machine, shared with its workers and with other commands by turns; see :func:`opened`."""

    def __init__(self, settings: Settings, command: str) -> None:
        self._settings = settings
        self._backend: Backend | None = None
        holder = f"{socket.gethostname()}/{command}/{os.getpid()}"
        #: None on the CPU, and where a share of the device's memory is this process's.
        self.turn: DeviceTurn | None = turn_of(settings, device_name(settings), holder, lambda: self._backend)

    @property
    def memory(self) -> int:
        """Bytes that a proof may take on the CUDA device that was opened; 0 on a CPU, whose memory is the host's."""
        from cuda.backend import CudaBackend

        opened = self._backend
        return opened.pool.budget if isinstance(opened, CudaBackend) and self._settings.device != "emulated" else 0

    @contextmanager
    def used(self, tell: Tell = lambda done, note: None) -> Iterator[Backend]:
        """Have the compute backend while the block runs, in this command's turn; `tell` hears that it waits for that.

        Raises
        ------
        ConfigurationError
            A device was asked for by name and cannot be had.
        """
        with self.turn.taken(lambda: tell(0.0, WAITS)) if self.turn else nullcontext():
            if self._backend is None:
                self._backend = open_backend(self._settings)
            yield self._backend

    def compressed(self, proof: bytes, profile: str, tell: Tell) -> bytes:
        """Return the SNARK of a batch's proof, under the setup of the settings."""
        from proving import stages

        with self.used(tell) as compute:
            return stages.compress(proof, backend=compute, profile=profile, setup=self._settings.setup, progress=tell)


def _say_once() -> Tell:
    """Return what says on standard error what it hears first; no bar is there yet."""
    said: list[str] = []

    def tell(done: float, note: str) -> None:
        if not said:
            said.append(note)
            display.errors.print(note)

    return tell


@contextmanager
def opened(settings: Settings, command: str) -> Iterator[Device]:
    """Open the device that the settings name, and have it for the block, in which others may take turns at it.

    Raises
    ------
    ConfigurationError
        As `Device.used`: what is wrong with the device is told before anything is worked out.
    """
    device = Device(settings, command)
    with device.used(_say_once()):
        pass
    if (turn := device.turn) is None:
        yield device
        return
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(LOOK_SECONDS):
            turn.look()

    looking = threading.Thread(target=look, name="device-turns", daemon=True)
    looking.start()
    try:
        yield device
    finally:
        ended.set()
        looking.join()
