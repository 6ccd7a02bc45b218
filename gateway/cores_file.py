"""The file of cores while the gateway runs: looked at again and again, taken when it has changed and is sound."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from gateway.cores import Core, content_of, cores_of_file
from runtime.errors import HallmarkError
from runtime.logging import get_logger

#: Seconds between two looks. A change counts once two looks saw the same, as a file may be written in several steps.
LOOK_SECONDS = 2.0

log = get_logger(__name__)


class CoresFile:
    """What the file of cores, and the certificates that it names, hold by now.

    Contents are compared and no times: a mounted secret is swapped by links, and clocks of file systems are coarse.

    Parameters
    ----------
    check
        Refuses a core that cannot be served, whatever the file says.

    Raises
    ------
    ConfigurationError
        As :func:`gateway.cores.cores_of_file`, and what `check` raises.
    """

    def __init__(self, path: Path, check: Callable[[Core], None] = lambda core: None) -> None:
        self._path, self._check = path, check
        #: Why the file as it stands is not taken; empty when it is.
        self.fault = ""
        #: What is served, and when that was read in seconds since the epoch.
        self.cores: tuple[Core, ...] = ()
        self.read_at = 0.0
        self._taken = self._seen = b""
        self._take(self._own())

    def look(self, *, at_once: bool = False) -> tuple[Core, ...] | None:
        """Return the cores if they are to be served in place of those before; None for no change and for a fault.

        Parameters
        ----------
        at_once
            Somebody says that the file is complete.
        """
        own = self._own()
        content = own + _certificates(self.cores)
        settled = at_once or content == self._seen
        self._seen = content
        # What a fault is about may lie outside of all that is compared: a certificate that a new entry names.
        if not settled or (content == self._taken and not self.fault):
            return None
        try:
            self._take(own)
        except HallmarkError as error:
            self.refuse(error)
            return None
        return self.cores

    def facts(self) -> dict[str, object]:
        """Return what ``/ready`` shows of it."""
        return {"path": str(self._path), "read_at": self.read_at, "fault": self.fault}

    def refuse(self, error: HallmarkError) -> None:
        """Note why the file as it stands cannot be served; the log says each reason once."""
        text = error.line()
        if self.fault != text:
            log.error("gateway.cores_refused", error=text)
        self.fault = text

    def _take(self, own: bytes) -> None:
        """Read the file, of which a digest was taken before: what changes meanwhile is seen at the next look."""
        found = cores_of_file(self._path)
        for core in found:
            self._check(core)
        if self.fault:
            log.info("gateway.cores_mended", file=str(self._path))
        self.fault, self.read_at, self.cores = "", time.time(), found
        self._taken = self._seen = own + _certificates(found)

    def _own(self) -> bytes:
        return hashlib.sha256(content_of(self._path)).digest()


def _certificates(cores: Sequence[Core]) -> bytes:
    return b"".join(core.files_digest() for core in cores)
