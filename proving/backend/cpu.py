"""The backend on the CPU, as processes that prove open it."""

from __future__ import annotations

import functools

from proving.backend.native import NativeBackend
from proving.backend.streaming import StreamingBackend


def cpu_backend(budget: int = 0) -> NativeBackend:
    """Return a backend that keeps extended columns where the budget (bytes, 0 for what is free) holds them."""
    return NativeBackend(StreamingBackend(), budget)


@functools.cache
def default_backend() -> NativeBackend:
    """Return this process's backend for whoever brings none: what keys hold for it is held once."""
    return cpu_backend()
