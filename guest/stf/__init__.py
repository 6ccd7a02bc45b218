"""The state-transition program (C) and the generator of its tables."""

from __future__ import annotations
