"""The Goldilocks field and its cubic extension, on host arrays."""

from __future__ import annotations
