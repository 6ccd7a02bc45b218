"""How work tells how far it has come."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

#: Called with the fraction done (0 to 1) and the phase that begins; may raise to stop the work.
Progress: TypeAlias = Callable[[float, str], None]
