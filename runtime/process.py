"""What every process does alike: signals, exit codes, one line for what is wrong at the start.

The module imports little, so that signals are caught before anything heavy is loaded.
"""

from __future__ import annotations

import enum
import errno
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import TYPE_CHECKING

from runtime.errors import ConfigurationError, HallmarkError, ResourceError, Unavailable

if TYPE_CHECKING:
    from runtime.pulse import Pulse
    from runtime.settings import Settings

#: Where supervisors tell a process its name: Hallmark's own, honcho, Heroku, foreman.
NAME_VARIABLES = ("HALLMARK_PROCESS", "HONCHO_PROCESS_NAME", "DYNO", "PS")


class Exit(enum.IntEnum):
    """Exit statuses of processes, those of sysexits.h."""

    OK = 0
    BUG = 70
    RESTART = 75
    CONFIGURATION = 78


#: What each status means, as the documentation prints it.
MEANINGS = {
    Exit.OK: "told to stop, or finished",
    Exit.BUG: "a bug; the log has the traceback",
    Exit.RESTART: "start it again: silent for too long, over its memory budget, or a resource of the host ran out",
    Exit.CONFIGURATION: "something in its environment is wrong; one line on stderr says what to change",
}

#: What the system says of a file, folder or address that no restart makes usable.
_ENVIRONMENT = frozenset(
    {
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.EADDRINUSE,
        errno.EADDRNOTAVAIL,
    }
)


@dataclass
class Process:
    """What the body of a process gets.

    Parameters
    ----------
    kind
        The process type, such as ``prove``; names logs and the trace file.
    stopping
        Set by SIGTERM and SIGINT.
    pulse
        Signs of life, shown by ``/ready``.
    waits_for
        Why it does not work yet, shown by ``/ready``; the body empties it.
    """

    kind: str
    settings: Settings
    stopping: threading.Event
    pulse: Pulse
    waits_for: str = "it is starting; the log says what it waits for"
    started: float = field(default_factory=time.time)

    @property
    def name(self) -> str:
        """What the supervisor calls this process (``prove.2``), or the process type."""
        return process_name(self.kind)

    def ready(self) -> None:
        """Note that the start is over."""
        self.waits_for = ""


#: The part of a process that is its own; returns the exit status.
Body = Callable[[Process], int]


def process_name(kind: str) -> str:
    """Return what the supervisor calls this process (``prove.2``), or the process type."""
    named = (os.environ.get(variable) for variable in NAME_VARIABLES)
    return next((name for name in named if name), kind).replace("/", "_")


def run_process(kind: str, enter: Callable[[], Body]) -> None:
    """Run one process from its first instant to its exit status.

    Parameters
    ----------
    kind
        The process type.
    enter
        Imports what the process needs and returns its body. The body waits out outages by itself.
    """
    stopping, entered = threading.Event(), threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        if not entered.is_set():
            os._exit(Exit.OK)
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    os.umask(0o077)
    show_any_text()
    process: Process | None = None
    try:
        process = _prepare(kind, stopping)
        body = enter()
        entered.set()
        code = body(process)
    except HallmarkError as error:
        code = _known(error, stopping)
    except OSError as error:
        code = _refused_by_system(error, process, stopping)
    except SystemExit:
        raise
    except BaseException:
        code = _bug(kind)
    if process is not None:
        from runtime.telemetry import flush_telemetry

        flush_telemetry()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue
    # Threads inside native code cannot be joined; everything that matters is stored.
    os._exit(code)


def show_any_text() -> None:
    """Let names that the terminal cannot show be printed escaped instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _prepare(kind: str, stopping: threading.Event) -> Process:
    from runtime.logging import configure_logging
    from runtime.private import usable_folder
    from runtime.proxies import spare_loopback
    from runtime.pulse import Pulse
    from runtime.settings import load_settings
    from runtime.telemetry import configure_telemetry
    from runtime.troubles import TROUBLES

    settings = load_settings()
    TROUBLES.disk = usable_folder(settings.state_dir, "HALLMARK_STATE_DIR")
    spare_loopback()
    configure_logging(settings, process=kind)
    configure_telemetry(settings, service=kind)
    return Process(kind, settings, stopping, Pulse())


def _known(error: HallmarkError, stopping: threading.Event) -> Exit:
    # A process told to stop while it waits for a service leaves with the reason why it waited; that is no fault.
    if stopping.is_set():
        return Exit.OK
    _say(error.line())
    if isinstance(error, ConfigurationError):
        return Exit.CONFIGURATION
    return Exit.RESTART if isinstance(error, Unavailable | ResourceError) else Exit.BUG


def _refused_by_system(error: OSError, process: Process | None, stopping: threading.Event) -> Exit:
    from runtime.os_errors import resource_error

    if spent := resource_error(error):
        return _known(spent, stopping)
    started = process is not None and not process.waits_for
    if started or error.errno not in _ENVIRONMENT:
        return _bug("process" if process is None else process.kind)
    place = f"{error.filename}: " if error.filename else ""
    return _known(ConfigurationError(f"{place}{error.strerror}."), stopping)


def _bug(kind: str) -> Exit:
    from runtime.logging import get_logger

    get_logger(kind).exception("a bug ends the process")
    return Exit.BUG


def _say(line: str) -> None:
    try:
        print(" ".join(line.split()), file=sys.stderr, flush=True)
    except OSError:
        return
