"""A network of its own for some of a test's processes, joined to the host's by a cable that can be pulled."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from types import TracebackType
from typing import Self

import pytest


class Namespace:
    """A network namespace and the pair of interfaces that joins it to the host's; a context manager.

    Where this user may not make one, the test is skipped with what the system said.
    """

    def __init__(self) -> None:
        self._near, self._far = f"hm{os.getpid()}n", f"hm{os.getpid()}f"
        self.host = f"10.213.{os.getpid() % 250}.1"
        self._holder: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        for needed in ("ip", "unshare", "nsenter"):
            if shutil.which(needed) is None:
                pytest.skip(f"a network namespace needs `{needed}` (apt-get install iproute2 util-linux)")
        self._holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"], stderr=subprocess.PIPE)
        time.sleep(0.3)
        if self._holder.poll() is not None:
            assert self._holder.stderr is not None
            pytest.skip(f"no network namespace: {self._holder.stderr.read().decode().strip()}")
        try:
            self._run(
                "ip", "link", "add", self._near, "type", "veth", "peer", self._far, "netns", str(self._holder.pid)
            )
            self._run("ip", "address", "add", f"{self.host}/30", "dev", self._near)
            self.heal()
            far = f"{self.host[:-1]}2/30"
            self._run(*self.within, "ip", "address", "add", far, "dev", self._far)
            for interface in (self._far, "lo"):
                self._run(*self.within, "ip", "link", "set", interface, "up")
        except subprocess.CalledProcessError as error:
            self._end()
            pytest.skip(f"no network namespace: {error.stderr.decode().strip()}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    @property
    def within(self) -> tuple[str, ...]:
        """The command that becomes another one inside of the namespace."""
        assert self._holder is not None
        return ("nsenter", "--net", "--target", str(self._holder.pid))

    def cut(self) -> None:
        """Pull the cable at the host's end: what is sent on either side is lost, and nobody is told."""
        self._run("ip", "link", "set", self._near, "down")

    def heal(self) -> None:
        """Put it in again."""
        self._run("ip", "link", "set", self._near, "up")

    def _run(self, *command: str) -> None:
        subprocess.run(command, check=True, capture_output=True, timeout=10)

    def _end(self) -> None:
        if self._holder is not None:
            with contextlib.suppress(subprocess.CalledProcessError):
                self._run("ip", "link", "delete", self._near)
            self._holder.kill()
            self._holder.wait()
