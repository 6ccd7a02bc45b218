"""What a process's body gets, made without starting a process."""

from __future__ import annotations

import threading

from runtime.process import Process
from runtime.pulse import Pulse
from runtime.settings import Settings


def started(settings: Settings, kind: str = "test") -> Process:
    """Return a process whose start is over."""
    return Process(kind, settings, threading.Event(), Pulse(), waits_for="")
