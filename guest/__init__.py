"""Programs that are proven: the C runtime, the state-transition program, an example, and their committed ELFs."""

from __future__ import annotations
