"""Which protocol this release speaks."""

from __future__ import annotations

#: Version of programs, keys and formats together: part of every job, artifact and offer.
PROTOCOL_VERSION = "1"
