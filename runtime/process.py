"""What every long-running process does alike: signals, exit codes, one line for a bad configuration."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

from runtime.errors import ConfigurationError, HallmarkError
from runtime.logging import configure_logging
from runtime.settings import Settings, load_settings
from runtime.telemetry import configure_telemetry, flush_telemetry

#: Told to stop, or finished.
EXIT_OK = 0
#: A bug; the supervisor restarts the process (``EX_SOFTWARE``).
EXIT_BUG = 70
#: Restart wanted: silent for too long, or over the memory budget (``EX_TEMPFAIL``).
EXIT_RESTART = 75
#: A configuration that no restart repairs (``EX_CONFIG``).
EXIT_CONFIGURATION = 78


def run_process(name: str, body: Callable[[Settings, threading.Event], int]) -> None:
    """Load settings, set up logs and traces, run ``body`` until it returns, and leave with its exit code.

    Parameters
    ----------
    name
        The process type; names logs and the trace file.
    body
        Gets the settings and an event that SIGTERM and SIGINT set. It waits out outages by itself.
    """
    stopping = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    code = EXIT_OK
    try:
        settings = load_settings()
        configure_logging(settings, process=name)
        configure_telemetry(settings, service=name)
        code = body(settings, stopping)
    except HallmarkError as error:
        # A process told to stop while it waits for a service leaves with the reason why it waited; that is no fault.
        if not stopping.is_set():
            print(error.line(), file=sys.stderr, flush=True)
            code = EXIT_CONFIGURATION if isinstance(error, ConfigurationError) else EXIT_BUG
    flush_telemetry()
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads inside native code cannot be joined; everything that matters is stored.
    os._exit(code)
