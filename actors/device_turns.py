"""Processes that share a device hold its memory by turns: a prover and a compressor on one card, two provers.

Whoever has the turn keeps it, with what its backend keeps on the device, until somebody else waits: then the memory
goes back after the job, and at once when there is none. Two locks of files make the order: who waits first takes
``next``, then ``held``; who had the device queues behind. The kernel frees both when a process ends, however it ends. A
process whose share of the memory is fixed (``HALLMARK_DEVICE_MEMORY``) takes no turns.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from runtime.errors import ConfigurationError
from runtime.private import private_file, private_folder
from runtime.settings import Settings

#: Seconds between two looks of a process that waits.
LOOK_SECONDS = 0.05
#: What a job that waits reports as its phase.
WAITS = "waits for device"
_HELD, _NEXT = ".held", ".next"
#: Bytes of a holder's name that are read.
_NAME_BYTES = 200


def turns_folder(settings: Settings) -> Path:
    """Return the folder of the locks: of this machine and user, unless the settings name one.

    Raises
    ------
    ConfigurationError
        Somebody else made the folder first.
    """
    if settings.device_turns is not None:
        return private_folder(settings.device_turns)
    # Whose it is is looked at below.
    folder = private_folder(Path("/dev/shm") / f"hallmark-{os.getuid()}")  # nosec B108
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise ConfigurationError(
            f"{folder} belongs to somebody else.", remedy="Set HALLMARK_DEVICE_TURNS to a folder of your own."
        )
    return folder


@runtime_checkable
class HoldsMemory(Protocol):
    """A backend that keeps memory of a device; the CPU's keeps none."""

    def give_back(self) -> None:
        """Give all memory back that no array needs."""


def turn_of(settings: Settings, device: str, holder: str, backend: Callable[[], object]) -> DeviceTurn | None:
    """Return a process's turns at a device; none at the CPU, and none where a share of its memory is this process's.

    Parameters
    ----------
    backend
        Returns the backend that keeps the device's memory, or None before there is one.
    """
    if device == "cpu" or settings.device_memory:
        return None

    def give_back() -> None:
        if isinstance(opened := backend(), HoldsMemory):
            opened.give_back()

    return DeviceTurn(turns_folder(settings), physical(device), holder, give_back)


def physical(device: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return what names a device for all processes of the machine, whichever of its devices a process sees."""
    kind, _, number = device.partition(":")
    visible = environment.get("CUDA_VISIBLE_DEVICES", "").split(",")
    if kind == "cuda" and number.isdigit() and int(number) < len(visible) and visible[int(number)].strip():
        return f"cuda:{re.sub(r'[^A-Za-z0-9-]', '_', visible[int(number)].strip())}"
    return device


class DeviceTurn:
    """One process's turns at a device, for all of its threads.

    Parameters
    ----------
    holder
        Who this is, for people.
    give_back
        Gives the memory back that no job needs; called while nothing of this process uses the device.
    """

    def __init__(self, folder: Path, device: str, holder: str, give_back: Callable[[], None]) -> None:
        self._held, self._next = _Lock(folder, device + _HELD, holder), _Lock(folder, device + _NEXT, holder)
        self._give_back = give_back
        self._lock = threading.Lock()
        self._users = self._waiting = 0

    @contextmanager
    def taken(self, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Have the device while the block runs; ``waiting`` is called again and again before, and may raise."""
        with self._lock:
            self._waiting += 1
        try:
            while not self._enter():
                waiting()
                time.sleep(LOOK_SECONDS)
        finally:
            with self._lock:
                self._waiting -= 1
                if not self._waiting:
                    self._next.free()
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                self._yield_if_wanted()

    def look(self) -> None:
        """Let another process have the device that waits for it, when this one has no job on it."""
        with self._lock:
            self._yield_if_wanted()

    def _enter(self) -> bool:
        with self._lock:
            self._yield_if_wanted()
            if self._held.mine and not self._next.mine and self._next.taken_by_another():
                # Whoever waits comes first, or two threads that overlap would never let go.
                return False
            if not self._held.mine and not (self._next.take() and self._held.take()):
                return False
            self._next.free()
            self._users += 1
            return True

    def _yield_if_wanted(self) -> None:
        if self._held.mine and not self._users and self._next.taken_by_another():
            try:
                self._give_back()
            finally:
                self._held.free()


class _Lock:
    """A lock of a file that says who has it."""

    def __init__(self, folder: Path, name: str, holder: str) -> None:
        self._file = os.open(private_file(folder / name), os.O_RDWR | os.O_CLOEXEC)
        self._holder = holder.encode()[:_NAME_BYTES]
        self.mine = False

    def __del__(self) -> None:
        os.close(self._file)

    def take(self) -> bool:
        """Take it unless another has it, and return whether it is this one's."""
        if not self.mine and _try(self._file):
            self.mine = True
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, 0)
                os.pwrite(self._file, self._holder, 0)
        return self.mine

    def free(self) -> None:
        """Let go of it."""
        if self.mine:
            self.mine = False
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, 0)
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def taken_by_another(self) -> bool:
        """Return whether another has it."""
        if self.mine:
            return False
        if not _try(self._file):
            return True
        fcntl.flock(self._file, fcntl.LOCK_UN)
        return False


def _try(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@dataclass(frozen=True)
class Turn:
    """Who has a device, and who has it next; empty where nobody does."""

    device: str
    held_by: str
    waits: str


def report(folder: Path) -> list[Turn]:
    """Return the devices that processes of this machine hold or wait for."""
    names = sorted({path.name.removesuffix(_HELD) for path in folder.glob(f"*{_HELD}")})
    turns = [Turn(name, _holder(folder / f"{name}{_HELD}"), _holder(folder / f"{name}{_NEXT}")) for name in names]
    return [turn for turn in turns if turn.held_by or turn.waits]


def _holder(path: Path) -> str:
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        # The name of a holder that was killed stays in the file; the lock does not.
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return os.pread(file, _NAME_BYTES, 0).decode(errors="replace") or "somebody"
        return ""
    finally:
        os.close(file)
