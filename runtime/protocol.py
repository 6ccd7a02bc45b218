"""Which protocol this release speaks."""

from __future__ import annotations

#: Version of programs, keys and formats together, as the public input of a batch's proof states it.
PROTOCOL_NUMBER = 1
#: The same as part of every job, artifact and offer.
PROTOCOL_VERSION = str(PROTOCOL_NUMBER)
