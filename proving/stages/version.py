"""What stages have in common."""

from __future__ import annotations

from collections.abc import Callable

#: Version of keys and formats together; part of every job, artifact and offer.
PROTOCOL_VERSION = "1"

#: Called with (fraction done, phase).
Progress = Callable[[float, str], None]
